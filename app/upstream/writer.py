"""Writes a passing answer anew in OpenAI's form, around pictures that go straight through.

The order of the output is the order in which things can be known: ``created`` if the upstream gave it before the first
picture; each picture as it comes; the small fields of its object behind it; everything else after ``data``. Items of
``data`` that bring no picture are left out, so ``data`` is as long as what is billed.
"""

from collections.abc import Iterable

from app.upstream.canonical import canonical_created, canonical_fields, canonical_item, members
from app.upstream.scanner import Answer, PictureStart, Segment, SegmentKind


class AnswerWriter:
    """Writes one answer from the segments of the upstream's. Holds nothing but where it stands."""

    __slots__ = ("_created", "_created_written", "_in_picture", "_open_item")

    def __init__(self, *, created: int) -> None:
        """Take ``created`` (Unix seconds) for an answer without one."""
        self._created = created
        self._open_item: int | None = None  # index of the item whose object is open in the output
        self._created_written = False
        self._in_picture = False

    def write(self, segments: Iterable[Segment]) -> list[bytes]:
        """The bytes to send now: none until the first picture begins."""
        output: list[bytes] = []
        for segment in segments:
            self._write(segment, output)
        return output

    def end(self, answer: Answer) -> bytes:
        """The bytes that complete the output; b"" if no picture came."""
        if self._open_item is None:
            return b""
        item = canonical_item(answer.document["data"][self._open_item])
        fields = canonical_fields(answer.document)
        if not self._created_written:
            fields = {"created": canonical_created(answer.document) or self._created} | fields
        return b"".join((members(item), b"}]", members(fields), b"}"))

    def _write(self, segment: Segment, output: list[bytes]) -> None:
        """A picture passes; of the skeleton only the quote behind a picture does."""
        if segment.kind is SegmentKind.PICTURE:
            if segment.start is not None:
                output.append(self._lead_to(segment.start))
                self._in_picture = True
            output.append(segment.data)
        elif self._in_picture:
            output.append(b'"')
            self._in_picture = False

    def _lead_to(self, start: PictureStart) -> bytes:
        """All that stands between the picture before and this one, up to the opening quote."""
        if self._open_item is None:
            lead = self._head(start) + b"{"
        elif start.index == self._open_item:
            lead = b","
        else:
            item = canonical_item(start.document["data"][self._open_item])
            lead = members(item) + b"},{"
        self._open_item = start.index
        return lead + b'"%b":"' % start.kind.encode()

    def _head(self, start: PictureStart) -> bytes:
        created = canonical_created(start.document)
        if created is None:
            return b'{"data":['
        self._created_written = True
        return b'{"created":%d,"data":[' % created
