"""Fulfil an image order: draw the pictures, count the tokens, write the answer as CometAPI does."""

import base64
import json
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from app.simulator.answer import HttpAnswer
from app.simulator.orders import ImageOrder
from app.simulator.pictures import Sketch, draw
from app.simulator.scenario import Container, Content, Scenario
from app.simulator.sizes import Family
from app.simulator.usage import Tokens, count_input, count_picture, write_usage

SIGNED_SECONDS = 24 * 3600
"""How long a Seedream URL says it is good for."""


@dataclass(frozen=True, slots=True)
class Fulfilment:
    """Drawn pictures, the answer that carries them, and what they cost."""

    answer: HttpAnswer
    pictures: int
    tokens: Tokens
    files: dict[str, bytes] = field(default_factory=dict)
    """Pictures handed over as URLs, by file name, with the query of a signed one."""


def fulfil(order: ImageOrder, scenario: Scenario, serials: Iterator[int], files_url: str) -> Fulfilment:
    """Draw an order's pictures and write the JSON answer; takes CPU time, so call it in a thread."""
    sketch = sketch_order(order, scenario)
    pictures = [draw(sketch, next(serials)) for _ in range(order.n)]
    files: dict[str, bytes] = {}
    if (scenario.container or order.container) is Container.URL:
        files = {_file_name(order): picture for picture in pictures}
        data = [{"url": f"{files_url}{name}"} for name in files]
    else:
        data = [{"b64_json": base64.b64encode(picture).decode("ascii")} for picture in pictures]
    if scenario.empty_strings:
        data = [{"url": "", "b64_json": "", "revised_prompt": ""} | entry for entry in data]

    tokens = count_input(order) + count_picture(order).times(order.n)
    body = json.dumps(write_answer(order, scenario, data, tokens)).encode("ascii")
    if scenario.content is Content.CUT_JSON:
        body = body[: int(len(body) * scenario.fault_at)]
    return Fulfilment(HttpAnswer(200, body), len(pictures), tokens, files)


def sketch_order(order: ImageOrder, scenario: Scenario) -> Sketch:
    """What the pictures of an order look like."""
    return Sketch(
        prompt=order.prompt,
        width=order.width,
        height=order.height,
        output_format=order.output_format,
        compression=order.compression,
        transparent=order.background == "transparent",
        padding_bytes=scenario.padding_bytes,
        inset=order.inputs[0].data if order.inputs else b"",
    )


def write_answer(order: ImageOrder, scenario: Scenario, data: list[dict[str, str]], tokens: Tokens) -> dict[str, Any]:
    """The answer's JSON with ``usage`` where, and as true as, the scenario wants it."""
    created = int(time.time())
    usage = write_usage(order.family, scenario, tokens, len(data))
    if order.family is Family.SEEDREAM:
        sized = [entry | {"size": order.size} for entry in data]
        return {"model": order.model, "created": created, "data": sized} | usage
    answer: dict[str, Any] = {"created": created}
    if scenario.usage_first:
        answer |= usage
    answer["data"] = data
    if order.family.is_gpt:
        answer |= describe(order)
    return answer | usage


def describe(order: ImageOrder) -> dict[str, str]:
    """What OpenAI says of its pictures, in answers and in each event of a stream."""
    return {
        "background": order.background,
        "output_format": order.output_format,
        "quality": order.quality,
        "size": order.size,
    }


def _file_name(order: ImageOrder) -> str:
    """A name nobody can guess; Seedream's are signed for a day, and not found without their signature."""
    name = f"{secrets.token_hex(12)}.{order.output_format}"
    if order.family is not Family.SEEDREAM:
        return name
    signature = {
        "X-Tos-Algorithm": "TOS4-HMAC-SHA256",
        "X-Tos-Credential": "simulator/cn-beijing/tos/request",
        "X-Tos-Date": f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}",
        "X-Tos-Expires": str(SIGNED_SECONDS),
        "X-Tos-Signature": secrets.token_hex(32),
        "X-Tos-SignedHeaders": "host",
    }
    return f"{name}?{urlencode(signature)}"
