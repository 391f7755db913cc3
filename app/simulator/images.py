"""Fulfil an image order: draw the pictures, count the tokens, write the answer as CometAPI does."""

import time
from collections.abc import Iterator
from typing import Any

from msgspec import Struct, field

from app.simulator.answer import HttpAnswer
from app.simulator.family import Family
from app.simulator.handover import hand_over
from app.simulator.jsontext import write_json
from app.simulator.links import LinkedPicture
from app.simulator.orders import ImageOrder
from app.simulator.pictures import Sketch, draw
from app.simulator.scenario import Content, Scenario
from app.simulator.usage import Tokens, count_input, count_picture, write_usage


class Fulfilment(Struct, frozen=True):
    """Drawn pictures, the answer that carries them, and what they cost."""

    answer: HttpAnswer
    pictures: int
    tokens: Tokens
    files: dict[str, LinkedPicture] = field(default_factory=dict)
    """What is to lie at which path and query, for pictures handed over as links."""


def fulfil(order: ImageOrder, scenario: Scenario, serials: Iterator[int], origin: str) -> Fulfilment:
    """Draw an order's pictures and write the JSON answer; takes CPU time, so call it in a thread."""
    sketch = sketch_order(order, scenario)
    pictures = [draw(sketch, next(serials)) for _ in range(order.n)]
    files: dict[str, LinkedPicture] = {}
    data: list[dict[str, str]] = []
    for picture in pictures:
        entry, laid_out = hand_over(order, scenario, picture, origin)
        data.append(entry)
        files |= laid_out
    tokens = count_input(order) + count_picture(order).times(order.n)
    body = write_json(write_answer(order, scenario, data, tokens), scenario)
    if scenario.content is Content.CUT_JSON:
        body = body[: int(len(body) * scenario.fault_at)]
    return Fulfilment(HttpAnswer(200, body), len(pictures), tokens, files)


def sketch_order(order: ImageOrder, scenario: Scenario) -> Sketch:
    """What the pictures of an order look like."""
    return Sketch(
        prompt=order.prompt,
        width=order.width,
        height=order.height,
        output_format=order.file.name,
        compression=order.file.compression,
        frames=order.file.frames,
        frame_ms=order.file.frame_ms,
        transparent=order.background == "transparent",
        padding_bytes=scenario.padding_bytes,
        inset=order.inputs[0].data if order.inputs else b"",
    )


def write_answer(order: ImageOrder, scenario: Scenario, data: list[dict[str, str]], tokens: Tokens) -> dict[str, Any]:
    """The answer's JSON with ``usage`` where, and as true as, the scenario wants it; ``data`` has the pictures."""
    created = int(time.time())
    usage = write_usage(order, scenario, tokens, len(data))
    data = [*({} for _ in range(scenario.blank_entries)), *data]
    if scenario.empty_strings:
        data = [{"url": "", "b64_json": "", "revised_prompt": ""} | entry for entry in data]
    if order.family is Family.SEEDREAM:
        sized = [entry | {"size": order.size} for entry in data]
        return {"model": order.model, "created": created, "data": sized} | usage
    if order.family is Family.DALL_E_3:
        data = [entry | {"revised_prompt": f"A detailed picture of: {order.prompt}"} for entry in data]
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
        "output_format": order.file.name,
        "quality": order.quality,
        "size": order.size,
    }
