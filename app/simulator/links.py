"""Pictures handed over as links: what their addresses look like, and what comes when one is opened."""

import secrets
from datetime import UTC, datetime
from urllib.parse import urlencode

from msgspec import Struct
from msgspec.structs import replace

from app.simulator.answer import HttpAnswer, ReceivedRequest
from app.simulator.family import Family
from app.simulator.refusals import html_page
from app.simulator.scenario import Fault, Link, Scenario

SIGNED_SECONDS = 24 * 3600
"""How long a Seedream link says it is good for."""
LINK_PREFIXES = ("/files/", "/cdn/")
PLAIN = Scenario()
MANNERS = {
    Link.STALLED: Scenario(fault=Fault.STALL_MID_BODY),
    # Twenty bytes a second: hours for any picture, although no single wait is long.
    Link.DRIPPING: Scenario(piece_bytes=1, piece_pause_seconds=0.05),
    Link.PROMISES_MORE: Scenario(content_length_error=1000),
    Link.PROMISES_LESS: Scenario(content_length_error=-1000, close_after_answer=True),
}
"""How what comes is delivered, where that is what is wrong with it."""
NOTHING = (bytes(64 * 1024),) * 1024
"""64 MiB, of which one block is in memory."""


class LinkedPicture(Struct, frozen=True):
    """What lies at one address."""

    content_type: str
    data: bytes
    link: Link
    location: str = ""
    """Where it leads to, where it redirects."""


def name_link(family: Family, extension: str) -> str:
    """A path nobody can guess, in the manner of a family; Seedream's is signed for a day.

    DALL-E's is that of links of CometAPI seen in March 2026.
    """
    now = datetime.now(UTC)
    if family.is_dall_e:
        return f"/cdn/{now:%Y%m%d}/{secrets.token_hex(16)}.{extension}"
    path = f"/files/{secrets.token_hex(12)}.{extension}"
    if family is not Family.SEEDREAM:
        return path
    signature = {
        "X-Tos-Algorithm": "TOS4-HMAC-SHA256",
        "X-Tos-Credential": "simulator/cn-beijing/tos/request",
        "X-Tos-Date": f"{now:%Y%m%dT%H%M%SZ}",
        "X-Tos-Expires": str(SIGNED_SECONDS),
        "X-Tos-Signature": secrets.token_hex(32),
        "X-Tos-SignedHeaders": "host",
    }
    return f"{path}?{urlencode(signature)}"


def lay_out(path: str, content_type: str, data: bytes, scenario: Scenario) -> dict[str, LinkedPicture]:
    """What has to lie at which address for a link to behave as its scenario wants it."""
    picture = LinkedPicture(content_type, data, scenario.link)
    match scenario.link:
        case Link.MOVED:
            target = f"/files/{secrets.token_hex(12)}"
            sound = replace(picture, link=Link.SOUND)
            return {path: replace(picture, location=target), target: sound}
        case Link.MOVED_AWAY:
            return {path: replace(picture, location=scenario.link_elsewhere)}
        case Link.CIRCULAR:
            return {path: replace(picture, location=path)}
        case _:
            return {path: picture}


def is_link(request: ReceivedRequest) -> bool:
    """Whether a request opens a link, good or not."""
    return request.method == "GET" and request.path.startswith(LINK_PREFIXES)


def open_link(picture: LinkedPicture | None) -> tuple[HttpAnswer, Scenario]:
    """What comes when a link is opened, and how it is to be delivered; None stands for an address with nothing."""
    if picture is None or picture.link is Link.GONE:
        return HttpAnswer(404, b"404 page not found", content_type="text/plain"), PLAIN
    return _content(picture), MANNERS.get(picture.link, PLAIN)


def _content(picture: LinkedPicture) -> HttpAnswer:
    if picture.location:
        return HttpAnswer(302, b"", content_type="text/html", headers=(("Location", picture.location),))
    sound, page = HttpAnswer(200, picture.data, content_type=picture.content_type), html_page(200)
    unsound = {
        Link.UNNAMED: replace(sound, content_type="application/octet-stream"),
        Link.EMPTY: replace(sound, body=b""),
        Link.HTML: page,
        Link.DISGUISED_HTML: replace(page, content_type=picture.content_type),
        Link.ENDLESS: replace(sound, events=(picture.data, *NOTHING)),
    }
    return unsound.get(picture.link, sound)
