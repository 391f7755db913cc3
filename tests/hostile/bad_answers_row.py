"""What a row of docs/hostile-answers.md is made of: the bytes an upstream sends, and all that must come of them."""

import json
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from tests.hostile.raw_upstream import Play

UPSTREAM_KEY: Final = "sk-upstream-4hTqYw7ZkP2nVb9XrC5mLs8dGf"
"""Of the form of CometAPI's; it must be seen nowhere."""
PICTURE: Final = "iVBORw0KGgo="
"""The first bytes of a PNG: what stands where a picture should."""
USAGE: Final = {"input_tokens": 9, "output_tokens": 196, "total_tokens": 205}
TIMED_OUT: Final = "504 `upstream_timeout`"
UNKNOWN: Final = "502 `upstream_outcome_unknown`"
MISCONFIGURED: Final = "503 `upstream_unavailable`"
CUT: Final = "a cut body"
WHOLE: Final = "200"

STREAM: Final = {"stream": True}
AS_LINK: Final = {"response_format": "url"}
EDIT: Final = {"image": "large"}
"""An edit of a picture that does not fit into the socket's buffers, so that it can be answered early."""
A_LINK: Final = {"model": "dall-e-3", "prompt": "", "quality": "standard"}
"""Asked of a model that hands out links."""


class Charge(StrEnum):
    """What the team pays."""

    NOTHING = "nothing"
    TRUE = "true cost"
    QUOTE = "the quote"


@dataclass(frozen=True, slots=True)
class Row:
    """A hostile answer, and what the client, the books and the log have of it."""

    name: str
    play: Play
    gets: str
    outcome: str = "unknown"
    charge: Charge = Charge.QUOTE
    flags: str = "at_quote"
    asks: dict[str, Any] = field(default_factory=dict)
    """What the client asks for besides the usual."""
    sees: bytes = b""
    """What must be in the client's answer."""
    hides: bytes = b"\0"
    """What must not."""

    @property
    def asked_for(self) -> str:
        """What the client asked for, in a word."""
        if "image" in self.asks:
            return "an edit"
        if "stream" in self.asks:
            return "a stream"
        if "model" in self.asks and "response_format" not in self.asks:
            return "a link"
        return {None: "JSON", "url": "a hosted link", "b64_json": "base64"}[self.asks.get("response_format")]


def delivered(name: str, play: Play, *, charge: Charge = Charge.TRUE, flags: str = "", **given: Any) -> Row:
    """The picture arrives: a clean 200, which is right."""
    return Row(name, play, given.pop("gets", WHOLE), "delivered", charge, flags, **given)


def at_quote(name: str, play: Play, **given: Any) -> Row:
    """The picture arrives, and what it cost is not believed."""
    return delivered(name, play, charge=Charge.QUOTE, flags="at_quote,bad_usage", **given)


def released(name: str, play: Play, gets: str, outcome: str = "failed", **given: Any) -> Row:
    """Whoever answered made no picture."""
    return Row(name, play, gets, outcome, Charge.NOTHING, "", **given)


def head(status: str = "200 OK", *headers: str, kind: str = "application/json") -> bytes:
    """The head of an answer."""
    lines = (f"HTTP/1.1 {status}", f"content-type: {kind}", *headers)
    return "".join(f"{line}\r\n" for line in lines).encode("latin-1") + b"\r\n"


def whole(body: bytes, status: str = "200 OK", *headers: str, kind: str = "application/json") -> bytes:
    """An answer framed as it should be."""
    return head(status, *headers, f"content-length: {len(body)}", kind=kind) + body


def chunked(*pieces: bytes, ended: bool = True) -> bytes:
    """Pieces of a chunked body, perhaps with its end."""
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + (b"0\r\n\r\n" if ended else b"")


def answer(**given: Any) -> bytes:
    """The JSON of a good answer with one picture, with these members in it; None leaves one out."""
    members = {"created": 1, "data": [{"b64_json": PICTURE}], "usage": USAGE} | given
    return json.dumps({name: value for name, value in members.items() if value is not None}).encode()


def events(*documents: dict[str, Any]) -> bytes:
    """A stream of these events, framed as it should be."""
    body = b"".join(b"data: %b\n\n" % json.dumps(document).encode() for document in documents)
    return whole(body, kind="text/event-stream")


def completed(**given: Any) -> dict[str, Any]:
    """An event that brings a picture."""
    return {"type": "image_generation.completed", "b64_json": PICTURE, "usage": USAGE} | given


def failing(error: Any, status: str = "400 Bad Request", *headers: str) -> bytes:
    """An error in the upstream's own envelope."""
    return whole(json.dumps({"error": error}).encode(), status, *headers)
