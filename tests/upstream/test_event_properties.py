"""The event rewriter against a plain reader of event streams: any events, spelled and cut in any way."""

import json
import re
from dataclasses import dataclass
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from app.upstream.event_form import COMPLETED_TYPES, EVENT_TYPES, canonical_event
from app.upstream.events import EventWriter, Piece
from app.upstream.scanner import MalformedAnswer
from tests.upstream.test_answer_properties import Spelling, counts, cut, names, places, scalars, spellings, values

NOW = 1_790_000_000

types = st.sampled_from(sorted(EVENT_TYPES))
LETTERS = "A" * 256
"""Behind so many a picture is not looked at any more."""
pictures = st.text("ABCxyz019+/=", min_size=1, max_size=60) | st.sampled_from(
    ["", "\\", *[LETTERS + odd for odd in ('"', 'a\\"}', "\n\ndata: x")]]
)


@dataclass(frozen=True, slots=True)
class Sent:
    """An event as the upstream sends it."""

    kind: str
    document: dict[str, Any]
    stream: bytes

    @property
    def brings_picture(self) -> bool:
        """Whether it has one to pass on."""
        return bool(self.document["b64_json"])

    def canonical(self) -> dict[str, Any]:
        """What the client reads."""
        small = canonical_event(self.kind, self.document, created=NOW)
        return {"type": self.kind, "b64_json": self.document["b64_json"]} | small


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """The data of an event, its members in any order."""
    members = draw(
        st.dictionaries(names.filter(lambda name: name not in {"error", "type", "code"}), values, max_size=3)
    )
    members |= draw(
        st.fixed_dictionaries(
            {"b64_json": pictures},
            optional={
                "created_at": scalars | st.integers(1, 2**31),
                "size": st.just("1024x1024") | values,
                "quality": st.just("high"),
                "partial_image_index": st.integers(0, 3) | values,
                "usage": counts,
            },
        )
    )
    return members


@st.composite
def events(draw: st.DrawFn) -> Sent:
    """One event with its type in one place or both, among lines that mean nothing."""
    kind, document, spelling = draw(types), draw(documents()), draw(spellings)
    in_data, in_line = draw(st.sampled_from([(True, True), (True, False), (False, True)]))
    document |= {"type": kind} if in_data else {}
    document = {name: document[name] for name in draw(st.permutations(list(document)))}
    lines = [draw(st.sampled_from(["data:", "data: "])) + line for line in _lines(spelling, document)]
    if in_line:
        lines.insert(draw(st.sampled_from([0, len(lines)])), f"event: {kind}")
    for noise in draw(st.lists(st.sampled_from([":", ": keepalive", "id: 7", "retry: 10", "other: data"]), max_size=2)):
        lines.insert(draw(st.integers(0, len(lines))), noise)
    end = draw(st.sampled_from(["\n", "\r", "\r\n"]))
    return Sent(kind, document, "".join(line + end for line in [*lines, ""]).encode())


def _lines(spelling: Spelling, document: dict[str, Any]) -> list[str]:
    """The data cut at the line ends of its white space; what a string holds of them is escaped."""
    return [line for line in re.split(r"[\r\n]", spelling.write(document).decode()) if line]


streams = st.lists(events(), max_size=4)


def run(chunks: list[bytes]) -> tuple[EventWriter, list[Piece]]:
    """Feed all chunks."""
    rewriter = EventWriter(created=NOW)
    return rewriter, [piece for chunk in chunks for piece in rewriter.feed(chunk)]


def read_events(stream: bytes) -> list[dict[str, Any]]:
    """The events of a whole stream in our form, checked line by line."""
    blocks = stream.split(b"\n\n")
    assert blocks.pop() == b""
    found = []
    for block in blocks:
        fields = dict(line.split(b": ", 1) for line in block.split(b"\n"))
        assert block.count(b"\n") == 1
        document = json.loads(fields[b"data"])
        assert document["type"].encode() == fields[b"event"]
        found.append(document)
    return found


@given(sent=streams, mark=st.booleans(), done=st.booleans(), places=places)
def test_any_events_come_out_in_openai_s_form(sent: list[Sent], mark: bool, done: bool, places: list[int]) -> None:
    """However spelled and cut, each event with a picture is read back in its canonical form; usage and count agree."""
    body = b"\xef\xbb\xbf" * mark + b"".join(event.stream for event in sent) + b"data: [DONE]\n\n" * done

    rewriter, pieces = run(cut(body, places))
    rewriter.finish()

    assert read_events(b"".join(piece.data for piece in pieces)) == [e.canonical() for e in sent if e.brings_picture]
    completed = [event for event in sent if event.kind in COMPLETED_TYPES]
    assert rewriter.completed == sum(event.brings_picture for event in completed)
    assert sum(piece.ends_completed for piece in pieces) == rewriter.completed
    assert rewriter.committed == any(event.brings_picture for event in sent)
    told = [event.document.get("usage") for event in completed if event.brings_picture or event.document.get("usage")]
    assert rewriter.usages == told


@settings(max_examples=25)  # each runs the stream once for every byte of it
@given(sent=st.lists(events(), min_size=1, max_size=2))
def test_truncation_is_noticed_at_every_byte(sent: list[Sent]) -> None:
    """A stream cut anywhere but between events is malformed; what went out is a beginning of the whole output."""
    body = b"".join(event.stream for event in sent)
    whole = b"".join(piece.data for piece in run([body])[1])
    for length in range(len(body)):
        rewriter, pieces = run([body[:length]])
        output = b"".join(piece.data for piece in pieces)
        assert whole.startswith(output)
        assert rewriter.at_boundary == (not output or output.endswith(b"\n\n"))
        assert _is_malformed(rewriter) != _is_between_events(body[:length]), body[:length]


@given(sent=st.lists(events(), min_size=1, max_size=2), rubbish=st.binary(max_size=20), place=st.integers(0, 10**6))
def test_rubbish_is_refused_or_read_but_breaks_nothing(sent: list[Sent], rubbish: bytes, place: int) -> None:
    """Any bytes anywhere raise MalformedAnswer and nothing else, or leave whole events in our form."""
    body = b"".join(event.stream for event in sent)
    at = place % (len(body) + 1)

    try:
        rewriter, pieces = run([body[:at], rubbish, body[at:]])
        rewriter.finish()
    except MalformedAnswer:
        return

    assert rewriter.at_boundary
    output = b"".join(piece.data for piece in pieces)
    assert output.count(b"\n\n") == output.count(b"event: image_")


def _is_between_events(body: bytes) -> bool:
    """Whether only lines that mean nothing stand behind the last blank one; half of a line end is one."""
    lines = re.split(rb"\r\n|\r|\n", body)
    if lines.pop():
        return False
    while lines and lines[-1].split(b":")[0] not in (b"data", b"event"):
        if not lines.pop():
            return True
    return not lines


def _is_malformed(rewriter: EventWriter) -> bool:
    try:
        rewriter.finish()
    except MalformedAnswer:
        return True
    return False
