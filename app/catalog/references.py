"""Pictures a parameter refers to: Seedream's way of starting from pictures, in a request that has no files."""

from dataclasses import dataclass
from typing import Literal

from pydantic import PositiveInt

from app.catalog.rules import Rule
from app.catalog.wording import too_many, wrong_type
from app.errors import InvalidRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferencesRule(Rule):
    """Pictures to go by: one or several https links, which the upstream fetches, or ``data:image/…`` URIs."""

    type: Literal["references"]
    max_count: PositiveInt

    def check(self, name: str, value: object) -> object:
        """The value as it came, or what is wrong with it; the references themselves are never repeated."""
        references = value if isinstance(value, list) else [value]
        if len(references) > self.max_count:
            raise too_many(name, self.max_count, len(references))
        if not references:
            raise InvalidRequest(f"Invalid '{name}': expected at least one picture.", param=name)
        for reference in references:
            if not isinstance(reference, str):
                raise wrong_type(name, "a string or an array of strings", reference)
            if not reference.startswith(("https://", "data:image/")):
                raise InvalidRequest(f"Invalid '{name}': expected https URLs or 'data:image/…' URIs.", param=name)
        return value
