"""What a row of the catalogue of bad inputs is, and how its bytes are put together."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

KEY: Final = b"@KEY@"
"""In the bytes of a row: a good virtual key. What is hostile here has one; strangers' guesses are another matter."""
TRAP: Final = b"@TRP@"
"""The port of a server on this machine that nobody may be led to; it counts who comes. As long as a port's number."""
GUIDE: Final = b"@GDE@"
"""The port of a server that the operator allows to fetch from, and that leads elsewhere."""

GENERATIONS: Final = "/v1/images/generations"
EDITS: Final = "/v1/images/edits"
QUOTE: Final = "/v1/images/quote"
"""Takes the body of an order and buys nothing: for what is odd and has to be understood all the same."""

BOAT: Final = b'{"model":"gpt-image-2","prompt":"a paper boat","size":"1024x1024","quality":"low"}'
PNG: Final = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89"
    b"\x00\x00\x00\rIDATx\x9cc\x00\x01\x00\x00\x05\x00\x01\r\n-\xb4\x00\x00\x00\x00IEND\xaeB`\x82"
)
"""One pixel."""


class Line(StrEnum):
    """Where an operator finds it."""

    LOGGED = "one line"
    COUNTED = "counted"
    """It was served, and was no order: `imagegate_http_requests_total` alone tells it."""


@dataclass(frozen=True, slots=True)
class Row:
    """Something sent, and all that must come of it."""

    tried: str
    sends: bytes | Callable[[], bytes]
    status: int
    code: str = ""
    line: Line = Line.LOGGED
    sent_on: int = 0
    """Requests that reach the upstream: what is odd but may be sound does."""
    drip_seconds: float = 0
    """Between any two bytes; 0 sends them all at once, and then waits for the answer."""

    def bytes(self) -> bytes:
        """What goes over the wire, with its placeholders."""
        return self.sends if isinstance(self.sends, bytes) else self.sends()


def head(*lines: str | bytes, target: str | bytes = GENERATIONS, method: str = "POST", version: str = "1.1") -> bytes:
    """The head of a request with a good key."""
    path = target.encode() if isinstance(target, str) else target
    told = [line.encode() if isinstance(line, str) else line for line in lines]
    first = b"%b %b HTTP/%b" % (method.encode(), path, version.encode())
    return b"\r\n".join([first, b"Host: gateway", b"Authorization: Bearer " + KEY, *told, b"", b""])


def post(body: bytes, *lines: str, target: str = GENERATIONS, kind: str = "application/json") -> bytes:
    """A whole request."""
    return head(f"Content-Type: {kind}", f"Content-Length: {len(body)}", *lines, target=target) + body


def document(value: object, target: str = GENERATIONS) -> bytes:
    """A whole request of JSON."""
    return post(json.dumps(value).encode(), target=target)


def boat(**given: object) -> bytes:
    """An order for a paper boat with something more, or something else, in it."""
    return document(json.loads(BOAT) | given)


BOUNDARY: Final = "-boundary-"


def part(name: str, value: bytes, *lines: str, filename: str | None = None) -> bytes:
    """A part of a form, with its boundary before it."""
    told = f'form-data; name="{name}"' + ("" if filename is None else f'; filename="{filename}"')
    heads = "\r\n".join([f"--{BOUNDARY}", f"Content-Disposition: {told}", *lines])
    return heads.encode("utf-8", "surrogateescape") + b"\r\n\r\n" + value + b"\r\n"


def form(*parts: bytes, kind: str = f"multipart/form-data; boundary={BOUNDARY}", target: str = EDITS) -> bytes:
    """A whole request of a form."""
    return post(b"".join(parts) + f"--{BOUNDARY}--\r\n".encode(), target=target, kind=kind)


def edit(*parts: bytes, picture: bytes = PNG, filename: str = "a.png") -> bytes:
    """The form of an edit with further parts."""
    words = (part("model", b"gpt-image-2"), part("prompt", b"a hat"))
    return form(*words, part("image", picture, "Content-Type: image/png", filename=filename), *parts)
