"""Read single fields of an image request, and refuse what does not fit in the words of whoever would see it first."""

import json
from typing import Any

from app.simulator.refusals import Refusal, RefusalError


def read_json(body: bytes) -> dict[str, Any]:
    """The JSON object in a body.

    Raises:
        RefusalError: it is none; CometAPI calls that a 500.

    """
    try:
        fields = json.loads(body)
    except ValueError:
        raise RefusalError(Refusal(500, "invalid character in request body, expected a JSON object")) from None
    if not isinstance(fields, dict):
        raise RefusalError(Refusal(500, "json: cannot unmarshal request body into Go value of type dto.ImageRequest"))
    return fields


def text(fields: dict[str, Any], name: str) -> str:
    """A text, empty where there is none."""
    value = fields.get(name)
    if value is not None and not isinstance(value, str):
        raise _wrong_type(name, "string")
    return value or ""


def flag(fields: dict[str, Any], name: str) -> bool:
    """A yes or no; no where there is none."""
    value = fields.get(name)
    if value is not None and not isinstance(value, bool):
        raise _wrong_type(name, "bool")
    return bool(value)


def choice(fields: dict[str, Any], name: str, known: tuple[str, ...], default: str) -> str:
    """One of the known words."""
    value = text(fields, name) or default
    if value not in known:
        *first, last = (f"'{word}'" for word in known)
        raise relayed(name, f"Invalid value: '{value}'. Supported values are: {', '.join(first)}, and {last}.")
    return value


def integer(fields: dict[str, Any], name: str, default: int, low: int, high: int) -> int:
    """A whole number between two bounds, both allowed."""
    value = fields.get(name)
    if value is None:
        return default
    if not isinstance(value, int) or isinstance(value, bool):
        raise _wrong_type(name, "uint")
    if value < low:
        words = f"Invalid '{name}': integer below minimum value. Expected a value >= {low}, but got {value} instead."
        raise relayed(name, words, "integer_below_min_value")
    if value > high:
        words = f"Invalid '{name}': integer above maximum value. Expected a value <= {high}, but got {value} instead."
        raise relayed(name, words, "integer_above_max_value")
    return value


def relayed(param: str, message: str, code: str = "invalid_value") -> RefusalError:
    """What OpenAI refused, relayed under CometAPI's type with OpenAI's status."""
    return RefusalError(Refusal(400, message, code=code, param=param))


def _wrong_type(name: str, wanted: str) -> RefusalError:
    """CometAPI's own complaint, a 500."""
    return RefusalError(
        Refusal(500, f"json: cannot unmarshal into Go struct field ImageRequest.{name} of type {wanted}")
    )
