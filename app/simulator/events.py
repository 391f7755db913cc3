"""Fulfil an image order as a stream of server-sent events: previews, then the picture with its usage.

Everything is drawn before the first event goes out, so that what is billed does not depend on who still listens.
"""

import time
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from app.simulator.answer import HttpAnswer
from app.simulator.handover import spell
from app.simulator.images import Fulfilment, describe, sketch_order
from app.simulator.jsontext import write_json
from app.simulator.orders import ImageOrder
from app.simulator.pictures import draw, draw_preview
from app.simulator.refusals import envelope, played_refusal
from app.simulator.scenario import Content, Scenario
from app.simulator.usage import Tokens, count_input, count_picture, write_usage

STREAM_TYPE = "text/event-stream; charset=utf-8"


class _Step(Struct, frozen=True):
    """One event to come."""

    picture: int
    preview: int | None
    """Which preview of the picture, or None for the picture itself."""


def fulfil_stream(order: ImageOrder, scenario: Scenario, serials: Iterator[int]) -> Fulfilment:
    """Draw an order's pictures and write the stream; takes CPU time, so call it in a thread."""
    steps = _plan(order, scenario)
    struck = scenario.struck_event(len(steps))
    kept = steps[: _kept(scenario, struck, len(steps))]
    numbers = [next(serials) for _ in range(order.n)]
    events = [_write_step(order, scenario, step, numbers[step.picture]) for step in kept]
    match scenario.content:
        case Content.ERROR_EVENT:
            events.append(_write_event("error", envelope(played_refusal(scenario)), scenario))
        case Content.CUT_JSON:
            events[struck] = events[struck][: int(len(events[struck]) * scenario.fault_at)]
        case _:
            pass
    if scenario.done_line and scenario.content is not Content.CUT_JSON:
        done = b"data: [DONE]" + _line_end(scenario) * 2
        events[-1:] = [b"".join(events[-1:]) + done]  # with the last event: no event of its own to be struck
    drawn = sum(step.preview is None for step in kept) if scenario.content is Content.ERROR_EVENT else order.n
    tokens = count_input(order) + count_picture(order).times(drawn) if drawn else Tokens()
    return Fulfilment(answer_stream(events), drawn, tokens)


def answer_stream(events: list[bytes]) -> HttpAnswer:
    """The answer that has these events."""
    return HttpAnswer(200, b"", STREAM_TYPE, events=tuple(events))


def _kept(scenario: Scenario, struck: int, steps: int) -> int:
    """How many events come of those that were to come, an error event not among them."""
    match scenario.content:
        case Content.ERROR_EVENT | Content.NOT_COMPLETED:
            return struck
        case Content.CUT_JSON:
            return struck + 1
        case _:
            return steps


def _write_event(name: str, fields: dict[str, Any], scenario: Scenario) -> bytes:
    """One event with the manners of a scenario, the empty line that ends it included."""
    lines = [b": keepalive", b""] if scenario.comments else []
    if scenario.event_names:
        lines.append(b"event: " + name.encode("ascii"))
    lines += [b"data: " + write_json(fields, scenario), b"", b""]
    return _line_end(scenario).join(lines)


def _plan(order: ImageOrder, scenario: Scenario) -> list[_Step]:
    """Picture by picture, each behind its previews; or preview by preview, and the pictures at the end."""
    stages = (*range(order.partial_images), None)
    if scenario.interleaved:
        return [_Step(picture, preview) for preview in stages for picture in range(order.n)]
    return [_Step(picture, preview) for picture in range(order.n) for preview in stages]


def _write_step(order: ImageOrder, scenario: Scenario, step: _Step, serial: int) -> bytes:
    """Draw for one event and write it. Input tokens stand with the first picture: the events add up to the bill."""
    sketch = sketch_order(order, scenario)
    kind = "image_edit" if order.inputs else "image_generation"
    if step.preview is None:
        name, image = f"{kind}.completed", draw(sketch, serial)
        tokens = count_picture(order) + (count_input(order) if step.picture == 0 else Tokens())
        last = write_usage(order, scenario, tokens, 1)
    else:
        name, image = f"{kind}.partial_image", draw_preview(sketch, serial, step.preview, order.partial_images)
        last = {"partial_image_index": step.preview}
    fields: dict[str, Any] = {"type": name}
    if scenario.usage_first:
        fields |= last
    fields |= {"b64_json": spell(order, scenario, image), "created_at": int(time.time())}
    return _write_event(name, fields | describe(order) | last, scenario)


def _line_end(scenario: Scenario) -> bytes:
    return b"\r\n" if scenario.crlf else b"\n"
