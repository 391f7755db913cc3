"""Take a multipart/form-data body apart into its fields and files."""

import re
from email import message_from_string
from email.message import Message
from typing import Any

from msgspec import Struct

from app.simulator.refusals import Refusal, RefusalError

MAX_PARTS = 64
"""Sixteen pictures, a mask and every known field are far fewer."""
MAX_PART_HEAD_BYTES = 8 * 1024
INTEGERS = ("n", "output_compression", "partial_images", "frame_count", "frame_duration_ms")
FLAGS = {"true": True, "false": False}


class FormPart(Struct, frozen=True):
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


def read_fields(parts: list[FormPart]) -> dict[str, Any]:
    """The fields that are no files, as JSON would have them; of one name the last counts.

    Numbers and flags are converted where they are such, and ``svg[model]`` becomes a member of ``svg``.
    """
    fields: dict[str, Any] = {}
    for part in parts:
        if part.filename is not None:
            continue
        value = part.data.decode("utf-8", "replace")
        *outer, name = re.findall(r"[^\[\]]+", part.name) if part.name.startswith("svg[") else [part.name]
        inner = fields
        for member in outer:
            if not isinstance(inner.get(member), dict):
                inner[member] = {}
            inner = inner[member]
        if name in INTEGERS and re.fullmatch(r"-?\d{1,9}", value):
            inner[name] = int(value)
        else:
            inner[name] = FLAGS.get(value, value) if name == "stream" else value
    return fields


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
