"""The end of a model, announced or past, as its provider tells it."""

from dataclasses import dataclass
from datetime import date
from typing import ClassVar

from pydantic import ConfigDict


@dataclass(frozen=True, slots=True, kw_only=True)
class Retired:
    """The provider no longer makes pictures with this model; it is still found and sent on, and said to be gone."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", str_min_length=1)

    since: date
    replacement: str
    """The model to ask for instead."""
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Deprecated:
    """The provider has announced the end of this model, and makes pictures with it until then."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", str_min_length=1)

    since: date
    """The day of the announcement."""
    ends: date
    replacement: str
    """The model to ask for instead."""
    source: str
