"""The store of pictures, over a folder and a real S3 server: whole or not at all, and foreign errors end in it."""

import asyncio
import os
import random
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.assets.errors import StoreAddressError
from app.assets.names import new_name
from app.assets.store import PIECE_BYTES, AssetStore, StoredAsset, open_store
from app.errors import ImageStoreUnavailable
from tests.support.s3_server import S3Server, client_environment, closed_address

LARGE_CHUNKS = 100  # of 64 KiB: more than one part of an upload
MEASURE = Path(__file__).with_name("measured_store.py")


async def chunks(count: int, seed: int = 1) -> AsyncIterator[bytes]:
    """A picture of as many chunks of 64 KiB, the same each time."""
    source = random.Random(seed)
    for _ in range(count):
        yield source.randbytes(65_536)


async def content(count: int) -> bytes:
    """The same picture in one piece."""
    return b"".join([chunk async for chunk in chunks(count)])


async def names(store: AssetStore) -> list[str]:
    """Everything the store has."""
    return sorted([image.name async for page in store.pages() for image in page])


def files(folder: str | Path) -> set[str]:
    """What lies in a folder, drafts included."""
    return {path.name for path in Path(folder).iterdir()}


@pytest.fixture
def name() -> str:
    return new_name(1_800_000_000, "png")


@pytest.fixture
async def absent(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[AssetStore]:
    """A store at an address where nobody listens."""
    with closed_address() as url:
        for variable, value in client_environment(url).items():
            monkeypatch.setenv(variable, value)
        yield open_store("s3://pictures/absent")


@pytest.mark.parametrize("count", [1, LARGE_CHUNKS])
async def test_a_picture_comes_out_as_it_went_in(store: AssetStore, name: str, count: int) -> None:
    """Small ones go in one request, large ones in parts; both come out the same, whole or any part of them."""
    whole = await content(count)
    await store.put(name, chunks(count))
    assert await store.size_bytes(name) == len(whole)
    assert b"".join([piece async for piece in store.read(name, 0, len(whole))]) == whole
    assert b"".join([piece async for piece in store.read(name, 1000, 1001)]) == whole[1000:1001]
    assert b"".join([piece async for piece in store.read(name, 17, len(whole) - 1)]) == whole[17:-1]
    assert [piece async for piece in store.read(name, 5, 5)] == []


async def test_it_is_read_in_small_pieces(store: AssetStore, name: str) -> None:
    """No piece is larger than what a reader may hold in memory."""
    await store.put(name, chunks(LARGE_CHUNKS))
    pieces = [len(piece) async for piece in store.read(name, 0, LARGE_CHUNKS * 65_536)]
    assert max(pieces) == PIECE_BYTES


async def test_listing_tells_names_and_sizes(store: AssetStore) -> None:
    """Every picture is listed once, with its size, and sorts by its end."""
    kept = [StoredAsset(new_name(1_800_000_000 + number, "png"), 65_536) for number in range(5)]
    for image in reversed(kept):
        await store.put(image.name, chunks(1))
    listed = [image async for page in store.pages() for image in page]
    assert sorted(listed) == kept


async def test_pictures_are_removed(store: AssetStore, name: str) -> None:
    """What is removed is gone; what was gone already is no fault, so replicas may remove the same pictures."""
    other = new_name(1_800_000_000, "png")
    await store.put(name, chunks(1))
    await store.put(other, chunks(1))
    await asyncio.gather(store.delete([name]), store.delete([name, new_name(1, "png")]))
    await store.delete([])
    assert await names(store) == [other]
    assert await store.size_bytes(name) is None


async def failing(count: int) -> AsyncIterator[bytes]:
    """A picture that breaks off."""
    async for chunk in chunks(count):
        yield chunk
    raise ValueError("the upstream died")


@pytest.mark.parametrize("count", [0, 1, LARGE_CHUNKS])
async def test_half_a_picture_is_none(address: str, name: str, count: int) -> None:
    """Where the source breaks off, its error comes through, and nothing is kept or left behind."""
    store = open_store(address)
    with pytest.raises(ValueError, match="the upstream died"):
        await store.put(name, failing(count))
    assert await store.size_bytes(name) is None
    if not address.startswith("s3:"):
        assert files(address) == set()


async def endless(stalled: asyncio.Event) -> AsyncIterator[bytes]:
    """A picture that stalls after some parts of it were sent."""
    async for chunk in chunks(LARGE_CHUNKS):
        yield chunk
    stalled.set()
    await asyncio.Event().wait()


async def test_a_cancelled_upload_leaves_nothing(address: str, name: str, s3_server: S3Server) -> None:
    """Cancelled in the middle, an upload is withdrawn: no picture, no draft, no parts that somebody pays for."""
    store = open_store(address)
    stalled = asyncio.Event()
    keeping = asyncio.create_task(store.put(name, endless(stalled)))
    await stalled.wait()
    if not address.startswith("s3:"):
        assert files(address) == {f"{name}#1"}  # the form of a draft, which is what a killed process leaves
    keeping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await keeping
    assert await store.size_bytes(name) is None
    if address.startswith("s3:"):
        assert name not in s3_server.unfinished_uploads()
    else:
        assert files(address) == set()


async def test_a_picture_that_vanishes_while_read_is_told(store: AssetStore, name: str) -> None:
    """A reader is never given a shorter picture: it gets an error."""
    await store.put(name, chunks(LARGE_CHUNKS))
    reading = store.read(name, 0, LARGE_CHUNKS * 65_536)
    assert len(await anext(reading)) == PIECE_BYTES
    await store.delete([name])
    with pytest.raises(ImageStoreUnavailable):
        await anext(reading)


async def test_a_picture_that_became_shorter_is_told(tmp_path: Path, name: str) -> None:
    """Somebody cut the file: the reader gets an error instead of less than was promised."""
    store = open_store(tmp_path)
    await store.put(name, chunks(1))
    (tmp_path / name).write_bytes(b"short")
    with pytest.raises(ImageStoreUnavailable) as raised:
        assert [piece async for piece in store.read(name, 0, 65_536)]
    assert "shorter" in raised.value.detail


async def test_a_store_that_is_away_is_told(absent: AssetStore, name: str) -> None:
    """Whatever is asked of it, the error is ours, and what obstore said is for the operator only."""
    with pytest.raises(ImageStoreUnavailable) as raised:
        await absent.put(name, chunks(1))
    assert "127.0.0.1" in raised.value.detail
    assert "127.0.0.1" not in raised.value.message
    for asked in (absent.size_bytes(name), anext(absent.read(name, 0, 1)), names(absent), absent.delete([name])):
        with pytest.raises(ImageStoreUnavailable):
            await asked


async def test_a_folder_that_fails_is_told(tmp_path: Path, name: str) -> None:
    """A folder that is no folder any more is a store that is away."""
    store = open_store(tmp_path / "images")
    (tmp_path / "images").rmdir()
    (tmp_path / "images").touch()
    with pytest.raises(ImageStoreUnavailable):
        await store.put(name, chunks(1))
    with pytest.raises(ImageStoreUnavailable):
        await store.delete_drafts(0)


async def test_other_files_are_not_touched(tmp_path: Path, name: str) -> None:
    """What is not named as a picture of ours is not listed, and so never removed."""
    (tmp_path / "sub").mkdir()
    for other in ("notes.txt", f"{name}.bak", f"sub/{name}", f"copy-of-{name}"):
        (tmp_path / other).write_text("not ours")
    store = open_store(tmp_path)
    await store.put(name, chunks(1))
    assert await names(store) == [name]


async def test_drafts_of_dead_processes_are_removed(tmp_path: Path) -> None:
    """What a killed process had written of a picture goes when the picture would have ended; nothing else does."""
    old, new = f"{new_name(1000, 'png')}#1", f"{new_name(3000, 'png')}#1"
    whole = new_name(1000, "png")
    for file in (old, new, whole, "1000#1", "#"):
        (tmp_path / file).touch()
    await open_store(tmp_path).delete_drafts(2000)
    assert files(tmp_path) == {new, whole, "1000#1", "#"}


def test_a_folder_is_made_for_us_alone(tmp_path: Path) -> None:
    """Pictures may be private: others on the machine do not see them."""
    open_store(tmp_path / "deep" / "images")
    assert (tmp_path / "deep" / "images").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("ftp://host/pictures", "ftp"),
        ("S3://bucket", "wanted is a folder"),
        ("s3://", "wanted is a folder"),
        ("s3:///prefix", "wanted is a folder"),
        ("s3://bucket?region=x", "wanted is a folder"),
        ("gs://buck\net", "wanted is a folder"),
        ("https://bucket.s3.amazonaws.com", "wanted is a folder"),
        ("az://container/prefix", "Account must be specified"),
    ],
)
def test_a_wrong_address_is_told(address: str, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says what is wanted."""
    for variable in ("AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT"):
        monkeypatch.delenv(variable, raising=False)
    with pytest.raises(StoreAddressError, match=told):
        open_store(address)


def test_credentials_in_an_address_are_not_repeated() -> None:
    """An address with a secret in it is refused without saying the secret."""
    with pytest.raises(StoreAddressError) as raised:
        open_store("s3://key:hunter2@bucket/prefix")
    assert "hunter2" not in str(raised.value)


def test_a_folder_that_cannot_be_is_told(tmp_path: Path) -> None:
    """A file where the folder should be."""
    (tmp_path / "file").touch()
    with pytest.raises(StoreAddressError, match="cannot hold pictures"):
        open_store(tmp_path / "file")


def test_every_cloud_opens(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each kind of address opens its kind of store, with or without a prefix."""
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")
    for address in ("s3://bucket", "s3://bucket/a/b/", "gs://bucket/a", "az://container"):
        assert isinstance(open_store(address), AssetStore)


def test_memory_does_not_grow_with_the_picture(address: str) -> None:
    """100 MB in and out cost a process less than 4 MB more than 20 MB do, over both kinds of store."""
    # Else glibc raises, as it goes, the size from which it gives freed memory back, and the figure is one of chance.
    environment = os.environ | {"MALLOC_MMAP_THRESHOLD_": "131072"}
    done = subprocess.run(
        [sys.executable, MEASURE, address], env=environment, capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < 4_000_000
