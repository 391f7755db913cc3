"""The form sent upstream holds what it was given, and is exactly as long as it says."""

from collections.abc import AsyncIterator
from email import message_from_bytes, policy

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.catalog.order import InputImage
from app.upstream.form import FormBody

PNG = b"\x89PNG\r\n\x1a\n\x00--\r\n"


def image(data: bytes = PNG, content_type: str = "image/png") -> InputImage:
    """A picture that comes in two pieces."""

    async def read() -> AsyncIterator[bytes]:
        yield data[:5]
        yield data[5:]

    return InputImage(content_type, len(data), read, sha256="")


async def sent(form: FormBody) -> bytes:
    """The whole body."""
    return b"".join([piece async for piece in form.pieces()])


Part = tuple[str | None, str | None, str | None, bytes]


async def parts(form: FormBody) -> list[Part]:
    """Name, file name, content type and data of each part, as the standard library reads them."""
    head = f"Content-Type: {form.content_type}\r\n\r\n".encode()
    message = message_from_bytes(head + await sent(form), policy=policy.HTTP)
    found: list[Part] = []
    for each in message.iter_parts():
        data = each.get_payload(decode=True)
        assert isinstance(data, bytes)
        name = each.get_param("name", header="content-disposition")
        kind = each.get_content_type() if "content-type" in each else None
        found.append((str(name), each.get_filename(), kind, data))
    return found


async def test_fields_are_strings_as_the_sdks_write_them() -> None:
    """Texts, numbers, truth values, objects and lists; what is absent is not sent."""
    form = FormBody(
        {
            "prompt": "ein Boot ⛵\r\n--x",
            "n": 2,
            "stream": True,
            "raw": False,
            "user": None,
            "svg": {"model": "m", "reasoning": {"effort": "low"}},
            "tags": ["a", "b"],
        },
        [],
    )

    assert [(name, data.decode()) for name, _, _, data in await parts(form)] == [
        ("prompt", "ein Boot ⛵\r\n--x"),
        ("n", "2"),
        ("stream", "true"),
        ("raw", "false"),
        ("svg[model]", "m"),
        ("svg[reasoning][effort]", "low"),
        ("tags[]", "a"),
        ("tags[]", "b"),
    ]


async def test_pictures_have_names_of_ours() -> None:
    """Numbered images, a mask, types by their bytes, and something harmless where nobody knows."""
    form = FormBody(
        {"prompt": "x"},
        [
            ("image[]", image()),
            ("image[]", image(b"jpegs.", "image/jpeg")),
            ("mask", image(b"<svg/>", "image/svg+xml")),
            ("markup", image(b"what?!", "")),
        ],
    )

    assert (await parts(form))[1:] == [
        ("image[]", "image-1.png", "image/png", PNG),
        ("image[]", "image-2.jpeg", "image/jpeg", b"jpegs."),
        ("mask", "mask.svg", "image/svg+xml", b"<svg/>"),
        ("markup", "markup.bin", "application/octet-stream", b"what?!"),
    ]


@given(
    fields=st.dictionaries(st.text(max_size=5), st.text(max_size=20) | st.integers(), max_size=4),
    pictures=st.lists(st.binary(max_size=50), max_size=3),
)
async def test_the_length_is_exact(fields: dict[str, object], pictures: list[bytes]) -> None:
    """Whatever goes in, the announced length is that of the pieces, each time they are asked for."""
    form = FormBody(fields, [("image[]", image(data)) for data in pictures])

    assert len(await sent(form)) == form.content_length
    assert len(await sent(form)) == form.content_length


async def test_a_name_cannot_break_out_of_its_header() -> None:
    """Quotes and line ends in a name are written as browsers write them."""
    body = await sent(FormBody({'a"; filename="x\r\nX-Evil: 1\r\n\r\n': "value"}, []))

    assert b'name="a%22; filename=%22x%0D%0AX-Evil: 1%0D%0A%0D%0A"\r\n\r\nvalue\r\n' in body


async def test_boundaries_differ() -> None:
    """Nobody can write the boundary of the next form into a prompt."""
    assert FormBody({}, []).content_type != FormBody({}, []).content_type


async def test_a_request_takes_it_with_its_length() -> None:
    """Httpx sends it as a stream of known length, not chunked."""
    form = FormBody({"prompt": "x"}, [("image", image())])
    headers = [("Content-Type", form.content_type), ("Content-Length", str(form.content_length))]
    request = httpx.Request("POST", "http://upstream/v1/images/edits", headers=headers, content=form.pieces())

    assert "transfer-encoding" not in request.headers
    assert len(await request.aread()) == form.content_length


@pytest.mark.parametrize("size_bytes", [0, 1, 600_000])
async def test_large_pictures_pass_in_pieces(size_bytes: int) -> None:
    """No piece holds more than the picture's reader gives at once."""

    async def read() -> AsyncIterator[bytes]:
        for at in range(0, size_bytes, 100_000):
            yield bytes(min(100_000, size_bytes - at))

    form = FormBody({}, [("image", InputImage("image/png", size_bytes, read, sha256=""))])

    assert max([len(piece) async for piece in form.pieces()]) <= 100_000
    assert len(await sent(form)) == form.content_length
