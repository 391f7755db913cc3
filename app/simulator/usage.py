"""What an order costs in tokens, and the member ``usage`` that tells it, truly or not."""

from dataclasses import dataclass
from typing import Any

from app.simulator.orders import ImageOrder
from app.simulator.scenario import Scenario, Usage
from app.simulator.sizes import Family
from app.simulator.tokens import (
    PARTIAL_IMAGE_TOKENS,
    gpt_image_1_tokens,
    gpt_image_2_tokens,
    input_image_tokens,
    seedream_tokens,
    text_tokens,
)

ABSURD_TOKENS = 10**18
"""More than any picture costs, and more than a double counts exactly."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """A count by kind."""

    text: int = 0
    """Of the prompt."""
    image: int = 0
    """Of the pictures given to an edit."""
    output: int = 0

    @property
    def input(self) -> int:
        """Prompt and given pictures."""
        return self.text + self.image

    def __add__(self, other: "Tokens") -> "Tokens":
        return Tokens(self.text + other.text, self.image + other.image, self.output + other.output)

    def times(self, number: int) -> "Tokens":
        """So many times this."""
        return Tokens(self.text * number, self.image * number, self.output * number)


def count_input(order: ImageOrder) -> Tokens:
    """What an order reads, once for all its pictures; nothing where pictures are sold by the piece."""
    if not order.family.is_gpt:
        return Tokens()
    image = sum(input_image_tokens(given.width, given.height) for given in order.inputs)
    return Tokens(text=text_tokens(order.prompt), image=image)


def count_picture(order: ImageOrder) -> Tokens:
    """What one picture costs with its previews; qwen-image is sold by the picture and has no tokens."""
    match order.family:
        case Family.QWEN_IMAGE:
            return Tokens()
        case Family.SEEDREAM:
            output = seedream_tokens(order.width, order.height)
        case Family.GPT_IMAGE_1:
            output = gpt_image_1_tokens(order.quality, order.width, order.height)
        case Family.GPT_IMAGE_2:
            output = gpt_image_2_tokens(order.quality, order.width, order.height)
    return Tokens(output=output + order.partial_images * PARTIAL_IMAGE_TOKENS)


def write_usage(family: Family, scenario: Scenario, tokens: Tokens, pictures: int) -> dict[str, Any]:
    """The member ``usage`` as the family's backend has it, or nothing at all."""
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
    match family:
        case Family.QWEN_IMAGE:
            return {}
        case Family.SEEDREAM:
            return {"usage": {"generated_images": pictures, "output_tokens": output, "total_tokens": output}}
        case Family.GPT_IMAGE_1 | Family.GPT_IMAGE_2:
            return {"usage": _leaky_usage(tokens, output, has_details=scenario.output_details)}


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
