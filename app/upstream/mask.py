"""Takes our own keys out of what the upstream says, before anybody reads it: a relay may echo the key it was sent."""

import base64
from collections.abc import Iterable
from typing import Any, Final

_MASK: Final = "***"
_PREFIX: Final = "sk-"
_LEAST_CHARS: Final = 8
"""A shorter key would mask ordinary words, and is none that anybody hands out."""


class Mask:
    """Knows the keys as they may be echoed: as they are, without their ``sk-``, and inside base64.

    JSON's escapes are undone before it looks. What somebody disguises on purpose cannot be found: it is against a
    careless relay, not against one that wants a teammate to have the key.
    """

    __slots__ = ("_needles", "_written")

    def __init__(self, keys: Iterable[str]) -> None:
        self._needles = tuple(dict.fromkeys(needle for key in keys for needle in _forms(key)))
        self._written = tuple(needle.encode() for needle in self._needles)

    def text(self, text: str) -> str:
        """The text without our keys."""
        for needle in self._needles:
            if needle in text:
                text = text.replace(_PREFIX + needle, _MASK).replace(needle, _MASK)
        return text

    def hides(self, text: str) -> bool:
        """Whether there is a key of ours in it."""
        return any(needle in text for needle in self._needles)

    def may_be_in(self, json: bytes) -> bool:
        """Whether a document may have a key of ours in it; one without an escape shows it as it is."""
        return any(needle in json for needle in self._written) or (bool(self._written) and b"\\" in json)

    def document(self, document: dict[str, Any]) -> dict[str, Any]:
        """A JSON document without our keys in any of its values; the names in it nobody is shown."""
        return {name: self._value(value) for name, value in document.items()}

    def _value(self, value: Any) -> Any:
        match value:
            case str():
                return self.text(value)
            case dict():
                return self.document(value)
            case list():
                return [self._value(item) for item in value]
            case _:
                return value


def _forms(key: str) -> Iterable[str]:
    """The key's letters, and what base64 makes of them wherever in a triple of bytes they begin.

    The first and the last letters of base64 depend on what stands around the key, so they are left out.
    """
    bare = key.removeprefix(_PREFIX)
    if len(bare) < _LEAST_CHARS:
        return
    yield bare
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + bare.encode()).decode()
        written = encoded[4 if shift else 0 : -4]
        if len(written) < _LEAST_CHARS:
            continue
        yield written
        yield written.replace("+", "-").replace("/", "_")


NO_KEYS: Final = Mask(())
"""Takes nothing out."""
