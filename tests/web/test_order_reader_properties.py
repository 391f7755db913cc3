"""Orders of any bytes: a form or a document is read or refused with a 4xx, and the same however it is cut."""

import base64
import json
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from app.errors import GatewayError
from app.web.order_reader import OrderReader
from tests.web.scene import BOUNDARY, FORM_TYPE, JSON_TYPE, PNG, Read, file, form, part, read, text

HEADERS = st.sampled_from(
    [
        "Content-Type: text/plain; charset=utf-8",
        "Content-Type: image/png; charset=utf-16",
        "Content-Type",
        "Content-Transfer-Encoding: base64",
        "Content-Disposition: form-data; name=again",
        " folded: line",
        "X: " + "y" * 5000,
    ]
)
DISPOSITIONS = st.sampled_from(
    [
        'name="prompt"',
        'name="image[]"; filename="a.png"',
        "filename*=utf-8''a; name=image",
        'name="mask"; filename=""',
        'name="svg[model]"',
        'name="svg[a][b][c][d][e]"',
        'name="a"; name="b"',
        'name="',
        "",
        'name="\\"; filename=x"',
    ]
)
PIECES = st.one_of(
    st.builds(text, st.sampled_from(["prompt", "n", "size", "svg", "svg[model]"]), st.text(max_size=8)),
    st.builds(file, st.sampled_from(["image", "image[]", "mask", "prompt"])),
    st.builds(part, DISPOSITIONS, st.binary(max_size=20), HEADERS),
    st.sampled_from(
        [b"\r\n", b"--", f"--{BOUNDARY}".encode(), f"--{BOUNDARY}--".encode(), f"\r\n--{BOUNDARY}\r\n".encode()]
    ),
    st.binary(max_size=20),
)
PARTS = st.lists(PIECES, max_size=6)
FORMS = st.one_of(PARTS.map(b"".join), PARTS.map(lambda parts: form(*parts)))

URLS = st.one_of(
    st.binary(max_size=40).map(lambda data: f"data:image/png;base64,{base64.b64encode(data).decode()}"),
    st.text("=ABab+/-_ \n", max_size=12).map(lambda data: f"data:;base64,{data}"),
    st.sampled_from(["data:", "data:,", "DATA:;BASE64,QUJD", "http://h/", "file:///etc/passwd", "", "://"]),
    st.text(max_size=12),
)
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
REFERENCES = st.fixed_dictionaries({"image_url": URLS | JUNK}, optional={"file_id": JUNK}) | JUNK
DOCUMENTS = st.fixed_dictionaries(
    {},
    optional={
        "prompt": st.text(max_size=10) | JUNK,
        "images": st.lists(REFERENCES, max_size=3) | JUNK,
        "mask": REFERENCES,
        "markup": REFERENCES,
        "image": JUNK,
        "n": JUNK,
    },
)


async def outcome(reader: OrderReader, content_type: str, pieces: list[bytes]) -> Read | None:
    """The order, or None for a refusal; any other exception is a fault of ours and goes through."""
    try:
        return await read(reader, "edits", content_type, pieces)
    except GatewayError as refusal:
        assert 400 <= refusal.status < 500  # noqa: PT017 - or it is read
        return None


@given(FORMS, st.lists(st.integers(0, 400), max_size=6))
async def test_any_form_is_read_or_refused_however_it_is_cut(reader: OrderReader, sent: bytes, cuts: list[int]) -> None:
    """Parts, delimiters and rubbish in any order; of several faults another may be told, but a form is read or not."""
    places = [0, *sorted(min(cut, len(sent)) for cut in cuts), len(sent)]
    cut = [sent[start:end] for start, end in pairwise(places)]

    assert await outcome(reader, FORM_TYPE, cut) == await outcome(reader, FORM_TYPE, [sent])


@given(st.text(max_size=30) | st.text('boundary=";,\\ \t', max_size=40).map(lambda end: f"multipart/form-data; {end}"))
async def test_any_content_type_is_read_or_refused(reader: OrderReader, content_type: str) -> None:
    """Parameters in any disorder."""
    header = content_type.encode("utf-8", "replace").decode("latin-1")
    await outcome(reader, header, [form(text("prompt", "x"), file("image[]", PNG))])


@given(DOCUMENTS)
async def test_any_document_is_read_or_refused(reader: OrderReader, document: dict[str, Any]) -> None:
    """Any values where words and pictures belong; what is read of the words is what was sent."""
    found = await outcome(reader, JSON_TYPE, [json.dumps(document).encode()])

    if found is not None:
        assert found.fields.get("prompt") == document.get("prompt")


@given(DOCUMENTS, st.data())
async def test_a_damaged_document_is_read_or_refused(
    reader: OrderReader, document: dict[str, Any], draw: st.DataObject
) -> None:
    """With any bytes put in the place of any of its own."""
    whole = json.dumps(document, ensure_ascii=False).encode("utf-8", "surrogatepass")
    start, end = sorted(draw.draw(st.tuples(st.integers(0, len(whole)), st.integers(0, len(whole)))))
    damaged = whole[:start] + draw.draw(st.binary(max_size=8)) + whole[end:]

    await outcome(reader, JSON_TYPE, [damaged])
