"""Which family a model belongs to: models that share their sizes, their manners and their price formula."""

from enum import Enum

from app.simulator.refusals import Refusal, RefusalError


class Family(Enum):
    """Models that share their rules."""

    DALL_E_2 = "dall-e-2"
    DALL_E_3 = "dall-e-3"
    FLUX = "flux"
    GPT_IMAGE_1 = "gpt-image-1"
    GPT_IMAGE_2 = "gpt-image-2"
    QWEN_IMAGE = "qwen-image"
    SEEDREAM = "doubao-seedream"

    @property
    def is_gpt(self) -> bool:
        """Whether it has OpenAI's qualities, formats, token counts and streams."""
        return self in (Family.GPT_IMAGE_1, Family.GPT_IMAGE_2)

    @property
    def is_dall_e(self) -> bool:
        """Whether it is one of OpenAI's two retired models, which CometAPI may still route."""
        return self in (Family.DALL_E_2, Family.DALL_E_3)


NAMES = {
    "dall-e-2": Family.DALL_E_2,
    "dall-e-3": Family.DALL_E_3,
    "qwen-image": Family.QWEN_IMAGE,
    "qwen-image-edit": Family.QWEN_IMAGE,
}
PREFIXES = {
    "gpt-image-1": Family.GPT_IMAGE_1,
    "chatgpt-image-": Family.GPT_IMAGE_1,
    "gpt-image-": Family.GPT_IMAGE_2,
    "doubao-seedream-": Family.SEEDREAM,
    "flux-": Family.FLUX,
}
"""The first that fits counts."""


def find_family(model: str) -> Family:
    """The family of a model.

    Raises:
        RefusalError: no channel has this model, or it is drawn on another route, or none is named.

    """
    if not model:
        raise RefusalError(Refusal(400, "model name is required", code=""))
    known = NAMES.get(model) or next((family for prefix, family in PREFIXES.items() if model.startswith(prefix)), None)
    if known is not None:
        return known
    if model.startswith("gemini-"):
        message = "not supported model for image generation, only imagen models are supported"
        raise RefusalError(Refusal(500, message, code="convert_request_failed"))
    message = f"no available channel for group default and model {model} (distributor)"
    raise RefusalError(Refusal(503, message, code="model_not_found"))
