"""Read an image request as CometAPI does and refuse what it refuses, in its own words and statuses."""

from typing import Any

from msgspec import Struct

from app.simulator.answer import ReceivedRequest
from app.simulator.family import Family, find_family
from app.simulator.fields import choice, flag, integer, read_json, relayed, text
from app.simulator.formats import FileFormat, read_format
from app.simulator.inputs import InputImage
from app.simulator.references import read_references, read_sequence
from app.simulator.refusals import Refusal, RefusalError
from app.simulator.scenario import Container
from app.simulator.sizes import read_size

MAX_PROMPT_CHARACTERS = 32_000
MAX_PICTURES = 10
MAX_PARTIAL_IMAGES = 3
MAX_DALL_E_PROMPT_CHARACTERS = {Family.DALL_E_2: 1000, Family.DALL_E_3: 4000}


class ImageOrder(Struct, frozen=True):
    """A valid image request, every ``auto`` resolved."""

    model: str
    family: Family
    prompt: str
    n: int
    width: int
    height: int
    quality: str
    file: FileFormat
    background: str
    container: Container
    streams: bool
    partial_images: int
    """How many previews a stream has of each picture; none without a stream."""
    inputs: tuple[InputImage, ...] = ()
    """What an edit or a variation works on; a generation has none."""
    references: int = 0
    """How many reference pictures Seedream was pointed to."""

    @property
    def size(self) -> str:
        """The size as answers have it."""
        return f"{self.width}x{self.height}"


def read_generation(request: ReceivedRequest) -> ImageOrder:
    """Read POST /v1/images/generations.

    Raises:
        RefusalError: with what CometAPI (its own checks are 500) or OpenAI behind it (relayed, 400) would answer.

    """
    fields = read_json(request.body)
    if fields.get("model") == "qwen-image-edit":
        raise RefusalError(Refusal(500, "not supported model for image generation", code="convert_request_failed"))
    return take_order(fields)


def take_order(fields: dict[str, Any], inputs: tuple[InputImage, ...] = (), *, needs_prompt: bool = True) -> ImageOrder:
    """Check the fields that generations, edits and variations have in common.

    Raises:
        RefusalError: one of them is refused.

    """
    model = text(fields, "model")
    family = find_family(model)
    prompt = _prompt(fields, family, is_needed=needs_prompt)
    width, height = read_size(text(fields, "size"), model, family)
    container = _container(fields, family)
    file = read_format(fields, model, family, container)
    background = choice(fields, "background", ("transparent", "opaque", "auto"), "auto")
    if background == "transparent" and file.name not in ("png", "webp"):
        raise relayed("background", f"Transparent background is not supported for {file.name.upper()} output format.")
    streams = flag(fields, "stream") and family.is_gpt  # the others ignore it and answer with JSON
    partial_images = integer(fields, "partial_images", 0, 0, MAX_PARTIAL_IMAGES)
    references = read_references(fields, model) if family is Family.SEEDREAM else 0
    return ImageOrder(
        model=model,
        family=family,
        prompt=prompt,
        n=_number_of_pictures(fields, model, family, references),
        width=width,
        height=height,
        quality=_quality(fields, model, family),
        file=file,
        background="transparent" if background == "transparent" else "opaque",
        container=container,
        streams=streams,
        partial_images=partial_images if streams else 0,
        inputs=inputs,
        references=references,
    )


def _prompt(fields: dict[str, Any], family: Family, *, is_needed: bool) -> str:
    prompt = text(fields, "prompt")
    if not prompt and is_needed:
        raise RefusalError(Refusal(500, "field prompt is required"))
    longest = MAX_DALL_E_PROMPT_CHARACTERS.get(family)
    if longest is not None and len(prompt) > longest:
        words = f"Prompt must be length {longest} or less. Your prompt length is {len(prompt)}."
        raise RefusalError(Refusal(400, f"{words} Please reduce your prompt length.", code=None, param=None))
    if len(prompt) > MAX_PROMPT_CHARACTERS:
        raise relayed(
            "prompt",
            f"Invalid 'prompt': string too long. Expected a string with maximum length {MAX_PROMPT_CHARACTERS},"
            f" but got a string with length {len(prompt)} instead.",
            "string_above_max_length",
        )
    return prompt


def _quality(fields: dict[str, Any], model: str, family: Family) -> str:
    match family:
        case Family.DALL_E_2:
            return choice(fields, "quality", ("standard", "auto"), "standard")
        case Family.DALL_E_3:
            choice(fields, "style", ("vivid", "natural"), "vivid")
            return choice(fields, "quality", ("standard", "hd", "auto"), "standard")
        case Family.GPT_IMAGE_1 | Family.GPT_IMAGE_2:
            pass
        case Family.FLUX | Family.QWEN_IMAGE | Family.SEEDREAM:
            return "medium"  # they know no quality and read none
    known = ["low", "medium", "high"]
    if model.startswith(("gpt-image-2.5", "gpt-image-2.6")):
        known += ["xhigh", "max"]
    quality = choice(fields, "quality", (*known, "auto"), "auto")
    return "medium" if quality == "auto" else quality


def _number_of_pictures(fields: dict[str, Any], model: str, family: Family, references: int) -> int:
    """What ``n`` comes to; Seedream and flux have none and draw their own number, whatever is asked."""
    number = integer(fields, "n", 1, 1, MAX_PICTURES)
    match family:
        case Family.SEEDREAM:
            return read_sequence(fields, model, references)
        case Family.FLUX:
            return 1
        case Family.QWEN_IMAGE if number != 1:
            raise RefusalError(Refusal(500, f"n must be 1 for model {model}"))
        case Family.DALL_E_3 if number != 1:
            raise relayed("n", "You must provide n=1 for this model.")
        case _:
            return number


def _container(fields: dict[str, Any], family: Family) -> Container:
    """GPT image models return base64 and ignore ``response_format``; of the others only qwen-image prefers it."""
    if family.is_gpt:
        return Container.B64_JSON
    preferred = Container.B64_JSON if family is Family.QWEN_IMAGE else Container.URL
    if family.is_dall_e:
        return Container(choice(fields, "response_format", tuple(Container), preferred))
    asked = fields.get("response_format")
    return Container(asked) if asked in tuple(Container) else preferred
