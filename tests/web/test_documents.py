"""A JSON document becomes an order; its pictures are taken out of it, whether they stand in it or behind a link."""

import base64
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import BodyTooLarge, InvalidRequest
from app.upstream.fetch import FetchFailed
from app.web.body import BodyLimits
from app.web.order_reader import OrderLimits, OrderReader
from tests.web.scene import (
    FORM_TYPE,
    JPEG,
    JSON_TYPE,
    PNG,
    Read,
    arriving,
    error_of,
    file,
    form,
    open_door,
    open_reader,
    read,
    scope_of,
)


def data_url(data: bytes, kind: str = "image/png") -> str:
    """A picture in an address."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


async def edit(reader: OrderReader, **members: Any) -> Read:
    """An edit whose document has these members."""
    return await read(reader, "edits", f"{JSON_TYPE}; charset=utf-8", [json.dumps(members).encode()])


async def test_words_are_read_as_they_are(reader: OrderReader) -> None:
    """Generations take JSON under any content type but a form's, and keep its types; null is absent."""
    for content_type in (JSON_TYPE, None, "application/x-www-form-urlencoded"):
        found = await read(reader, "generations", content_type, [b'{"prompt": "x", ', b'"n": 2, "user": null}'])

        assert found == Read({"prompt": "x", "n": 2}, [], None, None, from_form=False)


async def test_pictures_are_taken_out_of_the_document(reader: OrderReader) -> None:
    """Images, mask and markup become pictures, whose types are those of their bytes; the words stay words."""
    found = await edit(
        reader,
        prompt="x",
        n=1,
        images=[{"image_url": data_url(PNG, "text/html")}, {"image_url": data_url(JPEG), "file_id": None}],
        mask={"image_url": data_url(PNG)},
        markup={"image_url": data_url(b"words")},
    )

    assert found == Read(
        {"prompt": "x", "n": 1},
        [("image/png", PNG), ("image/jpeg", JPEG)],
        ("image/png", PNG),
        ("", b"words"),
        from_form=False,
    )


@given(size=st.integers(1, 700_000))
async def test_large_data_urls_are_decoded_in_pieces(reader: OrderReader, size: int) -> None:
    """Any length gives the bytes that were encoded."""
    data = (bytes(range(251)) * 2800)[:size]
    found = await edit(reader, images=[{"image_url": data_url(data)}])

    assert found.images == [("", data)]


OK = {"image_url": data_url(PNG)}
BROKEN_AT_A_SEAM = "data:;base64," + "QUJD" * 65_535 + "QUI=" + "QUJD"
"""Padding in the middle, exactly where one decoded piece ends."""


@pytest.mark.parametrize(
    ("members", "param", "code"),
    [
        ({"image": data_url(PNG)}, "image", "unknown_parameter"),
        ({"images": data_url(PNG)}, "images", "invalid_type"),
        ({"images": []}, "images", "empty_array"),
        ({"images": [OK] * 17}, "images", "array_above_max_length"),
        ({"images": [OK, data_url(PNG)]}, "images[1]", "invalid_type"),
        ({"images": [OK, {}]}, "images[1]", "invalid_value"),
        ({"images": [{**OK, "file_id": "file-1"}]}, "images[0]", "invalid_value"),
        ({"images": [{"file_id": "file-1"}]}, "images[0].file_id", "unsupported_value"),
        ({"images": [{**OK, "detail": "high"}]}, "images[0]", "unknown_parameter"),
        ({"images": [{"image_url": {"url": "x"}}]}, "images[0].image_url", "invalid_type"),
        ({"images": [{"image_url": ""}]}, "images[0].image_url", "invalid_value"),
        ({"images": [{"image_url": "file:///etc/passwd"}]}, "images[0].image_url", "invalid_value"),
        ({"images": [{"image_url": "data:image/png,%89PNG"}]}, "images[0].image_url", "invalid_value"),
        ({"images": [{"image_url": "data:image/png;base64"}]}, "images[0].image_url", "invalid_value"),
        ({"images": [{"image_url": "data:;base64,QUJD\nQUJD"}]}, "images[0].image_url", "invalid_value"),
        ({"images": [{"image_url": "data:;base64,QUJ"}]}, "images[0].image_url", "invalid_value"),
        ({"images": [{"image_url": "data:;base64,QUI=QUI="}]}, "images[0].image_url", "invalid_value"),
        ({"images": [{"image_url": "data:;base64,QU_D"}]}, "images[0].image_url", "invalid_value"),
        ({"images": [{"image_url": "data:;base64,QÜJD"}]}, "images[0].image_url", "invalid_value"),
        ({"images": [{"image_url": f"data:;base64,{'QUI=' * 70_000}"}]}, "images[0].image_url", "invalid_value"),
        (
            {"images": [{"image_url": BROKEN_AT_A_SEAM}]},
            "images[0].image_url",
            "invalid_value",
        ),
        ({"images": [{"image_url": "https://example.com/a.png"}]}, "images[0].image_url", "unsupported_value"),
        ({"images": [OK], "mask": [OK]}, "mask", "invalid_type"),
        ({"images": [OK], "mask": {"file_id": "file-1"}}, "mask.file_id", "unsupported_value"),
        ({"images": [OK], "markup": {"image_url": "ftp://x"}}, "markup.image_url", "invalid_value"),
    ],
)
async def test_a_bad_reference_is_named(reader: OrderReader, members: dict[str, Any], param: str, code: str) -> None:
    """Each way a picture can be missing, doubled, malformed or elsewhere is a 400 with the place in the document."""
    with pytest.raises(InvalidRequest) as refused:
        await edit(reader, prompt="x", **members)

    assert refused.value.status == 400
    assert error_of(refused) == (param, code)


async def test_a_link_without_a_setting_names_it(reader: OrderReader) -> None:
    """Where links are off, the error says which setting opens them and what else to do."""
    with pytest.raises(InvalidRequest, match="IMAGEGATE_IMAGE_URL_HOSTS"):
        await edit(reader, prompt="x", images=[{"image_url": "https://example.com/a.png"}])


@asynccontextmanager
async def fetch(url: str) -> AsyncIterator[AsyncIterator[bytes]]:
    """A world with one picture in it, one broken link and one endless one."""

    async def pieces() -> AsyncIterator[bytes]:
        yield PNG[:20]
        if "broken" in url:
            raise FetchFailed("The link's host cannot be reached, or broke off.")
        while "endless" in url:
            yield bytes(100_000)
        yield PNG[20:]

    if "elsewhere" in url:
        raise FetchFailed("The link's host is not among those that may be fetched from.")
    yield pieces()


async def test_a_link_is_fetched_where_links_are_on(tmp_path: Path) -> None:
    """What the fetcher brings is a picture like any other."""
    found = await edit(open_reader(tmp_path, fetch=fetch), images=[{"image_url": "HTTPS://example.com/a.png"}, OK])

    assert found.images == [("image/png", PNG), ("image/png", PNG)]


async def test_a_picture_has_one_hash_however_it_came(tmp_path: Path) -> None:
    """In a form, in an address and behind a link: SHA-256 of the same bytes."""
    reader = open_reader(tmp_path, fetch=fetch)
    document = {"images": [{"image_url": "https://example.com/a.png"}], "mask": OK, "markup": OK}
    bodies = ((FORM_TYPE, form(file("image"))), (JSON_TYPE, json.dumps(document).encode()))
    found = set()
    for content_type, body in bodies:
        async with open_door(reader, "edits", scope_of(content_type), arriving([body[:99], body[99:]])) as door:
            order = await door.order()
            found |= {picture.sha256 for picture in (*order.images, order.mask, order.markup) if picture}

    assert found == {hashlib.sha256(PNG).hexdigest()}


@pytest.mark.parametrize("host", ["broken", "elsewhere"])
async def test_a_failed_fetch_is_a_bad_request(tmp_path: Path, host: str) -> None:
    """The caller's link is the caller's to mend; the reason is told, and the setting, and nothing of the link."""
    with pytest.raises(InvalidRequest, match=r"The link's host.*IMAGEGATE_IMAGE_URL_HOSTS") as refused:
        await edit(open_reader(tmp_path, fetch=fetch), images=[OK, {"image_url": f"https://{host}.example/a"}])

    assert error_of(refused) == ("images[1].image_url", "invalid_value")
    assert host not in refused.value.message


async def test_fetched_pictures_are_bounded_together(tmp_path: Path) -> None:
    """An endless link ends at what an upload may bring, with 413."""
    with pytest.raises(BodyTooLarge):
        await edit(open_reader(tmp_path, fetch=fetch), images=[{"image_url": "https://endless.example/a"}])


async def test_documents_with_pictures_may_be_large(tmp_path: Path) -> None:
    """The cap of an edit's document is that of uploads; generations keep theirs."""
    reader = open_reader(tmp_path, OrderLimits(words=BodyLimits(1024, 5), uploads=BodyLimits(4096, 5)))
    found = await edit(reader, prompt="x" * 3000)
    assert found.fields == {"prompt": "x" * 3000}

    with pytest.raises(BodyTooLarge):
        await edit(reader, prompt="x" * 5000)
    with pytest.raises(BodyTooLarge):
        await read(reader, "generations", JSON_TYPE, [b"x" * 1025])


def test_documents_have_a_cap_of_their_own() -> None:
    """However large forms may be, a document has to fit in memory."""
    limits = OrderLimits(words=BodyLimits(1024, 5), uploads=BodyLimits(10**10, 7))

    assert limits.documents == BodyLimits(32 * 1024 * 1024, 7)
