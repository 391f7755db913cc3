"""The model list of the public door: its entries."""

from app.api.models import describe
from app.catalog.catalog import load_catalog


def test_a_model_described() -> None:
    """A profile shows itself in OpenAI's form."""
    assert describe(load_catalog().find("gpt-image-2")) == {
        "id": "gpt-image-2", "object": "model", "created": 1_776_729_600, "owned_by": "openai",
    }  # fmt: skip
