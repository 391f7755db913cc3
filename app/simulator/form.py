"""Take a multipart/form-data body apart into its fields and files."""

from dataclasses import dataclass
from email import message_from_string
from email.message import Message

from app.simulator.refusals import Refusal, RefusalError

MAX_PARTS = 64
"""Sixteen pictures, a mask and every known field are far fewer."""
MAX_PART_HEAD_BYTES = 8 * 1024


@dataclass(frozen=True, slots=True)
class FormPart:
    """One field, or one file where it has a file name."""

    name: str
    data: bytes
    filename: str | None
    content_type: str


def is_form(content_type: str) -> bool:
    """Whether a content type says that a form follows."""
    return content_type.partition(";")[0].strip().lower() == "multipart/form-data"


def read_form(body: bytes, content_type: str) -> list[FormPart]:
    """The parts in the order they were sent.

    Raises:
        RefusalError: the body is no whole form; CometAPI calls that a 500, in the words of Go's parser.

    """
    if not is_form(content_type):
        raise _unreadable("request Content-Type isn't multipart/form-data")
    boundary = _header("content-type", content_type).get_boundary()
    if not boundary:
        raise _unreadable("no multipart boundary param in Content-Type")
    delimiter = b"\r\n--" + boundary.encode("latin-1", "replace")
    _, *pieces = (b"\r\n" + body).split(delimiter, MAX_PARTS + 1)
    if len(pieces) > MAX_PARTS:
        raise _unreadable("multipart: message too large")
    parts: list[FormPart] = []
    for piece in pieces:
        if piece.startswith(b"--"):
            return parts
        parts.append(_part(piece))
    raise _unreadable("multipart: NextPart: EOF")


def _part(piece: bytes) -> FormPart:
    """One piece between two delimiters: line end, headers, empty line, data."""
    head, found, data = piece.partition(b"\r\n\r\n")
    if not found or not head.startswith(b"\r\n") or len(head) > MAX_PART_HEAD_BYTES:
        raise _unreadable("multipart: malformed part header")
    headers = message_from_string(head[2:].decode("utf-8", "replace") + "\n\n")
    name = headers.get_param("name", header="content-disposition")
    if not isinstance(name, str):
        raise _unreadable("multipart: part without a name")
    return FormPart(name, data, headers.get_filename(), headers.get_content_type())


def _header(name: str, value: str) -> Message:
    message = Message()
    message[name] = value
    return message


def _unreadable(words: str) -> RefusalError:
    return RefusalError(Refusal(500, f"failed to parse image edit form request: {words}"))
