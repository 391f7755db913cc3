"""What every document of the operator's door is."""

from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, model_validator


class Document(BaseModel):
    """JSON that is taken or given at the operator's door; members it does not know it refuses."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _is_text(cls, given: Any) -> Any:
        """JSON can spell half a character (a lone surrogate), which no store and no log takes."""
        if isinstance(given, dict):
            try:
                orjson.dumps(given, default=str)
            except TypeError:
                raise ValueError("a text with half a character (a lone surrogate), or something too deep") from None
        return given
