"""What the headers of a request ask for: read strictly where a misreading costs money, else leniently."""

import re
from collections.abc import Iterable
from typing import Final

from app.accounts.models import HEARTBEAT_SECONDS
from app.errors import InvalidRequest
from app.gateway.door import Header, Wishes

MAX_KEY_CHARS: Final = 255
"""Of an ``Idempotency-Key``: the bound Stripe made usual."""

_NAMES: Final = frozenset({b"idempotency-key", b"x-stainless-retry-count", b"x-imagegate-heartbeat"})
_KEY: Final = re.compile(rb"[\x20-\x7e]{1,%d}" % MAX_KEY_CHARS)
_QUOTED_KEY: Final = re.compile(rb'"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"')
"""A String of RFC 9651 §3.3.3."""
_ESCAPED: Final = re.compile(rb'\\(["\\])')
_RETRY_COUNT: Final = re.compile(rb"[0-9]{1,2}")
_SECONDS: Final = re.compile(rb"[0-9]{1,3}(?:\.[0-9]{1,3})?")
_QUOTED_WORD: Final = re.compile(rb'"((?:[^"\\]|\\.)*)(?:"|\\?\Z)', re.DOTALL)


def read_wishes(headers: Iterable[Header]) -> Wishes:
    """Read the headers of a request, whose names are in lower case as ASGI has them.

    Raises:
        InvalidRequest: ``Idempotency-Key`` or ``x-imagegate-heartbeat`` is there more than once, or is none.

    """
    found: dict[bytes, list[bytes]] = {}
    is_sdk = False
    for name, value in headers:
        if name in _NAMES:
            found.setdefault(name, []).append(value.strip(b" \t"))
        is_sdk = is_sdk or name.startswith(b"x-stainless-")
    return Wishes(
        idempotency_key=_idempotency_key(found.get(b"idempotency-key", ())),
        retry_count=_retry_count(found.get(b"x-stainless-retry-count", ())),
        is_sdk=is_sdk,
        heartbeat_seconds=_heartbeat_seconds(found.get(b"x-imagegate-heartbeat", ())),
    )


def _idempotency_key(values: Iterable[bytes]) -> str | None:
    """The key itself (draft-ietf-httpapi-idempotency-key-header).

    The draft has it quoted (``"8e03…"``), most clients send it bare: both spellings are the same key.
    """
    value = _only("Idempotency-Key", values)
    if value is None:
        return None
    if value.startswith(b'"'):
        quoted = _QUOTED_KEY.fullmatch(value)
        value = _ESCAPED.sub(rb"\1", quoted[1]) if quoted else b""
    if not _KEY.fullmatch(value):
        raise _invalid("Idempotency-Key", f"expected 1 to {MAX_KEY_CHARS} printable ASCII characters, quoted or not.")
    return value.decode("ascii")


def _retry_count(values: Iterable[bytes]) -> int:
    """0 for whatever is no count: a header that only SDKs write refuses nobody."""
    counts = list(values)
    return int(counts[0]) if len(counts) == 1 and _RETRY_COUNT.fullmatch(counts[0]) else 0


def _heartbeat_seconds(values: Iterable[bytes]) -> float | None:
    value = _only("x-imagegate-heartbeat", values)
    if value is None:
        return None
    shortest, longest = HEARTBEAT_SECONDS
    seconds = float(value) if _SECONDS.fullmatch(value) else -1.0
    if seconds != 0 and not shortest <= seconds <= longest:
        raise _invalid("x-imagegate-heartbeat", f"expected {shortest} to {longest} seconds, or 0 for none.")
    return seconds


def prefers_later(headers: Iterable[Header]) -> bool:
    """Whether ``respond-async`` is among the preferences; RFC 7240 §2 has all others, and nonsense, ignored."""
    for value in (value for name, value in headers if name == b"prefer"):
        # What is quoted may hold commas and semicolons; what it says matters only where it says nothing.
        bare = _QUOTED_WORD.sub(lambda word: b"x" if word[1] else b"", value)
        for preference in bare.split(b","):
            name, _, word = preference.partition(b";")[0].partition(b"=")
            if name.strip().lower() == b"respond-async" and not word.strip():
                return True
    return False


def _only(name: str, values: Iterable[bytes]) -> bytes | None:
    """The value of a header that must not be there twice."""
    found = list(values)
    if len(found) > 1:
        raise _invalid(name, "there are several; send one.")
    return found[0] if found else None


def _invalid(name: str, rule: str) -> InvalidRequest:
    return InvalidRequest(f"Invalid header '{name}': {rule}", param=name)
