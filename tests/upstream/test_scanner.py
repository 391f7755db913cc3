"""The scanner on answers written by hand: every shape that could be taken for a picture, every fault."""

import pytest

from app.upstream.scanner import (
    MAX_PICTURES,
    Answer,
    AnswerScanner,
    MalformedAnswer,
    Picture,
    SegmentKind,
    check_beginning,
)
from app.upstream.skeleton import MAX_DEPTH

SAMPLE = (
    b'{"created": 1781075000, "data": [{"b64_json": "iVBORw0KGgo\\/AAAA\\\\", "revised_prompt": "a \\"fox\\""},\n'
    b' {"url": "https:\\/\\/example.com\\/a.webp"}], "usage": {"input_tokens": 13, "output_tokens": 196}}\n'
)


def scan(*chunks: bytes) -> Answer:
    """Feed all chunks and finish."""
    scanner = AnswerScanner()
    for chunk in chunks:
        scanner.feed(chunk)
    return scanner.finish()


def bytewise(body: bytes) -> list[bytes]:
    """The body in chunks of one byte."""
    return [body[at : at + 1] for at in range(len(body))]


def feed_until_fault(scanner: AnswerScanner, chunks: list[bytes]) -> int:
    """Feed until the scanner refuses, and say how many bytes it took; it must refuse before the chunks end."""
    fed_bytes = 0
    for chunk in chunks:
        try:
            scanner.feed(chunk)
        except MalformedAnswer:
            return fed_bytes
        fed_bytes += len(chunk)
    raise AssertionError("never refused")


def test_pictures_are_counted_and_the_skeleton_is_parsed() -> None:
    """Pictures appear with index, kind and length as written; the document has them empty and all else in place."""
    answer = scan(SAMPLE)

    assert answer.pictures == (Picture(0, "b64_json", 19), Picture(1, "url", 29))
    assert answer.delivered == 2
    assert answer.document == {
        "created": 1781075000,
        "data": [{"b64_json": "", "revised_prompt": 'a "fox"'}, {"url": ""}],
        "usage": {"input_tokens": 13, "output_tokens": 196},
    }


def test_bytewise_equals_whole() -> None:
    """How the answer was cut does not show in the result."""
    assert scan(*bytewise(SAMPLE)) == scan(SAMPLE)


def test_empty_chunks_change_nothing() -> None:
    """An empty chunk, even inside an escape, is no event."""
    assert scan(*(piece for byte in bytewise(SAMPLE) for piece in (byte, b""))) == scan(SAMPLE)


@pytest.mark.parametrize("length", range(len(SAMPLE.rstrip())))
def test_every_truncation_is_malformed(length: int) -> None:
    """An answer cut at any byte never passes for a whole one."""
    with pytest.raises(MalformedAnswer):
        scan(SAMPLE[:length])


def test_commit_comes_with_the_first_byte_of_the_first_picture() -> None:
    """Up to and including the opening quote nothing is promised; the next byte commits and says what came before."""
    scanner = AnswerScanner()

    scanner.feed(b'{"created":7,"data":[{"b64_json":""},{"b64_json":"')
    assert not scanner.committed
    assert scanner.pictures == ()

    (segment,) = scanner.feed(b"iVBO")
    assert scanner.committed
    assert scanner.pictures == (Picture(1, "b64_json", 4),)
    assert segment.kind is SegmentKind.PICTURE
    assert segment.start is not None
    assert (segment.start.index, segment.start.kind) == (1, "b64_json")
    assert segment.start.document == {"created": 7, "data": [{"b64_json": ""}, {"b64_json": ""}]}

    (segment,) = scanner.feed(b"Rw0K")
    assert segment.start is None
    assert scanner.pictures == (Picture(1, "b64_json", 8),)


def test_chunk_inside_a_picture_is_passed_on_without_a_copy() -> None:
    """The very object that came in goes out."""
    scanner = AnswerScanner()
    scanner.feed(b'{"data":[{"b64_json":"')
    chunk = b"A" * 100_000

    (segment,) = scanner.feed(chunk)

    assert segment.data is chunk


@pytest.mark.parametrize(
    "body",
    [
        b'{"b64_json":"x","url":"x"}',
        b'{"data":{"b64_json":"x"}}',
        b'{"data":{"0":{"b64_json":"x"}}}',
        b'{"data":["b64_json","url"]}',
        b'{"data":[["b64_json","x"]]}',
        b'{"data":[[{"b64_json":"x"}]]}',
        b'{"data":[{"x":{"b64_json":"x"}}]}',
        b'{"data":[{"b64_json":["x"],"url":{"url":"x"}}]}',
        b'{"data":[{"b64_json":null,"url":7}]}',
        b'{"data":[{"b64_json":"","url":""}]}',
        b'{"data":[{"revised_prompt":"\\"b64_json\\":\\"x\\"","x":"b64_json"}]}',
        b'{"data":[{"B64_JSON":"x","b64_json ":"x","b64_jso\\u006e\\u0000":"x"}]}',
        b'{"x":[{"b64_json":"x"}],"y":{"data":[{"url":"x"}]}}',
        b'{"x":"data","y":[{"b64_json":"x"}]}',
        b'{"data":[],"error":{"message":"no"}}',
    ],
)
def test_lookalikes_are_no_pictures(body: bytes) -> None:
    """Only a non-empty string at ``$.data[i].b64_json`` or ``$.data[i].url`` is a picture."""
    for answer in (scan(body), scan(*bytewise(body))):
        assert answer.pictures == ()
        assert answer.delivered == 0


@pytest.mark.parametrize(
    "body",
    [
        b'{"data":[{"b64\\u005fjson":"xyz"}]}',
        b'{"d\\u0061ta":[{"b64_json":"xyz"}]}',
        b' {\n"data"\t: [ { "size" : {"b64_json":[1]} , "b64_json" :\r\n"xyz" } ] } ',
        b'{"x":[{}],"data":[{"x":"\\\\","b64_json":"xyz"}],"usage":{"data":[{"url":"u"}]}}',
    ],
)
def test_spelling_of_the_path_does_not_matter(body: bytes) -> None:
    """Escaped keys and white space lead to the picture all the same."""
    for answer in (scan(body), scan(*bytewise(body))):
        assert answer.pictures == (Picture(0, "b64_json", 3),)


def test_index_counts_all_items() -> None:
    """The index is the place in ``data``, also behind items that are no objects or bring nothing."""
    answer = scan(b'{"data":[null,{"b64_json":""},[1,2],{"x":[1,{},3]},{"b64_json":"xyz"}]}')

    assert answer.pictures == (Picture(4, "b64_json", 3),)


def test_item_with_two_pictures_is_delivered_once() -> None:
    """A url and base64 of one item, or a key written twice, are two passing pictures but one to bill."""
    answer = scan(b'{"data":[{"url":"u","b64_json":"xy","b64_json":"z"}]}')

    assert answer.pictures == (Picture(0, "url", 1), Picture(0, "b64_json", 2), Picture(0, "b64_json", 1))
    assert answer.delivered == 1


@pytest.mark.parametrize("value", [b'\\"', b"\\\\", b'\\\\\\"', b'a\\\\\\\\\\"b', b"\\/\\/", b'\\"\\"\\"'])
def test_escapes_in_a_picture_do_not_end_it(value: bytes) -> None:
    """Backslashes before a quote are counted, also when a chunk ends between them."""
    body = b'{"data":[{"b64_json":"%b"},{"url":""},{"url":"u"}]}' % value
    expected = (Picture(0, "b64_json", len(value)), Picture(2, "url", 1))

    assert scan(*bytewise(body)).pictures == expected
    for cut in range(len(body)):
        assert scan(body[:cut], body[cut:]).pictures == expected


@pytest.mark.parametrize(
    "start", [b"<html>", b"[", b'"text"', b"null", b"\xef\xbb\xbf{}", b"}", b" \n<", b"{} x", b"{}{", b"{}\x00"]
)
def test_anything_but_one_object_is_refused_at_once(start: bytes) -> None:
    """The fault is known at its byte, before the body ends; the scanner stays at fault."""
    scanner = AnswerScanner()

    with pytest.raises(MalformedAnswer):
        scanner.feed(start)
    with pytest.raises(MalformedAnswer):
        scanner.feed(b"{}")
    with pytest.raises(MalformedAnswer):
        scanner.finish()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"  ",
        b'{"a":1,}',
        b'{"a":NaN}',
        b'{"a":"\xff"}',
        b'{"a":"\\ud800"}',
        b'{"\xff":1}',
        b'{"\\x":1}',
        b'{"a":"\n"}',
        b'{"a" 1}',
        b'{"a":[}',
        b'{"a":{]}',
    ],
)
def test_bad_skeleton_is_malformed_at_the_end(body: bytes) -> None:
    """The parser has the last word: syntax, UTF-8, surrogates, NaN."""
    with pytest.raises(MalformedAnswer):
        scan(body)
    with pytest.raises(MalformedAnswer):
        scan(*bytewise(body))


@pytest.mark.parametrize(
    "before",
    [
        b'{"a":NaN,"data":[{"b64_json":"',
        b'{"data":[{"x":[},"b64_json":"',
        b'{"data":[{"b64_json" "b64_json":"',
        b'{"data":[{"b64_json":"" "',
        b'{"data":[{"revised_prompt":"\xff","b64_json":"',
    ],
)
def test_nothing_is_committed_behind_a_bad_beginning(before: bytes) -> None:
    """A picture counts only if all that came before it is good JSON, so a 200 is never promised on nonsense."""
    scanner = AnswerScanner()

    with pytest.raises(MalformedAnswer):
        scanner.feed(before + b"iVBO")

    assert not scanner.committed
    assert scanner.pictures == ()


def test_second_data_is_refused() -> None:
    """Readers of JSON would forget the first array, whose pictures have passed already."""
    scanner = AnswerScanner()

    with pytest.raises(MalformedAnswer):
        scanner.feed(b'{"data":[{"b64_json":"xyz"}],"data":[]}')

    assert scanner.committed


def test_pictures_have_a_cap() -> None:
    """An answer of tiny pictures without end is refused before it costs time."""
    scanner = AnswerScanner()
    items = b'{"url":"u"},' * MAX_PICTURES
    scanner.feed(b'{"data":[' + items)

    with pytest.raises(MalformedAnswer):
        scanner.feed(items)


def test_skeleton_has_a_cap_and_pictures_do_not_count() -> None:
    """The cap is exact, and holds for one chunk as for many."""
    body = b'{"data":[{"b64_json":"%b"}]}' % (b"A" * 1000)
    skeleton_bytes = len(body) - 1000

    for chunks in ([body], bytewise(body)):
        exact = AnswerScanner(max_skeleton_bytes=skeleton_bytes)
        for chunk in chunks:
            exact.feed(chunk)
        assert exact.finish().delivered == 1

        tight = AnswerScanner(max_skeleton_bytes=skeleton_bytes - 1)
        feed_until_fault(tight, chunks)


@pytest.mark.parametrize(
    "start",
    [b'{"', b'{"data":[{"', b'{"usage":{"', b'{"x":"', b'{"usage":[1,', b'{"data":[{"b64_json":null,"x":[', b"{", b""],
)
@pytest.mark.parametrize("filler", [b"k", b"1", b" ", b"\\n", b'\\"'])
def test_endless_skeleton_is_refused_early(start: bytes, filler: bytes) -> None:
    """A key, string, usage or white space of 10 MB is refused near the cap, not collected."""
    scanner = AnswerScanner()
    scanner.feed(start)

    fed_bytes = feed_until_fault(scanner, [filler * 1000] * (10_000_000 // 1000))

    assert fed_bytes <= 66_000


@pytest.mark.parametrize("bracket", [b"[", b'{"a":'])
def test_depth_is_capped(bracket: bytes) -> None:
    """A depth bomb is refused at the level above the cap."""
    scanner = AnswerScanner()
    scanner.feed(b'{"x":' + bracket * (MAX_DEPTH - 1))

    with pytest.raises(MalformedAnswer):
        scanner.feed(bracket)


def test_deepest_allowed_answer_passes() -> None:
    """The cap itself is allowed, and a picture behind it is found."""
    nested = b"[" * (MAX_DEPTH - 1) + b"]" * (MAX_DEPTH - 1)

    answer = scan(b'{"x":%b,"data":[{"b64_json":"xyz"}]}' % nested)

    assert answer.pictures == (Picture(0, "b64_json", 3),)


@pytest.mark.parametrize(
    "text", [b"\x89PNG", b"iVBO\nRw0K", b"iVBO\xff", b"Incorrect API key", b"<html>\0", "é".encode()]
)
def test_a_picture_does_not_begin_with_what_is_none(text: bytes) -> None:
    """Bytes nobody encoded, base64 in raw lines, a sentence: no 200 is promised for them."""
    with pytest.raises(MalformedAnswer):
        check_beginning(text)


@pytest.mark.parametrize(
    "text",
    [
        b"iVBORw0KGgo=",
        rb"iVBORw0K\n\/\u002b_-",
        b"data:image/svg+xml;charset=utf-8;base64,PHN2Zw==",
        b"A" * 256 + b" \xff\n",
    ],
)
def test_a_picture_may_be_spelled_as_relays_spell_it(text: bytes) -> None:
    """Escapes, the alphabet of URLs, a data URI; and far inside nobody looks."""
    check_beginning(text)
