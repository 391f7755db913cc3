"""A multipart/form-data body taken apart as it comes: bytes in, heads and data of its parts out. No I/O."""

import logging
from collections.abc import Iterator
from typing import Final

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError

from app.web.form_heads import PartHead, malformed, read_boundary, read_part_head

MAX_PARTS: Final = 64
"""Sixteen pictures, a mask, a markup and every known field are fewer than fifty."""

_MAX_HEADERS: Final = 8
_MAX_HEADER_BYTES: Final = 4096
"""Per part and header line; a file name has at most 255 characters, and takes nine bytes each when percent-encoded."""

_QUIET: Final = logging.getLogger(f"{__name__}.parser")
_QUIET.disabled = True
"""The parser would log a warning for each form that a client got wrong; the refusal says it."""

END: Final = None
"""A part is over."""

Event = PartHead | bytes | None
"""A part begins, a piece of its data, its end."""


class FormParts:
    """The push parser of one form: ``feed`` what came, and get what it completes; ``finish`` when nothing follows."""

    def __init__(self, content_type: str) -> None:
        self._parser = MultipartParser(
            read_boundary(content_type),
            {
                "on_part_begin": self._on_part_begin,
                "on_header_begin": self._on_header_begin,
                "on_header_field": self._on_header_field,
                "on_header_value": self._on_header_value,
                "on_headers_finished": self._on_headers_finished,
                "on_part_data": self._on_part_data,
                "on_part_end": self._on_part_end,
                "on_end": self._on_end,
            },
            max_header_count=_MAX_HEADERS,
            max_header_size=_MAX_HEADER_BYTES,
        )
        self._parser.logger = _QUIET
        self._events: list[Event] = []
        self._headers: list[tuple[bytearray, bytearray]] = []
        self._parts = 0
        self._has_begun = False
        self._has_ended = False

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """What the next bytes complete.

        Raises:
            InvalidRequest: this is no form, or one with more parts than any real one.

        """
        if not self._has_begun:
            # Some clients write an empty line before the first boundary. The parser would skip any words there too.
            chunk = chunk.lstrip(b"\r\n")
            self._has_begun = bool(chunk)
        try:
            self._parser.write(chunk)
        except FormParserError:
            raise malformed(
                "it is not well-formed multipart/form-data with the boundary of its Content-Type."
            ) from None
        events, self._events = self._events, []
        return iter(events)

    def finish(self) -> None:
        """Say that nothing follows.

        Raises:
            InvalidRequest: the closing boundary never came.

        """
        if not self._has_ended:
            raise malformed("it ends before its closing boundary.")

    def _on_part_begin(self) -> None:
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise malformed(f"it has more than {MAX_PARTS} parts.")
        self._headers = []

    def _on_header_begin(self) -> None:
        self._headers.append((bytearray(), bytearray()))

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._headers[-1][0].extend(data[start:end])

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._headers[-1][1].extend(data[start:end])

    def _on_headers_finished(self) -> None:
        self._events.append(read_part_head((bytes(name), bytes(value)) for name, value in self._headers))

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        self._events.append(data[start:end])

    def _on_part_end(self) -> None:
        self._events.append(END)

    def _on_end(self) -> None:
        self._has_ended = True
