"""``GET /images/{signature}/{name}``: a hosted picture for whoever holds its link, whatever store it lies in."""

import logging
import re
from typing import Final

from msgspec import Struct
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from app.assets.hosted import HostedImage, HostedImages
from app.errors import GatewayError
from app.gateway.places import Places
from app.web.pace import Pace
from app.web.wire import cut

log = logging.getLogger(__name__)

Header = tuple[bytes, bytes]

_RANGE: Final = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})", re.IGNORECASE)
"""One range (RFC 9110 §14.1.2). More digits than an exabyte has are no range of anything, and are ignored."""

_FOR_EVERYBODY: Final[list[Header]] = [
    # Pictures are shown in the pages of other people, by <img>, canvas or fetch. The link is the permission, there is
    # no cookie and no login that another site could borrow, so nothing is given away that the link has not already.
    (b"access-control-allow-origin", b"*"),
    (b"cross-origin-resource-policy", b"cross-origin"),
    # What a model or a foreign server made is never a document on this origin: no scripts, no frames.
    (b"content-security-policy", b"default-src 'none'; sandbox"),
]

_REFUSED: Final[list[Header]] = [*_FOR_EVERYBODY, (b"cache-control", b"no-store")]
"""On a refusal too, so that a page may read why."""


_SENT_BYTES: Final = 64 * 1024
"""What a client has to take within the deadline; a slow one does."""


class Answer(Struct, frozen=True):
    """What is said to one request: the head, and which bytes of the picture follow."""

    status: int
    headers: list[Header]
    start: int = 0
    stop: int = 0


class ServeImage:
    """The endpoint. It asks for no key: the signature in the path is what opens the picture."""

    def __init__(self, images: HostedImages, send_seconds: float, most_at_once: int) -> None:
        self._images = images
        self._send_seconds = send_seconds
        self._places = Places(most_at_once)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve GET or HEAD; an answer that fails after its head is left unfinished, which closes the connection."""
        request = Request(scope, receive)
        with self._places.one() as place:
            await place.take_for(request.path_params["name"])  # who has one link does not keep others from theirs
            await self._serve(request, scope, send)

    async def _serve(self, request: Request, scope: Scope, send: Send) -> None:
        try:
            image = await self._images.open(request.path_params["signature"], request.path_params["name"])
        except GatewayError as error:
            error.headers += _REFUSED
            raise
        answer = decide(request.method, request.headers, image)
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
        pace = Pace(self._send_seconds)
        try:
            async for piece in self._images.read(image, answer.start, answer.stop):
                if await request.is_disconnected():
                    return
                for at in range(0, len(piece), _SENT_BYTES):
                    part = piece[at : at + _SENT_BYTES]
                    await pace.keep(send({"type": "http.response.body", "body": part, "more_body": True}), len(part))
        except TimeoutError:
            cut(scope)  # it takes nothing any more, and must not hold us and the store for ever
            return
        except GatewayError as error:
            log.warning("a hosted picture was cut", extra={"why": error.detail})
            return
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def decide(method: str, headers: Headers, image: HostedImage) -> Answer:
    """What a request for a picture is answered; preconditions before ranges (RFC 9110 §13.2.2)."""
    size = image.size_bytes
    tag = f'"{image.name}"'  # a name is given to one picture only
    kept = [
        (b"etag", tag.encode()),
        (b"cache-control", f"private, max-age={image.seconds_left}, immutable".encode()),
        (b"accept-ranges", b"bytes"),
        *_FOR_EVERYBODY,
    ]
    if _has_tag(headers, tag):
        return Answer(304, kept)
    disposition = "inline" if image.is_shown else "attachment"
    about = [
        *kept,
        (b"content-type", image.content_type.encode()),
        (b"content-disposition", f'{disposition}; filename="{image.name}"'.encode()),
    ]
    wanted = _wanted_range(headers, tag, size) if method == "GET" else None
    if wanted is None:
        whole = [*about, (b"content-length", str(size).encode())]
        return Answer(200, whole, 0, size if method == "GET" else 0)
    start, stop = wanted
    if start >= stop:
        return Answer(416, [*_REFUSED, (b"content-range", f"bytes */{size}".encode()), (b"content-length", b"0")])
    part = [
        *about,
        (b"content-range", f"bytes {start}-{stop - 1}/{size}".encode()),
        (b"content-length", str(stop - start).encode()),
    ]
    return Answer(206, part, start, stop)


def _has_tag(headers: Headers, tag: str) -> bool:
    """Whether the client has this picture already (If-None-Match; weak comparison)."""
    given = [part.strip().removeprefix("W/") for part in ",".join(headers.getlist("if-none-match")).split(",")]
    return tag in given or "*" in given


def _wanted_range(headers: Headers, tag: str, size: int) -> tuple[int, int] | None:
    """Start and end of the part that is asked for; an empty part where there is none such, None for the whole.

    A range may be ignored, and several of them, malformed ones and those for another picture are (RFC 9110 §14.2).
    """
    given = headers.getlist("range")
    match = _RANGE.fullmatch(given[0].strip()) if len(given) == 1 else None
    if match is None or headers.get("if-range", tag) != tag:
        return None
    first, last = match.groups()
    if not first:
        return (size - min(int(last), size), size) if last else None
    if last and int(last) < int(first):
        return None
    return int(first), min(int(last) + 1, size) if last else size
