"""A backup file is whole or refused, and a refused one changes nothing."""

import json
import os
import stat
import tarfile
from io import BytesIO
from pathlib import Path

import pytest
import redis as redis_py
from click.testing import CliRunner

from app.cli.backup_file import SNAPSHOT, BackupFileError, Manifest, file_sum, read_manifest, unpack, write_backup
from app.cli.main import main
from app.datastore.snapshot import SnapshotError, receive_snapshot
from app.embedded import resp
from app.embedded.errors import EmbeddedError
from app.embedded.find import bundled_server
from app.embedded.restoring import load_snapshot
from app.embedded.server import EmbeddedRedis
from tests.support.redis_server import RedisServer

AT_ONCE = {"repl-diskless-sync-delay": "0"}
"""Else a server waits five seconds for further replicas."""


def made(folder: Path, **more: bytes) -> Path:
    """A sound backup whose snapshot is no snapshot."""
    contents = {SNAPSHOT: os.urandom(30_000), "signing.key": b"k" * 43, **more}
    files = {}
    for name, content in contents.items():
        files[name] = folder / name
        files[name].parent.mkdir(parents=True, exist_ok=True)
        files[name].write_bytes(content)
    sums = {name: file_sum(path) for name, path in files.items()}
    write_backup(folder / "backup.tar", Manifest("2026-11-23T04:00:00+00:00", "1", "Redis 7", 0, sums), files)
    return folder / "backup.tar"


def crafted(folder: Path, names: dict[str, bytes], **changed: object) -> Path:
    """A tar with a manifest of anybody's, and members as they are given."""
    manifest = {"taken_at": "", "imagegate": "", "server": "", "database": 0, "files": {SNAPSHOT: ""}, "format": 1}
    members = {"manifest.json": json.dumps(manifest | changed).encode(), **names}
    with tarfile.open(folder / "crafted.tar", "w") as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, BytesIO(content))
    return folder / "crafted.tar"


def refused(source: Path, data: Path) -> str:
    """What the command says of a file that it does not restore, leaving no trace in the data folder."""
    ran = CliRunner().invoke(main, ["restore", str(source), "--data-dir", str(data)])
    assert ran.exit_code == 1, ran.output
    assert "Nothing was restored" in ran.output
    assert not data.exists() or {path.name for path in data.iterdir()} <= {"lock"}
    return ran.output


def test_a_backup_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    """Every file with its bytes, readable by its owner alone."""
    source = made(tmp_path, **{"journal/1-a.journal": b"a record\n"})
    assert set(read_manifest(source).files) == {SNAPSHOT, "signing.key", "journal/1-a.journal"}
    unpack(source, tmp_path / "out")
    for name in (SNAPSHOT, "signing.key", "journal/1-a.journal"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / name).read_bytes()
        assert stat.S_IMODE((tmp_path / "out" / name).stat().st_mode) == 0o600
    assert stat.S_IMODE(source.stat().st_mode) == 0o600


def test_no_backup_takes_the_place_of_another(tmp_path: Path) -> None:
    """A file of that name stays as it is, and nothing half-written lies beside it."""
    source = made(tmp_path)
    before = source.read_bytes()
    with pytest.raises(FileExistsError):
        made(tmp_path)
    assert source.read_bytes() == before
    assert list(tmp_path.glob(".backup*")) == []


@pytest.mark.parametrize("share", [0.0, 0.001, 0.02, 0.3, 0.7, 0.85])
def test_a_backup_that_was_cut_off_changes_nothing(tmp_path: Path, share: float) -> None:
    """Wherever it was cut: in the manifest, in a file, between files."""
    source = made(tmp_path)
    # Behind its last file a tar is filled up with zeros, which nobody misses.
    whole = source.read_bytes()[: 512 * 2 + 1024 + 30_000 + 512 + 43]
    source.write_bytes(whole[: int(len(whole) * share)])
    assert "backup" in refused(source, tmp_path / "data")


@pytest.mark.parametrize("place", [600, 2000, 20_000])
def test_a_byte_that_was_changed_is_noticed(tmp_path: Path, place: int) -> None:
    """In the manifest as in a file."""
    source = made(tmp_path)
    content = bytearray(source.read_bytes())
    content[place] ^= 0x55
    source.write_bytes(content)
    refused(source, tmp_path / "data")


@pytest.mark.parametrize(
    ("names", "changed", "said"),
    [
        ({}, {"files": {"../../etc/passwd": "", SNAPSHOT: ""}}, "does not hold what a backup holds"),
        ({"../evil": b"x"}, {}, "holds what no backup holds"),
        ({"images/../../evil": b"x"}, {}, "holds what no backup holds"),
        ({"images/more": b"x", SNAPSHOT: b""}, {}, "damaged"),
        ({}, {"format": 2}, "a newer imagegate"),
        ({}, {"files": {}}, "does not hold what a backup holds"),
        ({}, {"surprise": 1}, "no backup of imagegate"),
    ],
)
def test_a_file_of_somebody_else_writes_nothing(
    tmp_path: Path, names: dict[str, bytes], changed: dict[str, object], said: str
) -> None:
    """No name leads out of the folder, and nothing comes in that the manifest does not know."""
    assert said in refused(crafted(tmp_path, names, **changed), tmp_path / "data")
    with pytest.raises(BackupFileError, match=said):
        read_manifest(tmp_path / "crafted.tar")


def test_a_snapshot_that_no_server_can_load_changes_nothing(tmp_path: Path) -> None:
    """A sound file around a foreign snapshot: the server's own words are told, and whose backup it is."""
    said = refused(made(tmp_path), tmp_path / "data")
    assert "did not start" in said
    assert "The backup is of Redis 7" in said


def test_a_folder_that_is_in_use_is_left_alone(tmp_path: Path) -> None:
    """Books are never mixed with other books: the folder must be empty."""
    data = tmp_path / "data"
    (data / "redis").mkdir(parents=True)
    ran = CliRunner().invoke(main, ["restore", str(made(tmp_path)), "--data-dir", str(data)])
    assert ran.exit_code == 1
    assert "is not empty (redis)" in ran.output
    assert {path.name for path in data.iterdir()} == {"redis", "lock"}


async def test_a_snapshot_goes_from_one_server_into_the_files_of_another(tmp_path: Path) -> None:
    """What one server holds another serves from its append-only file, and the snapshot is gone."""
    snapshot = tmp_path / "redis.rdb"
    with RedisServer(AT_ONCE) as redis, snapshot.open("wb") as file:
        redis.ask("MSET", *[word for number in range(2000) for word in (f"ig:{number}", os.urandom(500).hex())])
        server = await receive_snapshot(redis.url, file, connect_seconds=10)
    binary = bundled_server()
    await load_snapshot(tmp_path / "data", snapshot, binary)
    async with EmbeddedRedis(tmp_path / "data", binary) as embedded:
        size = await resp.ask(Path(embedded.socket_path), "DBSIZE")
    assert size == 2000
    assert server.startswith(("Valkey ", "Redis "))
    assert not (tmp_path / "data" / "redis" / "snapshot.rdb").exists()


async def test_who_may_not_have_a_snapshot_is_told_why(tmp_path: Path) -> None:
    """A password is sent; a wrong one, a missing permission, nobody and a cluster are told apart."""
    with RedisServer({"requirepass": "secret", **AT_ONCE}) as redis, (tmp_path / "x").open("wb") as file:

        def address(login: str) -> str:
            return redis.url.replace("unix://", f"unix://{login}@")

        await receive_snapshot(address(":secret"), file, connect_seconds=10)
        assert file.tell() > 0
        with redis_py.Redis(unix_socket_path=str(redis.socket), password="secret") as client:
            client.execute_command("ACL", "SETUSER", "reader", "on", ">pass", "-@all", "+info", "+replconf")
            for login, said in (("", "NOAUTH"), (":no", "WRONGPASS"), ("reader:pass", r"NOPERM.*\+sync")):
                with pytest.raises(SnapshotError, match=said):
                    await receive_snapshot(address(login) if login else redis.url, file, connect_seconds=10)
            client.execute_command("ACL", "SETUSER", "reader", "+sync")
        await receive_snapshot(address("reader:pass"), file, connect_seconds=10)
    with pytest.raises(SnapshotError):
        await receive_snapshot(f"unix://{tmp_path}/nobody", BytesIO(), connect_seconds=1)
    with pytest.raises(SnapshotError, match="one server is wanted"):
        await receive_snapshot("redis+cluster://127.0.0.1:1", BytesIO(), connect_seconds=1)


async def test_a_folder_half_restored_has_no_books(tmp_path: Path) -> None:
    """A snapshot that cannot be loaded leaves an error, and no server behind."""
    bad = tmp_path / "bad.rdb"
    bad.write_bytes(b"REDIS0011" + b"\xff" * 20)
    with pytest.raises(EmbeddedError, match="did not start"):
        await load_snapshot(tmp_path / "data", bad)
