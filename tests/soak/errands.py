"""Numbered orders of every kind, each made from the seed and its number alone, so that timing does not change them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from tests.faults.traffic import Errand, errand
from tests.soak.facts import Order

NAMED = 0.15
"""The share of purchases that carry an Idempotency-Key and are asked for again."""
LATER = 0.15
"""The share of plain generations that are asked for now and fetched later."""
SLOWEST_SECONDS = 1.5
"""What a sound picture takes at most, so that there is something under way whenever something breaks."""

_NUMBER = re.compile(rb"errand-(\d+)\b")
_SCENARIO = re.compile(r"\[scenario: ([^\]]*)\]")
_BUYING = ("generation", "stream", "edit", "link", "fan-out", "later")


@dataclass(frozen=True, slots=True)
class Wanted:
    """An order and how it is sent."""

    order: Order
    errand: Errand
    headers: Mapping[str, str]
    pictures: int
    """How many are asked for."""

    @property
    def buys(self) -> bool:
        """Whether it is sound in itself, and for pictures rather than a quote."""
        return self.order.kind in _BUYING


def number_in(text: bytes) -> int | None:
    """The number of the order that a body belongs to."""
    found = _NUMBER.search(text)
    return int(found[1]) if found else None


def wanted(seed: int, number: int) -> Wanted:
    """The order of this number: one of `tests.faults.traffic`, with its number in the prompt and as its end user."""
    random = Random(f"{seed}-{number}")
    plain = errand(random)
    fields = dict(plain.fields)
    scenario = _SCENARIO.search(fields["prompt"])
    fault = scenario[1] if scenario else ""
    if plain.kind != "bad":
        latency = "" if fault else f" [scenario: latency_seconds={random.uniform(0, SLOWEST_SECONDS):.2f}]"
        fields |= {"prompt": f"{fields['prompt']}{latency} errand-{number}", "user": f"errand-{number}"}
    kind = plain.kind
    if kind == "generation" and random.random() < LATER:
        kind = "later"
    is_named = kind in _BUYING and random.random() < NAMED
    headers = {"Idempotency-Key": f"errand-{number}"} if is_named else {}
    if kind == "later":
        headers["Prefer"] = "respond-async"
    leaves = plain.leaves_after_seconds if kind != "later" else None
    return Wanted(
        Order(number, kind, fault if plain.kind not in ("bad", "quote") else "", is_named),
        Errand(kind, plain.route, fields, plain.files, leaves),
        headers,
        _pictures(fields),
    )


def _pictures(fields: Mapping[str, Any]) -> int:
    asked = fields.get("n", 1)
    return int(asked)
