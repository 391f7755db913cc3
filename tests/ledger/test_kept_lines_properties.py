"""Lines on disk and in the archive: what was written is read back, and damage is never read as something else."""

import json
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from app.ledger.archive_files import ArchivedFileError, ArchiveFile, lines_of, pack, read_entries, unpack
from app.ledger.journal import decode, encode
from app.ledger.models import NUMBERS, Entry

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)
RECORDS = st.lists(st.dictionaries(TEXTS, VALUES, max_size=4), max_size=5)

FIELDS = [name for name in Entry.__struct_fields__ if name not in ("id", "note")]
ENTRY = st.fixed_dictionaries(
    {
        **{name.encode(): (st.integers(-(2**53), 2**53) if name in NUMBERS else TEXTS) for name in FIELDS},
        b"note": st.dictionaries(TEXTS, VALUES, max_size=3),
    }
)


def as_stream(values: dict[bytes, Any]) -> dict[bytes, bytes]:
    """As Redis has an entry: texts only."""
    note = {b"note": orjson.dumps(values[b"note"])}
    return {name: str(value).encode() for name, value in values.items() if name != b"note"} | note


def archived(values: list[dict[bytes, Any]]) -> tuple[ArchiveFile, bytes]:
    """These entries as a file, and its lines."""
    entries = [(b"%d-0" % number, as_stream(each)) for number, each in enumerate(values, start=1)]
    return ArchiveFile("team", "1-0", f"{len(values)}-0"), lines_of(entries)


def readable(file: ArchiveFile, lines: bytes) -> list[Entry] | None:
    """The entries of a file with these lines; None where it is damaged and says so."""
    try:
        return read_entries(file, pack(lines))
    except ArchivedFileError:
        return None


@given(RECORDS)
def test_journal_gives_back_what_was_written(records: list[dict[str, Any]]) -> None:
    """In order, whatever texts are in them: no line end within a record ends its line."""
    assert list(decode(b"".join(map(encode, records)), "a")) == records


@given(RECORDS, st.data())
def test_damage_to_a_journal_loses_records_and_invents_none(records: list[dict[str, Any]], draw: st.DataObject) -> None:
    """Any bytes in the place of any others: what is still read was written, and lines before them are read."""
    lines = [encode(record) for record in records]
    whole = b"".join(lines)
    start, end = sorted(draw.draw(st.tuples(st.integers(0, len(whole)), st.integers(0, len(whole)))))
    damaged = whole[:start] + draw.draw(st.binary(max_size=6)) + whole[end:]
    found = list(decode(damaged, "a"))

    assert all(record in records for record in found)
    before = [line for at, line in enumerate(lines) if len(b"".join(lines[: at + 1])) <= start]
    assert found[: len(before)] == records[: len(before)]


@given(st.lists(ENTRY, min_size=1, max_size=3))
def test_archive_gives_back_what_redis_had(values: list[dict[bytes, Any]]) -> None:
    """Entry by entry, as if it were read from the stream."""
    file, lines = archived(values)

    expected = [Entry.from_stream(b"%d-0" % number, as_stream(each)) for number, each in enumerate(values, start=1)]
    assert readable(file, lines) == expected


@given(st.lists(ENTRY, min_size=1, max_size=2), VALUES, st.data())
def test_a_line_that_is_no_entry_is_told(values: list[dict[bytes, Any]], other: object, draw: st.DataObject) -> None:
    """Any JSON in the place of a line, or of one of its values."""
    file, lines = archived(values)
    parts = lines.split(b"\n")
    document: dict[str, Any] = json.loads(parts[0])
    name = draw.draw(st.sampled_from(sorted(document)))
    changed = draw.draw(st.sampled_from([other, {**document, name: other}]))
    found = readable(file, b"\n".join([json.dumps(changed).encode(), *parts[1:]]))

    # What may be anything: a text, a number, what a note holds. A changed id would not be that of the file's name.
    assert found is None or (changed is not other and type(other) is type(document[name]))


@given(st.binary(max_size=60), st.integers(0, 200), st.binary(max_size=4))
def test_a_damaged_file_is_told(lines: bytes, place: int, put: bytes) -> None:
    """Cut short or written over: its lines, or an error that says so."""
    packed = pack(lines)
    try:
        unpack(packed[:place] + put + packed[place + len(put) :])
    except ArchivedFileError:
        return


@given(st.text("0123456789-_/.jsonlgz team", max_size=60) | st.text(max_size=30))
def test_any_name_is_a_file_of_ours_or_none(name: str) -> None:
    """And one of ours has that name."""
    file = ArchiveFile.of(name)

    assert file is None or name.startswith(f"{file.team_id}/")
