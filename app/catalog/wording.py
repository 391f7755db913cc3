"""The words refusals are made of, as OpenAI writes them, so that what a client understands stays understood."""

from collections.abc import Iterable

from app.errors import InvalidRequest

_SHOWN_CHARS = 64
"""How much of a caller's word an error repeats: enough to recognise a typo, too little to carry a prompt."""

UNPRICED = "has no price at this gateway"

_KINDS = {
    type(None): "null",
    bool: "a boolean",
    int: "an integer",
    float: "a decimal number",
    str: "a string",
    list: "an array",
    dict: "an object",
}


def shown(text: str) -> str:
    """A caller's word, fit to be repeated in an error: cut short, and without characters that would garble a log."""
    clean = "".join(char if char.isprintable() else "?" for char in text[:_SHOWN_CHARS])
    return clean if len(text) <= _SHOWN_CHARS else f"{clean}…"


def kind_of(value: object) -> str:
    """The JSON kind of a parsed value, as OpenAI's messages name it."""
    return _KINDS[type(value)]


def one_of(values: Iterable[str]) -> str:
    """``'a', 'b', and 'c'``: a list of allowed words, written as OpenAI writes it."""
    quoted = [f"'{value}'" for value in values]
    if len(quoted) < 3:
        return " and ".join(quoted)
    return f"{', '.join(quoted[:-1])}, and {quoted[-1]}"


def wrong_type(name: str, expected: str, value: object) -> InvalidRequest:
    """The refusal of a value of the wrong kind, such as ``n`` as a string."""
    message = f"Invalid type for '{name}': expected {expected}, but got {kind_of(value)} instead."
    return InvalidRequest(message, param=name, code="invalid_type")


def missing(name: str) -> InvalidRequest:
    """The refusal of a request that leaves out what it cannot do without."""
    return InvalidRequest(f"Missing required parameter: '{name}'.", param=name, code="missing_required_parameter")


def too_many(name: str, most: int, count: int) -> InvalidRequest:
    """The refusal of a list of more things than are taken."""
    return InvalidRequest(
        f"Invalid '{name}': array too long. Expected an array with maximum length {most}, "
        f"but got an array with length {count} instead.",
        param=name,
        code="array_above_max_length",
    )


def not_priced(model: str) -> InvalidRequest:
    """The refusal of every request for a model nobody has priced: an unknown price is never taken for zero."""
    return InvalidRequest(
        f"The model `{model}` {UNPRICED}, so requests for it are refused. "
        "The operator can price it in the catalog folder (IMAGEGATE_CATALOG_DIR).",
        param="model",
        code="model_not_priced",
    )


def unsupported(name: str, message: str) -> InvalidRequest:
    """The refusal of a value that is right in itself, and not to be had here or together with another."""
    return InvalidRequest(message, param=name, code="unsupported_value")
