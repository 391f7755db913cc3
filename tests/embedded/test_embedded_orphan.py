"""What a killed owner leaves behind."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

import app
from app.embedded import resp
from app.embedded.errors import DataFolderBusyError
from app.embedded.find import ServerBinary
from app.embedded.folder import server_folder
from app.embedded.live import server_info
from app.embedded.lock import SERVE, DataFolderLock
from app.embedded.process import is_claimed
from app.embedded.server import EmbeddedRedis, connect_live

OWNER = """
import asyncio, sys
from pathlib import Path
from app.embedded.find import ServerBinary
from app.embedded.lock import DataFolderLock
from app.embedded.server import EmbeddedRedis

async def own(folder: Path, binary: ServerBinary) -> None:
    async with DataFolderLock(folder, "serve"), EmbeddedRedis(folder, binary) as redis:
        print(redis.socket_path, flush=True)
        await asyncio.Event().wait()

asyncio.run(own(Path(sys.argv[1]), ServerBinary(Path(sys.argv[2]), "test")))
"""


@asynccontextmanager
async def owner(data_folder: Path, binary: ServerBinary) -> AsyncIterator[tuple[asyncio.subprocess.Process, Path]]:
    """Another process that owns the folder, and its socket; killed at the end if it still lives."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        OWNER,
        data_folder,
        binary.path,
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(app.__path__[0]).parent,
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(30):
            line = await process.stdout.readline()
        assert line, "the owner did not start"
        yield process, Path(line.decode().strip())
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def pid_of(socket: Path) -> str:
    return server_info(await resp.ask(socket, "INFO", "server"))["process_id"]


async def next_pid(socket: Path, old: str) -> str:
    """The pid of the next server on this socket that serves."""
    async with asyncio.timeout(20):
        while True:
            with suppress(resp.NoAnswerError, resp.ErrorReplyError):
                await resp.ask(socket, "PING")
                if (pid := await pid_of(socket)) != old:
                    return pid
            await asyncio.sleep(0.01)


async def test_a_dead_owners_server_is_adopted(data_folder: Path, binary: ServerBinary) -> None:
    """After a kill -9 of its owner the server lives on; the next owner takes over that very process."""
    async with owner(data_folder, binary) as (process, socket):
        pid = await pid_of(socket)
        await resp.ask(socket, "SET", "kept", "yes")
        process.kill()
        await process.wait()
    assert await connect_live(data_folder) == str(socket)

    async with DataFolderLock(data_folder, SERVE):
        redis = EmbeddedRedis(data_folder, binary)
        assert await redis.start() == str(socket)
        assert await pid_of(socket) == pid
        assert await resp.ask(socket, "GET", "kept") == b"yes"
        await redis.stop()

    assert not is_claimed(server_folder(data_folder))
    assert not socket.parent.exists()


async def test_an_adopted_server_is_watched_too(data_folder: Path, binary: ServerBinary) -> None:
    """A server that is not our child is brought back all the same when it dies."""
    async with owner(data_folder, binary) as (process, socket):
        await resp.ask(socket, "SET", "kept", "yes")
        process.kill()
        await process.wait()

    async with EmbeddedRedis(data_folder, binary):
        pid = await pid_of(socket)
        with pytest.raises(resp.NoAnswerError):
            await resp.ask(socket, "SHUTDOWN", "NOSAVE")
        assert await next_pid(socket, pid) != pid
        assert await resp.ask(socket, "GET", "kept") == b"yes"


async def test_a_second_owner_is_refused(data_folder: Path, binary: ServerBinary) -> None:
    """While another process owns the folder a second serve is told its pid, and the first is not disturbed."""
    async with owner(data_folder, binary) as (process, socket):
        with pytest.raises(DataFolderBusyError, match=f"pid {process.pid}"):
            await DataFolderLock(data_folder, SERVE).acquire(wait_seconds=60)
        assert await connect_live(data_folder) == str(socket)
        process.send_signal(signal.SIGINT)
        await process.wait()

    assert not is_claimed(server_folder(data_folder))
    assert not socket.parent.exists()
