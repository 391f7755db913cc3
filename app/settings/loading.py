"""Reads the settings from the environment; a wrong one is named, with what was found and what is wanted."""

import os
import re
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

from app.settings.fields import Settings
from app.settings.names import CLIENT_VARIABLES, GIVEN_NAMES, PREFIX, SettingsError, variable_name
from app.settings.sources import is_secret

_SECRET = re.compile(r"sk-[\w.-]{8,}|(?<=//)[^@\s]*(?=@)")
"""A key that was put into the wrong variable, and the password of an address."""


def load_settings(**given: Any) -> Settings:
    """Read the settings; ``given`` wins over the environment, but for what is None or empty: that is not given.

    Raises:
        SettingsError: one line per wrong setting: its name, what was found, what is wanted.

    """
    try:
        settings = Settings(**{name: value for name, value in given.items() if value not in (None, "")})
    except ValidationError as error:
        raise SettingsError("\n".join(_line(dict(part)) for part in error.errors())) from None
    unknown = sorted(set(_set_variables()) - _known_variables())
    if unknown:
        raise SettingsError("\n".join(f"{name}: there is no such setting{_meant(name)}" for name in unknown))
    return settings


def _meant(name: str) -> str:
    """The setting that was probably meant."""
    known = {known.removeprefix(PREFIX): known for known in _known_variables()}
    near = get_close_matches(name.removeprefix(PREFIX), known, 1, cutoff=0.7)
    return f"; is {known[near[0]]} meant?" if near else "; see docs/configuration.md"


def _line(part: dict[str, Any]) -> str:
    """One wrong setting: its name, what was found (unless it is a secret), what is wanted."""
    place = str(part["loc"][0]) if part["loc"] else ""
    field = next((field for field, given in GIVEN_NAMES.items() if given == place), place)
    found = "a secret of the wrong form" if is_secret(Settings.model_fields[field]) else repr(part.get("input"))
    wanted = part["msg"].removeprefix("Value error, ")
    if part["type"] == "too_short":  # of a secret's length pydantic speaks as of a list's
        wanted = f"at least {part['ctx']['min_length']} characters, not {part['ctx']['actual_length']}"
    return _SECRET.sub("***", f"{variable_name(field)}: found {found}; {wanted}")


def _set_variables() -> list[str]:
    return [name for name in os.environ if name.startswith(PREFIX)]


def _known_variables() -> set[str]:
    fields = Settings.model_fields
    names = {variable_name(field) for field in fields} | CLIENT_VARIABLES
    return names | {f"{variable_name(field)}_FILE" for field, info in fields.items() if is_secret(info)}
