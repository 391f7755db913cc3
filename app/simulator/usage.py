"""What an order costs in tokens, and the member ``usage`` that tells it, truly or not."""

from operator import add
from typing import Any

from msgspec import Struct
from msgspec.structs import astuple

from app.simulator.family import Family
from app.simulator.orders import ImageOrder
from app.simulator.scenario import Scenario, Usage
from app.simulator.tokens import (
    PARTIAL_IMAGE_TOKENS,
    gpt_image_1_tokens,
    gpt_image_2_tokens,
    input_image_tokens,
    seedream_tokens,
    svg_tokens,
    text_tokens,
)

ABSURD_TOKENS = 10**18
"""More than any picture costs, and more than a double counts exactly."""


class Tokens(Struct, frozen=True):
    """A count by kind."""

    text: int = 0
    """Of the prompt."""
    image: int = 0
    """Of the pictures given to an edit."""
    output: int = 0
    svg_input: int = 0
    """Read by the model that writes an svg."""
    svg_reasoning: int = 0
    svg_output: int = 0
    """Written by it, its thoughts included."""

    @property
    def input(self) -> int:
        """Prompt and given pictures."""
        return self.text + self.image

    @property
    def svg(self) -> int:
        """All of the model that writes an svg."""
        return self.svg_input + self.svg_output

    def __add__(self, other: "Tokens") -> "Tokens":
        return Tokens(*map(add, astuple(self), astuple(other)))

    def times(self, number: int) -> "Tokens":
        """So many times this."""
        return Tokens(*(count * number for count in astuple(self)))


def count_input(order: ImageOrder) -> Tokens:
    """What an order reads, once for all its pictures; nothing where pictures are sold by the piece."""
    if not order.family.is_gpt:
        return Tokens()
    image = sum(input_image_tokens(given.width, given.height) for given in order.inputs)
    return Tokens(text=text_tokens(order.prompt), image=image)


def count_picture(order: ImageOrder) -> Tokens:
    """What one picture costs with its previews and, invented, each frame of a gif as much as a picture.

    Models that are sold by the picture have no tokens.
    """
    match order.family:
        case Family.QWEN_IMAGE | Family.FLUX | Family.DALL_E_2 | Family.DALL_E_3:
            return Tokens()
        case Family.SEEDREAM:
            output = seedream_tokens(order.width, order.height)
        case Family.GPT_IMAGE_1:
            output = gpt_image_1_tokens(order.quality, order.width, order.height)
        case Family.GPT_IMAGE_2:
            output = gpt_image_2_tokens(order.quality, order.width, order.height)
    tokens = Tokens(output=output * order.file.frames + order.partial_images * PARTIAL_IMAGE_TOKENS)
    if not order.file.author:
        return tokens
    reasoning, written = svg_tokens(order.file.effort)
    return tokens + Tokens(svg_input=text_tokens(order.prompt), svg_reasoning=reasoning, svg_output=written + reasoning)


def write_usage(order: ImageOrder, scenario: Scenario, tokens: Tokens, pictures: int) -> dict[str, Any]:
    """The member ``usage`` as the family's backend has it, ``svg_usage`` beside it, or nothing at all."""
    output = tokens.output
    match scenario.usage:
        case Usage.MISSING:
            return {}
        case Usage.NEGATIVE:
            output = -output
        case Usage.ABSURD:
            output = ABSURD_TOKENS
        case Usage.TRUE:
            pass
    match order.family:
        case Family.QWEN_IMAGE | Family.FLUX | Family.DALL_E_2 | Family.DALL_E_3:
            return {}
        case Family.SEEDREAM:
            return {"usage": {"generated_images": pictures, "output_tokens": output, "total_tokens": output}}
        case Family.GPT_IMAGE_1 | Family.GPT_IMAGE_2:
            usage = {"usage": _leaky_usage(tokens, output, has_details=scenario.output_details)}
            return usage | (_svg_usage(order, tokens) if order.file.author else {})


def _svg_usage(order: ImageOrder, tokens: Tokens) -> dict[str, Any]:
    usage = {
        "input_tokens": tokens.svg_input,
        "model": order.file.author,
        "output_tokens": tokens.svg_output,
        "reasoning_tokens": tokens.svg_reasoning,
        "total_tokens": tokens.svg,
    }
    return {"svg_usage": usage}


def _leaky_usage(tokens: Tokens, output: int, *, has_details: bool) -> dict[str, Any]:
    """OpenAI's keys among those that CometAPI's backend lets through."""
    usage: dict[str, Any] = {
        "prompt_tokens": 0,
        "completion_tokens": 0,
        "total_tokens": tokens.input + output,
        "prompt_tokens_details": {"cached_tokens_details": {}},
        "completion_tokens_details": {},
        "input_tokens": tokens.input,
        "output_tokens": output,
        "input_tokens_details": {
            "image_tokens": tokens.image,
            "text_tokens": tokens.text,
            "cached_tokens_details": {},
        },
        "claude_cache_creation_5_m_tokens": 0,
        "claude_cache_creation_1_h_tokens": 0,
    }
    if has_details:
        usage["output_tokens_details"] = {"image_tokens": output, "text_tokens": 0}
    return usage
