"""An upstream that sends whatever bytes a test gives it, at a real port; what it plays is named by the prompt."""

import asyncio
import contextlib
import re
import socket
import struct
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain, repeat
from types import TracebackType
from typing import Final, Self

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_NAMED = re.compile(rb"play <([^>]*)>")
_MOST_BYTES: Final = 1 << 22


class End(StrEnum):
    """What becomes of the connection behind the last byte."""

    KEEP = "keep"
    CLOSE = "close"
    RESET = "reset"


@dataclass(frozen=True, slots=True)
class Play:
    """The bytes of one answer, piece by piece."""

    pieces: Callable[[], Iterator[bytes]]
    end: End = End.KEEP
    pause_seconds: float = 0.0
    """Between two pieces."""
    is_early: bool = False
    """Begins when the head of the request is here; its body is never read."""


def sent(*pieces: bytes, end: End = End.KEEP, pause_seconds: float = 0.0) -> Play:
    """These bytes, one write each."""
    return Play(lambda: iter(pieces), end, pause_seconds)


def made(make: Callable[[], bytes]) -> Play:
    """Bytes too many to be there before they are played."""
    return Play(lambda: iter((make(),)))


def endless(beginning: bytes, again: bytes, pause_seconds: float = 0.0) -> Play:
    """A beginning, and then the same for ever."""
    return Play(lambda: chain((beginning,), repeat(again)), pause_seconds=pause_seconds)


def dripping(data: bytes, at_once: int = 0) -> Play:
    """Byte by byte, slowly, behind the first ``at_once`` of them."""
    return Play(
        lambda: chain((data[:at_once],), (data[at : at + 1] for at in range(at_once, len(data)))), End.CLOSE, 0.2
    )


def asking_for(name: str) -> str:
    """The prompt that has it play the row of this name."""
    return f"play <{name}>"


class RawUpstream:
    """Answers every request on every connection: with the play its prompt names, else with a good answer."""

    def __init__(self, plays: Mapping[str, Play], good: bytes) -> None:
        self._plays = plays
        self._good = sent(good)
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.url = ""
        self.over: Counter[str] = Counter()
        """Plays that have ended, by their names; "" are good answers."""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=_MOST_BYTES)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        end = End.KEEP
        try:
            while end is End.KEEP:
                end = await self._answer(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the gateway left
        finally:
            if end is End.RESET:
                linger = struct.pack("ii", 1, 0)  # close with a RST (socket(7))
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> End:
        head = await reader.readuntil(b"\r\n\r\n")
        length = _LENGTH.search(head)
        # A play that begins early cannot wait for the prompt. There is one of them at most, and any upload means it.
        early = next((name for name, play in self._plays.items() if play.is_early), None)
        if early is not None and b"multipart/" in head:
            return await self._play(early, self._plays[early], writer)
        body = await reader.readexactly(int(length[1]) if length else 0)
        named = _NAMED.search(body)
        name = named[1].decode() if named else ""
        return await self._play(name, self._plays[name] if name else self._good, writer)

    async def _play(self, name: str, play: Play, writer: asyncio.StreamWriter) -> End:
        try:
            for number, piece in enumerate(play.pieces()):
                if number and play.pause_seconds:
                    await asyncio.sleep(play.pause_seconds)
                writer.write(piece)
                await writer.drain()
                if not number % 64:
                    await asyncio.sleep(0)  # an endless one must let the others have their turn
        finally:
            self.over[name] += 1
        return play.end
