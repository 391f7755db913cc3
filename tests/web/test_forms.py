"""A form becomes an order, whatever pieces it comes in; what is no proper form is refused by name."""

from collections.abc import AsyncIterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.catalog.order import InputImage, Operation
from app.errors import BodyTooLarge, InvalidRequest
from app.upstream.form import FormBody
from app.web.forms import MAX_TEXT_BYTES
from app.web.order_reader import OrderReader
from tests.web.scene import (
    BOUNDARY,
    FORM_TYPE,
    JPEG,
    PNG,
    WEBP,
    Read,
    error_of,
    file,
    form,
    part,
    read,
    text,
)

TRICKY = PNG + f"\r\n--{BOUNDARY[:-1]}\r\n--\r\r\n-\r\n--{BOUNDARY}x-\r\n--{BOUNDARY}-\r".encode()
"""A picture with almost-boundaries in it."""

WHOLE = form(
    text("prompt", "ein Papierboot\r\n--auf dem See ⛵"),
    text("n", "2"),
    file("image[]", TRICKY),
    part('name="svg[model]"', "gpt-5", "content-type: text/plain; charset=UTF-8"),
    text("svg[reasoning][effort]", "low"),
    part("filename=a; name=image[]", JPEG),
    file("mask"),
    text("user", ""),
)
MEANT = Read(
    {
        "prompt": "ein Papierboot\r\n--auf dem See ⛵",
        "n": "2",
        "svg": {"model": "gpt-5", "reasoning": {"effort": "low"}},
        "user": "",
    },
    [("image/png", TRICKY), ("image/jpeg", JPEG)],
    ("image/png", PNG),
    None,
    from_form=True,
)


def pictured(data: bytes) -> InputImage:
    """A picture of any bytes."""

    async def pieces() -> AsyncIterator[bytes]:
        yield data

    return InputImage("", len(data), pieces, sha256="")


async def test_a_form_becomes_an_order(reader: OrderReader) -> None:
    """Texts are fields, ``svg[model]`` is a member of one, files are pictures of the type their bytes say."""
    assert await read(reader, "edits", FORM_TYPE, [WHOLE]) == MEANT


async def test_a_form_cut_anywhere_is_the_same_order(reader: OrderReader) -> None:
    """Every cut into two pieces, and byte by byte."""
    for at in range(len(WHOLE)):
        assert await read(reader, "edits", FORM_TYPE, [WHOLE[:at], WHOLE[at:]]) == MEANT
    assert await read(reader, "edits", FORM_TYPE, [WHOLE[at : at + 1] for at in range(len(WHOLE))]) == MEANT


@given(cuts=st.lists(st.integers(0, len(WHOLE)), max_size=12))
async def test_a_form_in_any_pieces_is_the_same_order(reader: OrderReader, cuts: list[int]) -> None:
    """Any number of cuts, empty pieces included."""
    places = [0, *sorted(cuts), len(WHOLE)]
    pieces = [WHOLE[start:end] for start, end in pairwise(places)]

    assert await read(reader, "edits", FORM_TYPE, pieces) == MEANT


@given(
    fields=st.dictionaries(st.from_regex(r"[a-z_]{1,9}", fullmatch=True), st.text(max_size=30), max_size=4),
    pictures=st.lists(st.binary(min_size=1, max_size=60), min_size=1, max_size=4),
    size=st.integers(1, 90),
)
async def test_what_we_send_ourselves_can_be_read(
    reader: OrderReader, fields: dict[str, str], pictures: list[bytes], size: int
) -> None:
    """The form made for the upstream, read by the door: the same words and pictures, whatever bytes they are."""
    sent = FormBody(fields, [("image[]", pictured(data)) for data in pictures])
    whole = b"".join([piece async for piece in sent.pieces()])
    pieces = [whole[at : at + size] for at in range(0, len(whole), size)]
    found = await read(reader, "edits", sent.content_type, pieces)

    assert found.fields == fields
    assert [data for _, data in found.images] == pictures


@pytest.mark.parametrize(
    "names", [["image"], ["image[]"], ["image"] * 3, ["image[]"] * 3, ["image[0]", "image[1]"], ["image[]"] * 16]
)
async def test_images_have_several_spellings(reader: OrderReader, names: list[str]) -> None:
    """``image``, ``image[]`` and ``image[0]``, once or repeated, up to sixteen of them."""
    found = await read(
        reader, "edits", FORM_TYPE, [form(*(file(name, PNG + bytes([at])) for at, name in enumerate(names)))]
    )

    assert found.images == [("image/png", PNG + bytes([at])) for at in range(len(names))]


async def test_overlays_have_their_places(reader: OrderReader) -> None:
    """``mask[]`` is a mask as ``mask`` is, and a markup is none."""
    found = await read(reader, "edits", FORM_TYPE, [form(file("mask[]", WEBP), file("markup", PNG))])

    assert found.mask == ("image/webp", WEBP)
    assert found.markup == ("image/png", PNG)


async def test_variations_are_forms_too(reader: OrderReader) -> None:
    """The same reading for the third operation."""
    found = await read(reader, "variations", FORM_TYPE, [form(file("image"))])

    assert found.images == [("image/png", PNG)]


@pytest.mark.parametrize(
    ("parts", "param", "code"),
    [
        ([text("image", "a path")], "image[0]", "invalid_type"),
        ([file("image"), text("image[]", "data:…")], "image[1]", "invalid_type"),
        ([text("mask", "a path")], "mask", "invalid_type"),
        ([file("prompt")], "prompt", "invalid_type"),
        ([file("image[first]")], "image[first]", "invalid_type"),
        ([part("name=mask; filename*=UTF-8''m.png", PNG), file("mask")], "mask", "invalid_value"),
        ([file("mask"), file("mask[]")], "mask", "invalid_value"),
        ([text("prompt", "a"), text("prompt", "a")], "prompt", "invalid_value"),
        ([text("svg[model]", "a"), text("svg[model]", "b")], "svg[model]", "invalid_value"),
        ([text("svg", "a"), text("svg[model]", "b")], "svg[model]", "invalid_value"),
        ([text("svg[model]", "a"), text("svg", "b")], "svg", "invalid_value"),
        ([file("image[]")] * 17, "image", "array_above_max_length"),
        ([part('name="prompt"', b"\xff\xfe")], "prompt", "invalid_value"),
    ],
)
async def test_a_part_of_the_wrong_kind_is_named(
    reader: OrderReader, parts: list[bytes], param: str, code: str
) -> None:
    """Texts for pictures, files for texts, repeated names, too many images, other encodings: all 400."""
    with pytest.raises(InvalidRequest) as refused:
        await read(reader, "edits", FORM_TYPE, [form(*parts)])

    assert refused.value.status == 400
    assert error_of(refused) == (param, code)


async def test_messages_are_those_of_openai(reader: OrderReader) -> None:
    """The two that clients are known to meet, word for word (facts §1.5)."""
    with pytest.raises(InvalidRequest) as wrong:
        await read(reader, "edits", FORM_TYPE, [form(text("image", "x"))])
    with pytest.raises(InvalidRequest) as twice:
        await read(reader, "edits", FORM_TYPE, [form(file("mask"), file("mask"))])

    assert wrong.value.message == "Invalid type for 'image[0]': expected a file, but got a string instead."
    assert (
        twice.value.message
        == "Invalid parameter: 'mask'. This parameter already has a different value in your parameters."
    )


GOOD = form(text("prompt", "x"))


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", GOOD),
        ("multipart/form-data; boundary=", GOOD),
        ('multipart/form-data; boundary=""', GOOD),
        (f"multipart/form-data; boundary={'b' * 71}", GOOD),
        ('multipart/form-data; boundary="the\\"boundary"', GOOD),
        (f"{FORM_TYPE}; boundary=another", GOOD),
        (f"{FORM_TYPE}; charset=utf-16", GOOD),
        (f"{FORM_TYPE}; what", GOOD),
        ("multipart/form-data; boundary=another", GOOD),
        (FORM_TYPE, b""),
        (FORM_TYPE, GOOD[:-4]),
        (FORM_TYPE, GOOD[:-10]),
        (FORM_TYPE, b"a preamble\r\n" + GOOD),
        (FORM_TYPE, b"\r\nx" + GOOD),
        (FORM_TYPE, b"{}"),
        (FORM_TYPE, form(b"--the-boundary\r\n\r\nno head\r\n")),
        (FORM_TYPE, form(b"--the-boundary\r\nContent-Type: text/plain\r\n\r\nno name\r\n")),
        (FORM_TYPE, form(b"--the-boundary\nContent-Disposition: form-data; name=a\n\nbare line feeds\r\n")),
        (FORM_TYPE, form(part('name="a"', "x", " folded: yes"))),
        (FORM_TYPE, form(part('name="a"', "x", "content-disposition: form-data; name=b"))),
        (FORM_TYPE, form(part('name="a"\nx: y', "x"))),
        (FORM_TYPE, form(part('name="a"; name="b"', "x"))),
        (FORM_TYPE, form(part('name="a" b', "x"))),
        (FORM_TYPE, form(part('name="a', "x"))),
        (FORM_TYPE, form(part('name=""', "x"))),
        (FORM_TYPE, form(part(f'name="{"n" * 65}"', "x"))),
        (FORM_TYPE, form(part("filename=a", "x"))),
        (FORM_TYPE, form(part('name="a"', "x", "Content-Type: text/plain; charset=iso-8859-1"))),
        (FORM_TYPE, form(part('name="a"', "eA==", "Content-Transfer-Encoding: base64"))),
        (FORM_TYPE, form(part('name="a"', "x", "X-Long: " + "y" * 5000))),
        (FORM_TYPE, form(part('name="a"', "x", *(f"X-{at}: y" for at in range(10))))),
        (FORM_TYPE, form(*(text(f"field{at}", "x") for at in range(65)))),
        (FORM_TYPE, form(b'--the-boundary\r\nContent-Disposition: form-data; name="\xff"\r\n\r\nx\r\n')),
    ],
)
async def test_what_is_no_proper_form_is_refused(reader: OrderReader, content_type: str, body: bytes) -> None:
    """Bad boundaries, cut forms, folded or doubled headers, foreign charsets: 400, whole or byte by byte."""
    for pieces in ([body], [body[at : at + 1] for at in range(len(body))]):
        with pytest.raises(InvalidRequest) as refused:
            await read(reader, "edits", content_type, pieces)

        assert refused.value.status == 400
        assert error_of(refused) == (None, "invalid_form")


@pytest.mark.parametrize("lead", [b"", b"\r\n", b"\r\n\r\n"])
async def test_lenience_that_clients_need(reader: OrderReader, lead: bytes) -> None:
    """An empty line before the first boundary, a charset that is UTF-8, a quoted boundary, an epilogue."""
    content_type = f'Multipart/Form-Data; charset=utf-8; boundary="{BOUNDARY}";'
    found = await read(reader, "edits", content_type, [lead, GOOD + b"\r\nan epilogue"])

    assert found.fields == {"prompt": "x"}


async def test_texts_are_bounded_together(reader: OrderReader) -> None:
    """A form has room for the longest prompt, and not for many of them."""
    half = "x" * (MAX_TEXT_BYTES // 2)
    found = await read(reader, "edits", FORM_TYPE, [form(text("prompt", half))])
    assert found.fields == {"prompt": half}

    with pytest.raises(BodyTooLarge):
        await read(reader, "edits", FORM_TYPE, [form(*(text(name, half) for name in "abc"))])


@pytest.mark.parametrize(
    ("operation", "content_type"),
    [
        ("generations", FORM_TYPE),
        ("variations", "application/json"),
        ("variations", None),
        ("edits", None),
        ("edits", "image/png"),
        ("edits", "application/x-www-form-urlencoded"),
    ],
)
async def test_each_route_says_what_it_takes(
    reader: OrderReader, operation: Operation, content_type: str | None
) -> None:
    """A body of the wrong kind is refused before it is read, with the kind that is wanted."""
    with pytest.raises(InvalidRequest, match="takes") as refused:
        await read(reader, operation, content_type, [b"not to be read"])

    assert error_of(refused) == (None, "invalid_content_type")
