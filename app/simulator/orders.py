"""Read an image request as CometAPI does and refuse what it refuses, in its own words and statuses."""

from dataclasses import dataclass
from typing import Any

from app.simulator.answer import ReceivedRequest
from app.simulator.fields import choice, flag, integer, read_json, relayed, text
from app.simulator.refusals import Refusal, RefusalError
from app.simulator.scenario import Container
from app.simulator.sizes import Family, read_size

MAX_PROMPT_CHARACTERS = 32_000
MAX_PICTURES = 10
MAX_PARTIAL_IMAGES = 3
FORMATS = ("png", "jpeg", "webp")


@dataclass(frozen=True, slots=True)
class InputImage:
    """A picture to be edited, known to decode."""

    data: bytes
    width: int
    height: int


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
    streams: bool
    partial_images: int
    """How many previews a stream has of each picture; none without a stream."""
    inputs: tuple[InputImage, ...] = ()
    """What an edit works on; a generation has none."""

    @property
    def size(self) -> str:
        """The size as answers have it."""
        return f"{self.width}x{self.height}"


def read_generation(request: ReceivedRequest) -> ImageOrder:
    """Read POST /v1/images/generations.

    Raises:
        RefusalError: with what CometAPI (its own checks are 500) or OpenAI behind it (relayed, 400) would answer.

    """
    return take_order(read_json(request.body))


def take_order(fields: dict[str, Any], inputs: tuple[InputImage, ...] = ()) -> ImageOrder:
    """Check the fields that generations and edits have in common.

    Raises:
        RefusalError: one of them is refused.

    """
    prompt, model = text(fields, "prompt"), text(fields, "model")
    family = _family(model)
    if not prompt:
        raise RefusalError(Refusal(500, "field prompt is required"))
    if len(prompt) > MAX_PROMPT_CHARACTERS:
        raise relayed(
            "prompt",
            f"Invalid 'prompt': string too long. Expected a string with maximum length {MAX_PROMPT_CHARACTERS},"
            f" but got a string with length {len(prompt)} instead.",
            "string_above_max_length",
        )
    width, height = read_size(text(fields, "size"), model, family)
    output_format = choice(fields, "output_format", FORMATS, "jpeg" if family is Family.SEEDREAM else "png")
    background = choice(fields, "background", ("transparent", "opaque", "auto"), "auto")
    if background == "transparent" and output_format == "jpeg":
        raise relayed("background", "Transparent background is not supported for JPEG output format.")
    streams = flag(fields, "stream") and family.is_gpt  # the others ignore it and answer with JSON
    partial_images = integer(fields, "partial_images", 0, 0, MAX_PARTIAL_IMAGES)
    return ImageOrder(
        model=model,
        family=family,
        prompt=prompt,
        n=_number_of_pictures(fields, family),
        width=width,
        height=height,
        quality=_quality(fields, model, family),
        output_format=output_format,
        compression=integer(fields, "output_compression", 100, 0, 100),
        background="transparent" if background == "transparent" else "opaque",
        container=_container(fields, family),
        streams=streams,
        partial_images=partial_images if streams else 0,
        inputs=inputs,
    )


def _family(model: str) -> Family:
    if not model:
        raise RefusalError(Refusal(400, "model name is required", code=""))
    if model.startswith(("gpt-image-1", "chatgpt-image-")):
        return Family.GPT_IMAGE_1
    if model.startswith("gpt-image-"):
        return Family.GPT_IMAGE_2
    if model in ("qwen-image", "qwen-image-edit"):
        return Family.QWEN_IMAGE
    if model.startswith("doubao-seedream-"):
        return Family.SEEDREAM
    if model.startswith("gemini-"):
        message = "not supported model for image generation, only imagen models are supported"
        raise RefusalError(Refusal(500, message, code="convert_request_failed"))
    message = f"no available channel for group default and model {model} (distributor)"
    raise RefusalError(Refusal(503, message, code="model_not_found"))


def _quality(fields: dict[str, Any], model: str, family: Family) -> str:
    if not family.is_gpt:
        return "medium"  # they know no quality and read none
    known = ["low", "medium", "high"]
    if model.startswith(("gpt-image-2.5", "gpt-image-2.6")):
        known += ["xhigh", "max"]
    quality = choice(fields, "quality", (*known, "auto"), "auto")
    return "medium" if quality == "auto" else quality


def _number_of_pictures(fields: dict[str, Any], family: Family) -> int:
    """Seedream has no ``n``: it draws one picture whatever is asked."""
    number = integer(fields, "n", 1, 1, MAX_PICTURES)
    if family is Family.QWEN_IMAGE and number != 1:
        raise RefusalError(Refusal(500, "n must be 1 for model qwen-image"))
    return 1 if family is Family.SEEDREAM else number


def _container(fields: dict[str, Any], family: Family) -> Container:
    """GPT image models return base64 and ignore ``response_format``; Seedream returns URLs unless told otherwise."""
    asked = fields.get("response_format")
    match family:
        case Family.QWEN_IMAGE:
            return Container.URL if asked == "url" else Container.B64_JSON
        case Family.SEEDREAM:
            return Container.B64_JSON if asked == "b64_json" else Container.URL
        case Family.GPT_IMAGE_1 | Family.GPT_IMAGE_2:
            return Container.B64_JSON
