"""The private server while we own it."""

import asyncio
import os
import signal
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from app.embedded import resp
from app.embedded.errors import EmbeddedError
from app.embedded.find import ServerBinary
from app.embedded.folder import server_folder
from app.embedded.live import server_info
from app.embedded.note import LastServer, write_note
from app.embedded.process import is_claimed
from app.embedded.runtime import Runtime, create_runtime_folder, read_record, write_record
from app.embedded.server import EmbeddedRedis, connect_live

DEADLINE_SECONDS = 20.0


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def pid_of(socket: str) -> int:
    return int(server_info(await resp.ask(Path(socket), "INFO", "server"))["process_id"])


async def pid_other_than(old: int, socket: str) -> int:
    """The pid of the next server on this socket, loaded and serving."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while True:
            with suppress(resp.NoAnswerError, resp.ErrorReplyError):
                await resp.ask(Path(socket), "PING")
                if (pid := await pid_of(socket)) != old:
                    return pid
            await asyncio.sleep(0.01)


async def until(condition: Callable[[], bool]) -> None:
    """Let everything else run until the condition holds."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not condition():  # noqa: ASYNC110 - the change comes from another process
            await asyncio.sleep(0)


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A private folder with a path short enough for sockets, empty again at the end."""
    folder = create_runtime_folder()
    yield folder
    folder.rmdir()


async def test_start_answers_and_stop_leaves_nothing_behind(data_folder: Path, binary: ServerBinary) -> None:
    """A started server answers on its socket; after stop the process, the socket and the record are gone."""
    redis = EmbeddedRedis(data_folder, binary)
    socket = await redis.start()
    assert await resp.ask(Path(socket), "PING") == b"PONG"
    assert redis.socket_path == socket

    await redis.stop()

    folder = server_folder(data_folder)
    assert not Path(socket).parent.exists()
    assert not folder.record.exists()
    assert not is_claimed(folder)
    with pytest.raises(EmbeddedError, match="not running"):
        _ = redis.socket_path
    await redis.stop()


async def test_data_survives_a_stop(data_folder: Path, binary: ServerBinary) -> None:
    """What was written before a stop is there after the next start, twice over."""
    for expected in (1, 2, 3):
        async with EmbeddedRedis(data_folder, binary) as redis:
            assert await resp.ask(Path(redis.socket_path), "INCR", "count") == expected


async def test_a_long_data_folder(tmp_path: Path, binary: ServerBinary) -> None:
    """The length of the data folder's path, with blanks and quotes in it, does not matter to the socket."""
    data_folder = tmp_path / ("quote's \" and back\\slash " + "x" * 120) / "d"

    async with EmbeddedRedis(data_folder, binary) as redis:
        assert len(redis.socket_path) < 100
        setting = await resp.ask(Path(redis.socket_path), "CONFIG", "GET", "dir")

    assert setting == [b"dir", str(data_folder / "redis").encode()]


async def test_nobody_else_can_reach_it(data_folder: Path, binary: ServerBinary) -> None:
    """Folders are 0700, the socket 0700, records 0600, and no TCP port is open."""
    async with EmbeddedRedis(data_folder, binary) as redis:
        socket, folder = Path(redis.socket_path), server_folder(data_folder)
        assert [mode(path) for path in (data_folder, folder.path, socket.parent, socket)] == [0o700] * 4
        assert [mode(path) for path in (folder.config, folder.record, folder.log, folder.claim)] == [0o600] * 4
        assert await resp.ask(socket, "CONFIG", "GET", "port") == [b"port", b"0"]


async def test_every_write_is_kept(data_folder: Path, binary: ServerBinary) -> None:
    """The server appends every write, takes no snapshots and evicts nothing."""
    expected = {"appendonly": b"yes", "appendfsync": b"everysec", "save": b"", "maxmemory-policy": b"noeviction"}

    async with EmbeddedRedis(data_folder, binary) as redis:
        for name, value in expected.items():
            assert await resp.ask(Path(redis.socket_path), "CONFIG", "GET", name) == [name.encode(), value]


async def test_no_secret_in_its_environment(
    data_folder: Path, binary: ServerBinary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server process does not inherit the upstream key."""
    monkeypatch.setenv("COMETAPI_KEY", "sk-upstream")
    seen = tmp_path / "environment"
    spy = tmp_path / "redis-server"
    spy.write_text(f'#!/bin/sh\nenv > "{seen}"\nexec "{binary.path}" "$@"\n')
    spy.chmod(0o755)

    async with EmbeddedRedis(data_folder, ServerBinary(spy, "PATH")):
        assert "sk-upstream" not in seen.read_text()


async def test_a_killed_server_comes_back_with_its_data(data_folder: Path, binary: ServerBinary) -> None:
    """After a kill -9 the server is restarted on the same socket, data and all; a second time too."""
    async with EmbeddedRedis(data_folder, binary) as redis:
        socket = redis.socket_path
        pid = await pid_of(socket)
        await resp.ask(Path(socket), "SET", "kept", "yes")
        for _ in range(2):
            os.kill(pid, signal.SIGKILL)
            pid = await pid_other_than(pid, socket)
            assert await resp.ask(Path(socket), "GET", "kept") == b"yes"
        assert redis.socket_path == socket


async def test_a_cut_connection_is_no_death(data_folder: Path, binary: ServerBinary) -> None:
    """When only the watcher's connection is cut the server stays, and its later death is still noticed."""
    async with EmbeddedRedis(data_folder, binary) as redis:
        socket = redis.socket_path
        pid = await pid_of(socket)
        while await resp.ask(Path(socket), "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes") == 0:
            pass
        assert await pid_of(socket) == pid

        os.kill(pid, signal.SIGKILL)
        assert await pid_other_than(pid, socket) != pid


async def test_a_restart_that_fails_is_tried_again(data_folder: Path, binary: ServerBinary) -> None:
    """A server whose files are unreadable for a while comes back when they are readable again."""
    async with EmbeddedRedis(data_folder, binary) as redis:
        socket, folder = redis.socket_path, server_folder(data_folder)
        pid = await pid_of(socket)
        await resp.ask(Path(socket), "SET", "kept", "yes")
        (manifest,) = folder.multipart_log.glob("*.manifest")
        text = manifest.read_text()
        manifest.write_text("nonsense\n")
        os.kill(pid, signal.SIGKILL)
        await until(lambda: "nonsense" in folder.log.read_text())
        manifest.write_text(text)

        await pid_other_than(pid, socket)
        assert await resp.ask(Path(socket), "GET", "kept") == b"yes"


async def test_a_start_that_fails_shows_the_log_and_the_program(data_folder: Path, binary: ServerBinary) -> None:
    """Unreadable data: the error names the program, what wrote the data, and ends with the server's own words."""
    folder = server_folder(data_folder)
    folder.multipart_log.mkdir(parents=True)
    (folder.multipart_log / "appendonly.aof.manifest").write_text("nonsense\n")
    write_note(folder.last_server, LastServer(ServerBinary(Path("/opt/redis-server"), "PATH"), "99.0.0"))

    with pytest.raises(EmbeddedError) as caught:
        await EmbeddedRedis(data_folder, binary).start()

    for part in (str(binary.path), "exit code 1", "last used with /opt/redis-server (version 99.0.0", "nonsense"):
        assert part in str(caught.value)
    assert not folder.record.exists()
    assert not is_claimed(folder)


async def test_an_older_server_that_would_see_no_data_is_refused(data_folder: Path, tmp_path: Path) -> None:
    """Redis 6.2 does not look at the files of Redis 7; it is not started on them, for it would serve empty books."""
    server_folder(data_folder).multipart_log.mkdir(parents=True)
    old = tmp_path / "redis-server"
    old.write_text("#!/bin/sh\necho 'Redis server v=6.2.14 sha=0'\n")
    old.chmod(0o755)

    with pytest.raises(EmbeddedError, match="use the newer server again"):
        await EmbeddedRedis(data_folder, ServerBinary(old, "PATH")).start()


async def test_a_cancelled_start_leaves_no_process(data_folder: Path, binary: ServerBinary) -> None:
    """Ctrl-C between the process's birth and its first answer ends the process and removes its socket."""
    folder = server_folder(data_folder)
    starting = asyncio.create_task(EmbeddedRedis(data_folder, binary).start())
    await until(lambda: is_claimed(folder))
    record = read_record(folder.record)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting

    assert not is_claimed(folder)
    assert record is not None
    assert not record.socket.parent.exists()


async def test_a_stale_runtime_folder_is_cleared(data_folder: Path, binary: ServerBinary) -> None:
    """A record and a socket folder left by a server that is dead are replaced by new ones."""
    folder = server_folder(data_folder)
    folder.path.mkdir(parents=True)
    stale = create_runtime_folder() / "redis.sock"
    stale.touch()
    write_record(folder.record, Runtime(stale, 1, "7.0.0"))

    async with EmbeddedRedis(data_folder, binary) as redis:
        assert Path(redis.socket_path).parent != stale.parent
        assert not stale.parent.exists()


async def test_connect_live_finds_a_running_server_only(data_folder: Path, binary: ServerBinary) -> None:
    """Commands get the socket of a live server without any lock, and None when there is none."""
    assert await connect_live(data_folder) is None
    async with EmbeddedRedis(data_folder, binary) as redis:
        assert await connect_live(data_folder) == redis.socket_path
    assert await connect_live(data_folder) is None


async def test_connect_live_does_not_trust_another_folders_server(tmp_path: Path, binary: ServerBinary) -> None:
    """A record that points to a server of other files, or to another pid, is not believed."""
    mine, theirs = server_folder(tmp_path / "mine"), tmp_path / "theirs"
    mine.path.mkdir(parents=True)
    async with EmbeddedRedis(theirs, binary) as redis:
        write_record(mine.record, Runtime(Path(redis.socket_path)))
        assert await connect_live(tmp_path / "mine") is None

        write_record(server_folder(theirs).record, Runtime(Path(redis.socket_path), pid=1))
        assert await connect_live(theirs) is None


async def test_connect_live_enters_no_open_folder(data_folder: Path, binary: ServerBinary) -> None:
    """A socket in a folder others can enter may be anybody's, so it is not used."""
    async with EmbeddedRedis(data_folder, binary) as redis:
        folder = Path(redis.socket_path).parent
        folder.chmod(0o755)
        assert await connect_live(data_folder) is None
        folder.chmod(0o700)
