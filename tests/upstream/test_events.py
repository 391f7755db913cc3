"""The event rewriter on streams written by hand: what goes out, what stays here, and when."""

import json
from collections.abc import Iterable
from typing import Any

import pytest

from app.upstream.event_lines import MAX_EVENT_NAME_BYTES, MAX_FIELD_NAME_BYTES, MAX_LINES
from app.upstream.events import MAX_PICTURE_EVENTS, EventWriter, Piece
from app.upstream.scanner import MalformedAnswer

NOW = 1_790_000_000
USAGE = {
    "total_tokens": 209,
    "input_tokens": 13,
    "output_tokens": 196,
    "input_tokens_details": {"text_tokens": 13, "image_tokens": 0},
}
PARTIAL = {
    "type": "image_generation.partial_image",
    "b64_json": "iVBORw0KGgo\\/AAAA",
    "created_at": 1781075000,
    "size": "1024x1024",
    "quality": "low",
    "background": "opaque",
    "output_format": "png",
    "partial_image_index": 0,
}
COMPLETED = {name: value for name, value in PARTIAL.items() if name != "partial_image_index"} | {
    "type": "image_generation.completed",
    "usage": USAGE,
}


def event(document: dict[str, Any], end: str = "\n") -> bytes:
    """An event as the upstream sends it, without an ``event`` line."""
    return f"data: {json.dumps(document)}{end}{end}".encode()


def feed_all(rewriter: EventWriter, chunks: Iterable[bytes]) -> list[Piece]:
    """What these chunks give."""
    return [piece for chunk in chunks for piece in rewriter.feed(chunk)]


def rewriter_after(*chunks: bytes, max_skeleton_bytes: int = 65_536) -> tuple[EventWriter, list[Piece]]:
    """A rewriter that has been fed these chunks, and what it gave."""
    rewriter = EventWriter(created=NOW, max_skeleton_bytes=max_skeleton_bytes)
    return rewriter, feed_all(rewriter, chunks)


def rewrite(body: bytes) -> bytes:
    """The whole output for this stream, the same however it is cut."""
    rewriter, pieces = rewriter_after(body)
    rewriter.finish()
    bytewise, singles = rewriter_after(*(body[at : at + 1] for at in range(len(body))))
    bytewise.finish()
    output = b"".join(piece.data for piece in pieces)
    assert b"".join(piece.data for piece in singles) == output
    return output


def test_output_of_a_relay_becomes_openai_s() -> None:
    """Event lines are added, vendor fields go, output details are filled in, the time is there."""
    relayed = COMPLETED | {"created_at": None, "channel": "x", "url": "", "quality": "", "partial_image_index": 3}

    lines = rewrite(event(PARTIAL) + event(relayed) + b"data: [DONE]\n\n").decode().split("\n")

    assert lines[0] == "event: image_generation.partial_image"
    assert lines[1].startswith("data: ")
    assert json.loads(lines[1].removeprefix("data: ")) == PARTIAL
    assert lines[2:4] == ["", "event: image_generation.completed"]
    assert json.loads(lines[4].removeprefix("data: ")) == {
        "type": "image_generation.completed",
        "b64_json": PARTIAL["b64_json"],
        "created_at": NOW,
        "size": "1024x1024",
        "background": "opaque",
        "output_format": "png",
        "usage": USAGE | {"output_tokens_details": {"text_tokens": 0, "image_tokens": 196}},
    }
    assert lines[5:] == ["", ""]


@pytest.mark.parametrize(
    "body",
    [
        b"\xef\xbb\xbf" + event(COMPLETED),
        b"\xef\xbb\xbf: comment\n" + event(COMPLETED),
        event(COMPLETED, "\r"),
        event(COMPLETED, "\r\n"),
        event(COMPLETED).replace(b"data: ", b"data:"),
        b"event: image_generation.completed\n" + event(COMPLETED),
        b"event: message\n" + event(COMPLETED),
        b": keepalive\n\n\nid: 7\nretry: 3000\nother\nid\n" + event(COMPLETED),
        b"data:\n\ndata\n\nevent: ping\n\nevent\n\n" + event(COMPLETED),
        b'event: ping\ndata: {"a":1}\n\n' + event(COMPLETED),
        event(COMPLETED).replace(b", ", b",\ndata: "),
        event(COMPLETED) + b"data: [DONE]\n\n",
        event(COMPLETED) + b"data:[DONE]",
        event(COMPLETED) + b": bye\n",
    ],
)
def test_spelling_of_the_stream_does_not_matter(body: bytes) -> None:
    """Line ends, comments, byte order mark, other fields and lines of data: the client sees one form."""
    assert rewrite(body) == rewrite(event(COMPLETED))


def test_picture_goes_out_as_it_comes() -> None:
    """Nothing before its first byte; then the lead and its own bytes, uncopied; the blank line apart at the end."""
    chunk = b"A" * 1000
    rewriter, pieces = rewriter_after(b': hi\n\ndata: {"type":"image_edit.completed","b64_json":"')
    assert pieces == []
    assert not rewriter.committed
    assert rewriter.at_boundary

    lead, picture = rewriter.feed(chunk)
    assert lead.data == b'event: image_edit.completed\ndata: {"type":"image_edit.completed","b64_json":"'
    assert picture.data is chunk
    assert rewriter.committed
    assert not rewriter.at_boundary
    assert rewriter.feed(b'","size":"1024x1024"}\n') == []
    assert rewriter.completed == 0

    tail, end = rewriter.feed(b"\n")
    assert tail == Piece(b'","created_at":%d,"size":"1024x1024"}\n' % NOW)
    assert end == Piece(b"\n", ends_completed=True)
    assert rewriter.at_boundary
    assert rewriter.completed == 1


def test_blank_line_of_a_partial_image_need_not_wait() -> None:
    """Only completed events are paid for."""
    _, pieces = rewriter_after(event(PARTIAL) + event(COMPLETED))

    assert [piece.ends_completed for piece in pieces if piece.data == b"\n"] == [False, True]


def test_type_behind_the_picture_is_written_behind_it() -> None:
    """The picture does not wait for its type; the event line may come last."""
    output = rewrite(b'data: {"b64_json":"iVBO","type":"image_generation.completed"}\n\n')

    data, event_line, *rest = output.split(b"\n")
    assert json.loads(data.removeprefix(b"data: ")) == {
        "type": "image_generation.completed",
        "b64_json": "iVBO",
        "created_at": NOW,
    }
    assert event_line == b"event: image_generation.completed"
    assert rest == [b"", b""]


def test_type_may_stand_in_the_event_line_only() -> None:
    """Before the data or behind it."""
    line, data = b"event: image_edit.completed\n", b'data: {"b64_json":"iVBO"}\n'

    for body in (line + data, data + line):
        assert b'"type":"image_edit.completed"' in rewrite(body + b"\n")


def test_usage_is_kept_of_every_completed_event() -> None:
    """Also of one that brings no picture, which is not passed on; a partial image's is not believed."""
    partial, empty = PARTIAL | {"usage": USAGE}, COMPLETED | {"b64_json": ""}

    rewriter, _ = rewriter_after(event(partial))
    assert rewriter.usages == []
    pieces = rewriter.feed(event(COMPLETED) + event(empty) + event(COMPLETED | {"usage": None}))

    assert rewriter.usages == [USAGE, USAGE, None]
    assert rewriter.completed == 2
    assert sum(piece.ends_completed for piece in pieces) == 2


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b'event: error\ndata: {"error":{"message":"no","code":"x"}}\n\n', {"message": "no", "code": "x"}),
        (b'data: {"error":{"message":"no"}}\n\n', {"message": "no"}),
        (b'data: {"error":"no"}\n\n', {"message": "no"}),
        (b'event: error\ndata: {"message":"no"}\n\n', {"message": "no"}),
        (b'data: {"message":"no"}\nevent: error\n\n', {"message": "no"}),
        (b'data: {"type":"error","message":"no"}\n\n', {"type": "error", "message": "no"}),
        (b'data: {"code":"","message":"no"}\n\n', {"code": "", "message": "no"}),
        (b'data: {"error":{"message":"no"},"b64_json":"iVBO"}\n\n', {"message": "no"}),
    ],
)
def test_upstream_s_error_stays_here(body: bytes, error: dict[str, Any]) -> None:
    """It is handed over as a value, the first one for good; nothing of it is written or promised."""
    rewriter, pieces = rewriter_after(body + b'data: {"error":{"message":"later"}}\n\n')
    rewriter.finish()

    assert pieces == []
    assert rewriter.error == error
    assert not rewriter.committed
    assert rewriter.at_boundary


def test_error_between_events_leaves_a_boundary() -> None:
    """What was complete has gone out whole; an event of ours may follow."""
    rewriter, pieces = rewriter_after(event(COMPLETED), b'event: error\ndata: {"error":{"message":"no"}}\n\n')

    assert b"".join(piece.data for piece in pieces) == rewrite(event(COMPLETED))
    assert rewriter.error == {"message": "no"}
    assert rewriter.at_boundary


@pytest.mark.parametrize("nothing", ['{"error":null}', '{"error":""}', '{"error":{}}', '{"message":"hi"}', "{}"])
def test_empty_error_is_none(nothing: str) -> None:
    """A relay's empty member is no error."""
    rewriter, pieces = rewriter_after(f"data: {nothing}\n\n".encode())

    assert rewriter.error is None
    assert pieces == []


@pytest.mark.parametrize(
    "body",
    [
        b"<html>\n",
        b'{"created":1}\n',
        b"data: <html>\n\n",
        b"data: [1]\n\n",
        b"data: [DONE] and more\n\n",
        b'data: ["' + b"A" * 1000,
        b"data: null\n\n",
        b'data: "text"\n\n',
        b'data: {"a":1},{"b":2}\n\n',
        b'data: {"a":1},{"b64_json":"iVBO',
        b'data: {"a":1}],"data":[{"b64_json":"iVBO',
        b'data: {"a":1}],"x":[{"b":2}\n\n',
        b'data: {"a":1}],"usage":[{}\n\n',
        b'data: {"a":1}]}\n\n',
        b'data: {"a":1}}\n\n',
        b'data: {"a":1\n\n',
        b'data: {"a":NaN}\n\n',
        b'data: {"a":"\xff"}\n\n',
        b'data: {"b64_json":"iVBO\n\n',
        b'data: {"b64_json":"iVBO\ndata: Rw0K"}\n\n',
        b'data: {"b64_json":"\ndata: iVBO"}\n\n',
        b'data: {"b64_json":"iVBO","b64_json":"iVBO"}\n\n',
        b'data: {"b64_json":"iVBO"}\n\n',
        b'event: ping\ndata: {"b64_json":"iVBO"}\n\n',
        b'data: {"type":"image_edit.completed","b64_json":"iVBO","type":"image_edit.partial_image"}\n\n',
        b'data: {"type":"image_edit.completed","b64_json":"iVBO","error":{"message":"no"}}\n\n',
        b"event: " + b"e" * MAX_EVENT_NAME_BYTES,
        b"f" * (MAX_FIELD_NAME_BYTES + 1),
    ],
)
def test_malformed_stream_is_refused_for_good(body: bytes) -> None:
    """Whatever cannot become events of ours is refused by its blank line at the latest, and every time after."""
    for chunks in ([body], [body[at : at + 1] for at in range(len(body))]):
        rewriter = EventWriter(created=NOW)
        with pytest.raises(MalformedAnswer):
            feed_all(rewriter, chunks)
        with pytest.raises(MalformedAnswer):
            rewriter.feed(b"\n\n")
        with pytest.raises(MalformedAnswer):
            rewriter.finish()


def test_picture_before_a_fault_in_its_chunk_is_not_lost() -> None:
    """A completed event is paid for: it is given although rubbish follows at once, which the next call tells."""
    rewriter, pieces = rewriter_after(event(COMPLETED) + b"<html>\n")

    assert b"".join(piece.data for piece in pieces) == rewrite(event(COMPLETED))
    assert rewriter.completed == 1
    with pytest.raises(MalformedAnswer):
        rewriter.finish()


def test_url_beside_the_picture_is_left_out() -> None:
    """Events have no url in OpenAI's form; on either side of the picture it does not disturb it."""
    expected = rewrite(event({"type": "image_edit.completed", "b64_json": "iVBO"}))

    for names in (("url", "b64_json"), ("b64_json", "url")):
        members = {name: {"url": "https://a.example", "b64_json": "iVBO"}[name] for name in names}
        assert rewrite(event({"type": "image_edit.completed"} | members)) == expected


def test_skeleton_cap_is_for_each_event_and_pictures_do_not_count() -> None:
    """The cap is exact; what an event used is free again for the next."""
    data = b'{"type":"image_edit.completed","b64_json":"%b"}' % (b"A" * 1000)
    skeleton_bytes = len(data) - 1000
    body = b"data:%b\n\n" % data * 3

    rewriter, _ = rewriter_after(body, max_skeleton_bytes=skeleton_bytes)
    assert rewriter.completed == 3
    with pytest.raises(MalformedAnswer):
        rewriter_after(body, max_skeleton_bytes=skeleton_bytes - 1)


def test_pictures_have_a_cap_and_pings_do_not() -> None:
    """A stream of tiny pictures without end is refused; events that only keep the line open are not counted."""
    rewriter, _ = rewriter_after(b'event: ping\ndata: {"a":1}\n\n' * 1000, event(COMPLETED) * MAX_PICTURE_EVENTS)

    with pytest.raises(MalformedAnswer):
        rewriter.feed(event(COMPLETED))
    assert rewriter.completed == MAX_PICTURE_EVENTS


def test_long_comment_passes_by() -> None:
    """A comment may be of any length, as nobody keeps it."""
    rewriter, pieces = rewriter_after(b": ", *[b"x" * 10_000] * 20, b"\n")
    rewriter.finish()

    assert pieces == []


@pytest.mark.parametrize("line", [b"\r", b"\n", b": \r\n", b"data\n", b"event\n"])
def test_lines_have_a_cap(line: bytes) -> None:
    """A stream of lines without end is refused before it costs time."""
    rewriter, _ = rewriter_after(line * MAX_LINES)

    with pytest.raises(MalformedAnswer):
        rewriter.feed(line)


@pytest.mark.parametrize("rest", [b"", b": comment", b"data:", b"data: [DONE", b"event: x\n", b"data: {}\n", b"id: 7"])
def test_end_elsewhere_than_between_events_is_noticed(rest: bytes) -> None:
    """An empty stream ends well; one cut inside a line, or before an event's blank line, does not."""
    rewriter, _ = rewriter_after(rest)

    if rest:
        with pytest.raises(MalformedAnswer):
            rewriter.finish()
    else:
        rewriter.finish()
