"""Read an image request as CometAPI does and refuse what it refuses, in its own words and statuses."""

import json
import re
from dataclasses import dataclass
from enum import Enum
from typing import Any

from app.simulator.refusals import Refusal, RefusalError
from app.simulator.scenario import Container
from app.simulator.tokens import GPT_IMAGE_1_TOKENS

MAX_PROMPT_CHARACTERS = 32_000
MAX_PICTURES = 10
FORMATS = ("png", "jpeg", "webp")
GPT_IMAGE_1_SIZES = tuple(GPT_IMAGE_1_TOKENS["low"])
MIN_PIXELS, MAX_PIXELS, MAX_EDGE, EDGE_STEP, MAX_ASPECT = 655_360, 8_294_400, 3840, 16, 3
"""gpt-image-2's rules for a size."""
QWEN_EDGES = range(256, 2049)
QWEN_DEFAULT_SIZE = "1328x1328"


class Family(Enum):
    """Models that share their rules and their price formula."""

    GPT_IMAGE_1 = "gpt-image-1"
    GPT_IMAGE_2 = "gpt-image-2"
    QWEN_IMAGE = "qwen-image"


@dataclass(frozen=True, slots=True)
class ImageOrder:
    """A valid image request, every ``auto`` resolved."""

    model: str
    family: Family
    prompt: str
    n: int
    width: int
    height: int
    quality: str
    output_format: str
    compression: int
    background: str
    container: Container


def read_generation(body: bytes) -> ImageOrder:
    """Read the body of POST /v1/images/generations.

    Raises:
        RefusalError: with what CometAPI (its own checks are 500) or OpenAI behind it (relayed, 400) would answer.

    """
    fields = read_json(body)
    prompt, family = _text(fields, "prompt"), _family(_text(fields, "model"))
    if not prompt:
        raise RefusalError(Refusal(500, "field prompt is required"))
    if fields.get("stream"):
        raise RefusalError(Refusal(400, "The simulator does not stream.", code="invalid_value", param="stream"))
    if len(prompt) > MAX_PROMPT_CHARACTERS:
        raise _relayed(
            "prompt",
            f"Invalid 'prompt': string too long. Expected a string with maximum length {MAX_PROMPT_CHARACTERS},"
            f" but got a string with length {len(prompt)} instead.",
            "string_above_max_length",
        )
    width, height = _size(_text(fields, "size") or "auto", family)
    output_format = _choice(fields, "output_format", FORMATS, "png")
    background = _choice(fields, "background", ("transparent", "opaque", "auto"), "auto")
    if background == "transparent" and output_format == "jpeg":
        raise _relayed("background", "Transparent background is not supported for JPEG output format.")
    return ImageOrder(
        model=_text(fields, "model"),
        family=family,
        prompt=prompt,
        n=_number_of_pictures(fields, family),
        width=width,
        height=height,
        quality=_quality(fields, family),
        output_format=output_format,
        compression=_integer(fields, "output_compression", 100, 0, 100),
        background="transparent" if background == "transparent" else "opaque",
        container=_container(fields, family),
    )


def read_json(body: bytes) -> dict[str, Any]:
    """The JSON object in a body.

    Raises:
        RefusalError: it is none; CometAPI calls that a 500.

    """
    try:
        fields = json.loads(body)
    except ValueError:
        raise RefusalError(Refusal(500, "invalid character in request body, expected a JSON object")) from None
    if not isinstance(fields, dict):
        raise RefusalError(Refusal(500, "json: cannot unmarshal request body into Go value of type dto.ImageRequest"))
    return fields


def loose_prompt(body: bytes) -> str:
    """The prompt of a body that may be no good, for the scenario tag in it."""
    try:
        prompt = read_json(body).get("prompt")
    except RefusalError:
        return ""
    return prompt if isinstance(prompt, str) else ""


def _family(model: str) -> Family:
    if not model:
        raise RefusalError(Refusal(400, "model name is required", code=""))
    if model.startswith(("gpt-image-1", "chatgpt-image-")):
        return Family.GPT_IMAGE_1
    if model.startswith("gpt-image-"):
        return Family.GPT_IMAGE_2
    if model == "qwen-image":
        return Family.QWEN_IMAGE
    if model.startswith("gemini-"):
        message = "not supported model for image generation, only imagen models are supported"
        raise RefusalError(Refusal(500, message, code="convert_request_failed"))
    message = f"no available channel for group default and model {model} (distributor)"
    raise RefusalError(Refusal(503, message, code="model_not_found"))


def _size(size: str, family: Family) -> tuple[int, int]:
    if size == "auto":
        size = QWEN_DEFAULT_SIZE if family is Family.QWEN_IMAGE else "1024x1024"
    match = re.fullmatch(r"([1-9]\d{0,4})[x*]([1-9]\d{0,4})", size)
    if match is None:
        raise _relayed("size", f"Invalid size '{size}'. Expected a size such as '1024x1024'.")
    width, height = int(match[1]), int(match[2])
    rule = _broken_size_rule(width, height, family)
    if rule:
        raise _relayed("size", f"Invalid size '{size}'. {rule}")
    return width, height


def _broken_size_rule(width: int, height: int, family: Family) -> str | None:
    match family:
        case Family.GPT_IMAGE_1:
            allowed = f"{width}x{height}" in GPT_IMAGE_1_SIZES
            return None if allowed else f"Supported sizes are {', '.join(GPT_IMAGE_1_SIZES)}, and auto."
        case Family.QWEN_IMAGE:
            return None if width in QWEN_EDGES and height in QWEN_EDGES else "Edges must be between 256 and 2048."
        case Family.GPT_IMAGE_2:
            rules = (
                (width % EDGE_STEP == height % EDGE_STEP == 0, "Width and height must both be divisible by 16."),
                (max(width, height) <= MAX_EDGE, f"The longest edge must be at most {MAX_EDGE} pixels."),
                (max(width, height) <= MAX_ASPECT * min(width, height), "The aspect ratio must be at most 3:1."),
                (width * height >= MIN_PIXELS, f"The image must have at least {MIN_PIXELS} pixels."),
                (width * height <= MAX_PIXELS, f"The image must have at most {MAX_PIXELS} pixels."),
            )
            return next((words for kept, words in rules if not kept), None)


def _quality(fields: dict[str, Any], family: Family) -> str:
    if family is Family.QWEN_IMAGE:
        return "medium"  # it knows no quality and reads none
    known = ["low", "medium", "high"]
    if str(fields["model"]).startswith(("gpt-image-2.5", "gpt-image-2.6")):
        known += ["xhigh", "max"]
    quality = _choice(fields, "quality", (*known, "auto"), "auto")
    return "medium" if quality == "auto" else quality


def _number_of_pictures(fields: dict[str, Any], family: Family) -> int:
    number = _integer(fields, "n", 1, 1, MAX_PICTURES)
    if family is Family.QWEN_IMAGE and number != 1:
        raise RefusalError(Refusal(500, "n must be 1 for model qwen-image"))
    return number


def _container(fields: dict[str, Any], family: Family) -> Container:
    """GPT image models return base64 and ignore ``response_format``."""
    asked = fields.get("response_format")
    return Container.URL if asked == "url" and family is Family.QWEN_IMAGE else Container.B64_JSON


def _text(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name)
    if value is not None and not isinstance(value, str):
        raise RefusalError(
            Refusal(500, f"json: cannot unmarshal into Go struct field ImageRequest.{name} of type string")
        )
    return value or ""


def _choice(fields: dict[str, Any], name: str, known: tuple[str, ...], default: str) -> str:
    value = _text(fields, name) or default
    if value not in known:
        *first, last = (f"'{word}'" for word in known)
        raise _relayed(name, f"Invalid value: '{value}'. Supported values are: {', '.join(first)}, and {last}.")
    return value


def _integer(fields: dict[str, Any], name: str, default: int, low: int, high: int) -> int:
    value = fields.get(name)
    if value is None:
        return default
    if not isinstance(value, int) or isinstance(value, bool):
        raise RefusalError(
            Refusal(500, f"json: cannot unmarshal into Go struct field ImageRequest.{name} of type uint")
        )
    if value < low:
        words = f"Invalid '{name}': integer below minimum value. Expected a value >= {low}, but got {value} instead."
        raise _relayed(name, words, "integer_below_min_value")
    if value > high:
        words = f"Invalid '{name}': integer above maximum value. Expected a value <= {high}, but got {value} instead."
        raise _relayed(name, words, "integer_above_max_value")
    return value


def _relayed(param: str, message: str, code: str = "invalid_value") -> RefusalError:
    """What OpenAI refused, relayed under CometAPI's type with OpenAI's status."""
    return RefusalError(Refusal(400, message, code=code, param=param))
