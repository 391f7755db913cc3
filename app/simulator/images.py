"""Fulfil an image order: draw the pictures, count the tokens, write the answer as CometAPI does."""

import base64
import json
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from app.simulator.orders import Family, ImageOrder
from app.simulator.pictures import Sketch, draw
from app.simulator.scenario import Container, Content, Scenario, Usage
from app.simulator.tokens import gpt_image_1_tokens, gpt_image_2_tokens, text_tokens

ABSURD_TOKENS = 10**18
"""More than any picture costs, and more than a double counts exactly."""


@dataclass(frozen=True, slots=True)
class Fulfilment:
    """Drawn pictures, the body that carries them, and what they cost."""

    body: bytes
    pictures: int
    input_tokens: int
    output_tokens: int
    files: dict[str, bytes]
    """Pictures handed over as URLs, by file name."""


def fulfil(order: ImageOrder, scenario: Scenario, serials: Iterator[int], files_url: str) -> Fulfilment:
    """Draw an order's pictures and write the answer; takes CPU time, so call it in a thread."""
    sketch = Sketch(
        prompt=order.prompt,
        width=order.width,
        height=order.height,
        output_format=order.output_format,
        compression=order.compression,
        transparent=order.background == "transparent",
        padding_bytes=scenario.padding_bytes,
    )
    pictures = [draw(sketch, next(serials)) for _ in range(order.n)]
    files: dict[str, bytes] = {}
    if (scenario.container or order.container) is Container.URL:
        files = {f"{secrets.token_hex(12)}.{order.output_format}": picture for picture in pictures}
        data = [{"url": f"{files_url}{name}"} for name in files]
    else:
        data = [{"b64_json": base64.b64encode(picture).decode("ascii")} for picture in pictures]
    if scenario.empty_strings:
        data = [{"url": "", "b64_json": "", "revised_prompt": ""} | entry for entry in data]

    input_tokens, output_tokens = true_tokens(order)
    answer = write_answer(order, scenario, data, input_tokens, output_tokens)
    body = json.dumps(answer).encode("ascii")
    if scenario.content is Content.CUT_JSON:
        body = body[: int(len(body) * scenario.fault_at)]
    return Fulfilment(body, len(pictures), input_tokens, output_tokens, files)


def true_tokens(order: ImageOrder) -> tuple[int, int]:
    """Input and output tokens of an order; qwen-image is sold by the picture and has none."""
    match order.family:
        case Family.QWEN_IMAGE:
            return 0, 0
        case Family.GPT_IMAGE_1:
            count = gpt_image_1_tokens
        case Family.GPT_IMAGE_2:
            count = gpt_image_2_tokens
    return text_tokens(order.prompt), order.n * count(order.quality, order.width, order.height)


def write_answer(
    order: ImageOrder, scenario: Scenario, data: list[dict[str, str]], input_tokens: int, output_tokens: int
) -> dict[str, Any]:
    """The answer's JSON with ``usage`` where, and as true as, the scenario wants it."""
    answer: dict[str, Any] = {"created": int(time.time())}
    usage = {} if order.family is Family.QWEN_IMAGE else write_usage(scenario, input_tokens, output_tokens)
    if scenario.usage_first:
        answer |= usage
    answer["data"] = data
    if order.family is not Family.QWEN_IMAGE:
        answer |= {
            "background": order.background,
            "output_format": order.output_format,
            "quality": order.quality,
            "size": f"{order.width}x{order.height}",
        }
    return answer | usage


def write_usage(scenario: Scenario, input_tokens: int, output_tokens: int) -> dict[str, Any]:
    """The member ``usage`` with the leaky keys of CometAPI's backend, or nothing at all."""
    match scenario.usage:
        case Usage.MISSING:
            return {}
        case Usage.NEGATIVE:
            output_tokens = -output_tokens
        case Usage.ABSURD:
            output_tokens = ABSURD_TOKENS
        case Usage.TRUE:
            pass
    usage: dict[str, Any] = {
        "prompt_tokens": 0,
        "completion_tokens": 0,
        "total_tokens": input_tokens + output_tokens,
        "prompt_tokens_details": {"cached_tokens_details": {}},
        "completion_tokens_details": {},
        "input_tokens": input_tokens,
        "output_tokens": output_tokens,
        "input_tokens_details": {"image_tokens": 0, "text_tokens": input_tokens, "cached_tokens_details": {}},
        "claude_cache_creation_5_m_tokens": 0,
        "claude_cache_creation_1_h_tokens": 0,
    }
    if scenario.output_details:
        usage["output_tokens_details"] = {"image_tokens": output_tokens, "text_tokens": 0}
    return {"usage": usage}
