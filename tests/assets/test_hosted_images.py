"""Hosted pictures: kept under a name that tells their kind and end, opened by their link and by nothing else."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.assets.hosted import HostedImage, HostedImages
from app.assets.links import LinkSigner
from app.assets.names import expiry_of
from app.assets.store import AssetStore, open_store
from app.errors import ImageStoreUnavailable, LinkExpired, NotFound
from tests.assets.conftest import NOW, Clock

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 16
SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


async def pieces(data: bytes, size: int = 1000) -> AsyncIterator[bytes]:
    """The picture as it might come from upstream."""
    for at in range(0, len(data), size):
        yield data[at : at + size]


async def keep(images: HostedImages, data: bytes, size: int = 1000) -> tuple[str, str]:
    """Keep a picture; signature and name of its link."""
    link = await images.keep(pieces(data, size))
    signature, name = link.removeprefix("http://gateway.test/images/").split("/")
    return signature, name


async def read(images: HostedImages, image: HostedImage) -> bytes:
    """The whole picture."""
    return b"".join([piece async for piece in images.read(image, 0, image.size_bytes)])


@pytest.mark.parametrize("size", [1, 7, 1000, 100_000])
async def test_a_kept_picture_opens_by_its_link(images: HostedImages, size: int) -> None:
    """However it was cut on its way in, it comes out the same, with its kind and the time its link has left."""
    image = await images.open(*await keep(images, PNG, size))
    assert (image.content_type, image.size_bytes, image.seconds_left) == ("image/png", len(PNG), 3600)
    assert image.is_shown
    assert await read(images, image) == PNG


@pytest.mark.parametrize(
    ("data", "kind", "ending", "shown"),
    [
        (b"\xff\xd8\xff\xe0" + bytes(30), "image/jpeg", "jpg", True),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 " + bytes(30), "image/webp", "webp", True),
        (b"GIF89a" + bytes(30), "image/gif", "gif", True),
        (SVG, "image/svg+xml", "svg", False),
        (b"II*\x00" + bytes(30), "image/tiff", "tiff", False),
        (b"<html><script>alert(1)</script></html>", "application/octet-stream", "bin", False),
        (b"x", "application/octet-stream", "bin", False),
    ],
)
async def test_the_kind_is_told_by_the_bytes(
    images: HostedImages, data: bytes, kind: str, ending: str, shown: bool
) -> None:
    """What can run scripts, and what nobody knows, is never shown in place."""
    signature, name = await keep(images, data)
    image = await images.open(signature, name)
    assert name.endswith(f".{ending}")
    assert (image.content_type, image.is_shown) == (kind, shown)


async def test_a_link_ends(images: HostedImages, clock: Clock) -> None:
    """Until its last second a link opens; then it says that it has expired, though the picture may still be there."""
    signature, name = await keep(images, PNG)
    assert expiry_of(name) == NOW + 3600
    clock.now = NOW + 3599
    assert (await images.open(signature, name)).seconds_left == 1
    clock.now = NOW + 3600
    with pytest.raises(LinkExpired):
        await images.open(signature, name)


async def test_nothing_opens_without_its_signature(images: HostedImages) -> None:
    """A name alone, or with the signature of another picture, is as unknown as any other text."""
    (signature, name), (_, other) = await keep(images, PNG), await keep(images, PNG)
    assert name != other
    for wrong in ((signature, other), ("", name), (signature, f"../{name}"), (signature.lower(), name)):
        with pytest.raises(NotFound) as raised:
            await images.open(*wrong)
        assert raised.value.status == 404


async def test_a_later_end_cannot_be_written_into_a_link(images: HostedImages, clock: Clock) -> None:
    """The end is part of what is signed."""
    signature, name = await keep(images, PNG)
    clock.now = NOW + 7200
    with pytest.raises(NotFound):
        await images.open(signature, f"{int(NOW) + 9999}{name[10:]}")


async def test_a_picture_that_had_to_make_room_is_unknown(images: HostedImages, store: AssetStore) -> None:
    """A good link to a picture that was removed says so."""
    signature, name = await keep(images, PNG)
    await store.delete([name])
    with pytest.raises(NotFound, match="make room"):
        await images.open(signature, name)


async def test_nothing_is_no_picture(images: HostedImages, store: AssetStore) -> None:
    """An empty picture is refused and not kept."""
    with pytest.raises(ValueError, match="no picture"):
        await images.keep(pieces(b""))
    assert [page async for page in store.pages() if page] == []


async def test_a_link_leads_nowhere_else(tmp_path: Path, clock: Clock) -> None:
    """Even signed with our key, a path out of the folder is refused before the store is asked."""
    (tmp_path / "secret.png").write_bytes(PNG)
    signer = LinkSigner(b"k" * 32, "")
    images = HostedImages(open_store(tmp_path / "images"), signer, 3600, clock)
    for name in ("../secret.png", "..", "secret.png", "/etc/passwd"):
        with pytest.raises(NotFound):
            await images.open(signer.link(name).split("/")[2], name)


async def test_a_store_that_fails_is_told(tmp_path: Path, clock: Clock) -> None:
    """A picture that cannot be kept has no link."""
    images = HostedImages(open_store(tmp_path / "images"), LinkSigner(b"k" * 32, ""), 3600, clock)
    (tmp_path / "images").rmdir()
    (tmp_path / "images").touch()
    with pytest.raises(ImageStoreUnavailable):
        await images.keep(pieces(PNG))
