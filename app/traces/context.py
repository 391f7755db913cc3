"""Where a request stands in a trace: W3C Trace Context (level 1), read strictly and written for the next server. Pure.

A context that breaks a rule of the recommendation (https://www.w3.org/TR/trace-context-1/) is none; nobody is refused
for it.
"""

import re
import secrets
from collections.abc import Iterable
from typing import Final, Self

from msgspec import Struct

SAMPLED: Final = 1
"""The bit of the flags that says: whoever began this trace keeps it (§3.2.2.5)."""
MAX_STATE_CHARS: Final = 512
"""The longest ``tracestate`` we pass on: what everybody has to at least (§3.3.1.5)."""
MAX_STATE_MEMBERS: Final = 32

_PARENT = re.compile(rb"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_KEY = r"(?:[a-z][a-z0-9_\-*/]{0,255}|[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13})"
_VALUE = r"[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]"
_MEMBER = re.compile(rf"({_KEY})={_VALUE}")


class TraceContext(Struct, frozen=True):
    """One span of one trace, as its headers name it."""

    trace_id: str
    """32 hexadecimal digits."""
    span_id: str
    """16 hexadecimal digits."""
    flags: int
    state: str = ""
    """``tracestate``: what others keep in the trace; passed on as it came."""

    @property
    def is_sampled(self) -> bool:
        """Whether its spans are to be kept."""
        return bool(self.flags & SAMPLED)

    def child(self) -> Self:
        """A new span under this one."""
        return type(self)(self.trace_id, new_span_id(), self.flags, self.state)

    def headers(self) -> list[tuple[str, str]]:
        """What the next server is told."""
        parent = ("traceparent", f"00-{self.trace_id}-{self.span_id}-{self.flags:02x}")
        return [parent, ("tracestate", self.state)] if self.state else [parent]


def new_trace_id() -> str:
    """A random id of a trace."""
    return secrets.token_hex(16)


def new_span_id() -> str:
    """A random id of a span."""
    return secrets.token_hex(8)


def read_trace_context(headers: Iterable[tuple[bytes, bytes]]) -> TraceContext | None:
    """The context that came with a request, whose header names are in lower case as ASGI has them; None: none."""
    parents: list[bytes] = []
    states: list[bytes] = []
    for name, value in headers:
        if name == b"traceparent":
            parents.append(value)
        elif name == b"tracestate":
            states.append(value)
    found = _PARENT.fullmatch(parents[0].strip(b" \t")) if len(parents) == 1 else None
    if found is None:
        return None
    version, trace_id, span_id, flags, further = found.groups()
    if version == b"ff" or (version == b"00" and further) or not int(trace_id, 16) or not int(span_id, 16):
        return None
    # Bits that level 1 does not know are not passed on (§3.2.2.5).
    return TraceContext(trace_id.decode(), span_id.decode(), int(flags, 16) & SAMPLED, _read_state(states))


def _read_state(values: list[bytes]) -> str:
    """Several headers are one list (§3.3); one that is malformed or too long is dropped whole, its trace goes on."""
    text = ",".join(value.decode("latin-1") for value in values)
    members = [member for part in text.split(",") if (member := part.strip(" \t"))]
    if not members or len(members) > MAX_STATE_MEMBERS:
        return ""
    found = [_MEMBER.fullmatch(member) for member in members]
    keys = {one[1] for one in found if one is not None}
    state = ",".join(members)
    return state if len(keys) == len(members) and len(state) <= MAX_STATE_CHARS else ""
