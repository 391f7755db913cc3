"""What a gateway changed or left out of a request, in words: it tells it as the List of a header (docs/api.md)."""

from collections.abc import Iterable
from typing import Final

_WORDS: Final = {
    "dropped": "{name} is left out",
    "fanned-out": "{name} is made by several requests",
    "emulated": "{name} is made of a whole answer",
}


def changes_in_words(changes: Iterable[str]) -> str:
    """Such as ``style is left out, size is 1024x1024``; one that this command line does not know stays as it is."""
    return ", ".join(map(_in_words, changes))


def _in_words(change: str) -> str:
    name, _, what = change.partition(";")
    if what.startswith("to="):
        return f"{name} is {what.removeprefix('to=').strip(chr(34))}"
    return _WORDS.get(what, change).format(name=name)
