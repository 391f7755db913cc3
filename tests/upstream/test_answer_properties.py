"""Scanner and rewriter against a plain reading of the whole document: any JSON, spelled and cut in any way."""

import json
import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from app.upstream.canonical import ANSWER_FIELDS
from app.upstream.scanner import Answer, AnswerScanner, MalformedAnswer, Picture, Segment, SegmentKind
from app.upstream.skeleton import PICTURE_KINDS
from tests.support.rewriting import NOW, Rewriting

NAMES = ("data", "b64_json", "url", "revised_prompt", "created", "usage", "size", "input_tokens", "output_tokens")
TEXTS = (
    "",
    "b64_json",
    "url",
    '"b64_json":"x"',
    "data",
    "\\",
    '"',
    '\\"',
    "{[",
    "]}",
    "https://a.example/b?c=d",
    "é😀\n",
)

names = st.sampled_from(NAMES) | st.text(max_size=8)
texts = st.sampled_from(TEXTS) | st.text(max_size=20)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)  # beyond, orjson reads a float
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
    max_leaves=12,
)
items = (
    st.fixed_dictionaries({}, optional={"b64_json": texts, "url": texts, "revised_prompt": texts, "size": values})
    | st.fixed_dictionaries({"b64_json": st.text("ABCxyz019+/=", min_size=1, max_size=60)})
    | st.dictionaries(names, values, max_size=4)
    | values
)
counts = st.fixed_dictionaries(
    {},
    optional={
        "input_tokens": scalars | st.integers(0, 9999),
        "output_tokens": scalars | st.integers(0, 9999),
        "total_tokens": st.integers(0, 9999),
        "input_tokens_details": values
        | st.fixed_dictionaries({"text_tokens": scalars, "image_tokens": scalars, "cached_tokens_details": values}),
        "output_tokens_details": values | st.fixed_dictionaries({"image_tokens": st.integers(0, 9999)}),
        "prompt_tokens": st.integers(0, 9999),
    },
)


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """An object that is nearly always shaped like an answer, its members in any order."""
    members: dict[str, Any] = draw(st.dictionaries(names, values, max_size=4))
    if draw(st.integers(0, 9)):
        members["data"] = draw(st.lists(items, max_size=4))
    members |= draw(
        st.fixed_dictionaries(
            {},
            optional={
                "created": scalars | st.integers(1, 2**31),
                "usage": counts,
                "svg_usage": values | st.fixed_dictionaries({"model": texts, "total_tokens": st.integers(0, 9)}),
                "background": texts,
                "size": texts,
            },
        )
    )
    return {name: members[name] for name in draw(st.permutations(list(members)))}


@dataclass(frozen=True, slots=True)
class Spelling:
    """One of the ways to write the same JSON."""

    ascii_only: bool
    indent: int | None
    separators: tuple[str, str]
    escaped: tuple[tuple[str, str], ...]

    def write(self, value: object) -> bytes:
        """The value as JSON; the escapes stand for the same characters."""
        text = json.dumps(value, ensure_ascii=self.ascii_only, indent=self.indent, separators=self.separators)
        for plain, escape in self.escaped:
            text = text.replace(plain, escape)
        return text.encode()

    def length_bytes(self, text: str) -> int:
        """Bytes of a string between its quotes."""
        return len(self.write(text)) - 2


spellings = st.builds(
    Spelling,
    ascii_only=st.booleans(),
    indent=st.sampled_from([None, 0, 1]),
    separators=st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", "\t:\r")]),
    escaped=st.sampled_from([(), (("64_json", "64\\u005fjson"), ("/", "\\/")), (("url", "\\u0075rl"),)]),
)


def cut(body: bytes, places: list[int]) -> list[bytes]:
    """The body in chunks that end at the places, taken modulo its length."""
    ends = sorted(place % (len(body) + 1) for place in places)
    return [body[start:end] for start, end in pairwise([0, *ends, len(body)])]


places = st.lists(st.integers(0, 10**6), max_size=12)


def read_whole(body: bytes, spelling: Spelling) -> Answer:
    """The answer as a reader finds it who has the whole document in memory."""
    document: dict[str, Any] = json.loads(body)
    pictures: list[Picture] = []
    data = document.get("data")
    for index, item in enumerate(data if isinstance(data, list) else []):
        for name, value in item.items() if isinstance(item, dict) else ():
            if name in PICTURE_KINDS and value and isinstance(value, str):
                pictures.append(Picture(index, PICTURE_KINDS[name], spelling.length_bytes(value)))
                item[name] = ""
    return Answer(document, tuple(pictures))


def scan(chunks: list[bytes]) -> tuple[list[Segment], Answer | None]:
    """All segments, and the answer or None where it is malformed."""
    scanner = AnswerScanner()
    segments: list[Segment] = []
    try:
        for chunk in chunks:
            segments.extend(scanner.feed(chunk))
        return segments, scanner.finish()
    except MalformedAnswer:
        return segments, None


def joined(segments: list[Segment], *kinds: SegmentKind) -> bytes:
    """The bytes of the segments of these kinds."""
    return b"".join(segment.data for segment in segments if segment.kind in kinds)


@given(document=documents(), spelling=spellings, where=places)
def test_scanner_reads_what_a_whole_reader_reads(
    document: dict[str, Any], spelling: Spelling, where: list[int]
) -> None:
    """Whatever the document, its spelling and the cuts: same skeleton, same pictures, not a byte lost."""
    body = spelling.write(document)

    for chunks in (cut(body, where), cut(body, list(range(len(body))))):
        segments, answer = scan(chunks)

        assert answer == read_whole(body, spelling)
        assert joined(segments, *SegmentKind) == body
        assert json.loads(joined(segments, SegmentKind.SKELETON)) == answer.document


@given(document=documents(), spelling=spellings, where=places)
def test_starts_announce_the_pictures(document: dict[str, Any], spelling: Spelling, where: list[int]) -> None:
    """Each picture has one start, which knows all items before it; the lengths add up to the bytes passed."""
    body = spelling.write(document)
    segments, answer = scan(cut(body, where))
    assert answer is not None

    starts = [segment.start for segment in segments if segment.start is not None]
    assert [(start.index, start.kind) for start in starts] == [(each.index, each.kind) for each in answer.pictures]
    assert sum(each.length_bytes for each in answer.pictures) == len(joined(segments, SegmentKind.PICTURE))
    for start in starts:
        assert start.document["data"][: start.index] == answer.document["data"][: start.index]
        assert list(start.document["data"][start.index])[-1] == start.kind


@given(
    document=documents(),
    spelling=spellings,
    where=places,
    at=st.integers(0, 10**6),
    put=st.binary(max_size=2)
    | st.sampled_from([b'"', b"\\", b",", b"{", b"}", b"[", b"]", b":", b'"data":[{"url":"x"}],']),
)
def test_damage_never_depends_on_the_cuts(
    document: dict[str, Any], spelling: Spelling, where: list[int], at: int, put: bytes
) -> None:
    """A damaged answer is malformed, or read, alike for one chunk and for many; and what is read is JSON."""
    body = spelling.write(document)
    at %= len(body)
    body = body[:at] + put + body[at + 1 :]

    whole_segments, whole = scan([body])
    for chunks in (cut(body, where), cut(body, list(range(len(body))))):
        segments, answer = scan(chunks)
        assert answer == whole
        if whole is not None:
            assert joined(segments, *SegmentKind) == body

    if whole is not None:
        assert json.loads(joined(whole_segments, SegmentKind.SKELETON)) == whole.document


def whole_numbers(source: object, *names: str) -> dict[str, Any]:
    """The whole numbers among the named members."""
    members = source if isinstance(source, dict) else {}
    return {name: members[name] for name in names if type(members.get(name)) is int and 0 <= members[name] <= 10**7}


def expected_usage(usage: object) -> dict[str, Any]:
    """``usage`` with documented members only, output details filled in."""
    members = usage if isinstance(usage, dict) else {}
    result = whole_numbers(members, "input_tokens", "output_tokens", "total_tokens")
    for name in ("input_tokens_details", "output_tokens_details"):
        if details := whole_numbers(members.get(name), "text_tokens", "image_tokens"):
            result[name] = details
    if "output_tokens" in result:
        result.setdefault("output_tokens_details", {"text_tokens": 0, "image_tokens": result["output_tokens"]})
    return result


def expected_svg_usage(usage: object) -> dict[str, Any]:
    """``svg_usage`` likewise."""
    result = whole_numbers(usage, "input_tokens", "output_tokens", "reasoning_tokens", "total_tokens")
    if result and isinstance(usage, dict) and re.fullmatch(r"[A-Za-z0-9_.*-]{1,64}", str(usage.get("model"))):
        result["model"] = usage["model"]
    return result


def expected_item(item: dict[str, Any]) -> dict[str, Any]:
    """A delivered item: its pictures and its prompt."""
    documented = (*PICTURE_KINDS, "revised_prompt")
    return {name: value for name, value in item.items() if name in documented and value and isinstance(value, str)}


def expected_output(document: dict[str, Any]) -> dict[str, Any] | None:
    """The canonical answer made with the whole document in memory; None without a picture."""
    data = document.get("data")
    items = [expected_item(item) for item in (data if isinstance(data, list) else []) if isinstance(item, dict)]
    delivered = [item for item in items if PICTURE_KINDS.keys() & item.keys()]
    if not delivered:
        return None
    created = document.get("created")
    result = {
        name: document[name]
        for name in ANSWER_FIELDS
        if isinstance(document.get(name), str) and re.fullmatch(r"[A-Za-z0-9_.*-]{1,64}", document[name])
    }
    result["created"] = created if type(created) is int and created > 0 else NOW
    result["data"] = delivered
    if usage := expected_usage(document.get("usage")):
        result["usage"] = usage
    if svg_usage := expected_svg_usage(document.get("svg_usage")):
        result["svg_usage"] = svg_usage
    return result


@given(document=documents(), spelling=spellings, where=places)
def test_rewriter_writes_the_canonical_document(document: dict[str, Any], spelling: Spelling, where: list[int]) -> None:
    """Whatever the upstream wrote and however it was cut, the client reads the canonical answer."""
    body = spelling.write(document)

    rewriter = Rewriting()

    pieces = [piece for chunk in cut(body, where) for piece in rewriter.feed(chunk)]
    output = b"".join(pieces) + rewriter.finish()[0]

    assert (json.loads(output) if output else None) == expected_output(document)
