"""What stands at the head of a form and of each of its parts, read strictly. Pure.

Two readers that understand a header differently are how checks are passed by, so whatever is not plain is refused
rather than guessed at (RFC 7578; RFC 2046 §5.1.1).
"""

import re
from collections.abc import Iterable
from typing import Final

from msgspec import Struct

from app.catalog.wording import shown
from app.errors import InvalidRequest

FORM_TYPE: Final = "multipart/form-data"

_PARAMETER: Final = re.compile(
    r"\s*+;\s*+(?P<name>[!#$%&'*+.^_`|~0-9A-Za-z-]++)=(?:\"(?P<quoted>(?:[^\"\\]|\\.)*+)\"|(?P<token>[^\s;\"]*+))"
)
_BOUNDARY: Final = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")
"""RFC 2046 §5.1.1."""

_CHARSETS: Final = frozenset({"utf-8", "utf8", "us-ascii"})
_ENCODINGS: Final = frozenset({"binary", "8bit", "7bit"})
"""Those that leave the bytes as they are; RFC 7578 §4.7 has deprecated the header altogether."""

_MOST_NAME_CHARS: Final = 64


class PartHead(Struct, frozen=True):
    """What a part is: a text, or a file where a file name was given. The file name itself is of no interest."""

    name: str
    is_file: bool


def malformed(what: str) -> InvalidRequest:
    """The refusal of a form that is none."""
    return InvalidRequest(f"We could not read the form of your request: {what}", code="invalid_form")


def media_type(content_type: str) -> str:
    """The type without its parameters, in small letters."""
    return content_type.partition(";")[0].strip().lower()


def read_boundary(content_type: str) -> bytes:
    """The boundary that a form's content type names.

    Raises:
        InvalidRequest: none, several, or one that cannot be.

    """
    parameters = _parameters(content_type, "Content-Type")
    _check_charset(parameters)
    boundary = parameters.get("boundary")
    if boundary is None:
        raise malformed("its Content-Type names no boundary; leave that header to your HTTP client.")
    if not _BOUNDARY.fullmatch(boundary):
        raise malformed("the boundary in its Content-Type is not valid (RFC 2046).")
    return boundary.encode("ascii")


def read_part_head(headers: Iterable[tuple[bytes, bytes]]) -> PartHead:
    """What the headers of a part say.

    Raises:
        InvalidRequest: they say nothing, two things at once, or something we do not take.

    """
    found: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("ascii").lower(), _text(raw_value)
        if name in found:
            raise malformed(f"a part has two {shown(name)} headers.")
        found[name] = value
    disposition = found.get("content-disposition", "")
    if media_type(disposition) != "form-data":
        raise malformed("a part has no header `Content-Disposition: form-data`.")
    parameters = _parameters(disposition, "Content-Disposition")
    name = parameters.get("name", "")
    if not (0 < len(name) <= _MOST_NAME_CHARS and name.isprintable()):
        raise malformed(f"a part has no name, or none of at most {_MOST_NAME_CHARS} printable characters.")
    if found.get("content-transfer-encoding", "binary").strip().lower() not in _ENCODINGS:
        raise malformed(f"the part '{shown(name)}' has a Content-Transfer-Encoding; send its bytes as they are.")
    is_file = not parameters.keys().isdisjoint(("filename", "filename*"))
    if not is_file:
        _check_charset(_parameters(found.get("content-type", ""), "Content-Type"))
    return PartHead(name, is_file)


def _text(value: bytes) -> str:
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        raise malformed("a header of one of its parts is not UTF-8.") from None
    if any(char < " " and char != "\t" for char in text):
        raise malformed("a header of one of its parts has a control character in it.")
    return text


def _parameters(value: str, header: str) -> dict[str, str]:
    """What follows the first word, ``; name=value`` each."""
    found: dict[str, str] = {}
    at = len(value.partition(";")[0])
    while match := _PARAMETER.match(value, at):
        name = match["name"].lower()
        if name in found:
            raise malformed(f"a {header} header names '{shown(name)}' twice.")
        found[name] = match["token"] if match["quoted"] is None else match["quoted"]
        at = match.end()
    if value[at:].strip(" \t;"):
        raise malformed(f"a {header} header is not well-formed.")
    return found


def _check_charset(parameters: dict[str, str]) -> None:
    if parameters.get("charset", "utf-8").lower() not in _CHARSETS:
        raise malformed("its text must be UTF-8.")
