"""The books as they are at one instant, from a server that goes on serving: asked for as a replica asks for them."""

import asyncio
from contextlib import closing
from pathlib import Path
from typing import BinaryIO

from app.datastore.address import AddressError, RedisAddress, parse_address
from app.datastore.connector import tls_context

_SILENCE_SECONDS = 120.0
"""While it makes the snapshot a server sends an empty line each second, and may wait some seconds before it begins."""

_MARK_BYTES = 40
_PIECE_BYTES = 1 << 20
_MAGICS = (b"REDIS", b"VALKEY")


class SnapshotError(Exception):
    """The server gave no snapshot, or half of one; the message says why."""


async def receive_snapshot(url: str, into: BinaryIO, *, connect_seconds: float, ca_bundle: Path | None = None) -> str:
    """Write a snapshot (an RDB file, every database of the server) of one server or replica; gives what server it is.

    The server forks for it, and takes a new replication id if it had no replica before.

    Raises:
        SnapshotError: there is none, or it does not come to its end.

    """
    try:
        address = parse_address(url)
        async with asyncio.timeout(connect_seconds):
            reader, writer = await _connect(address, ca_bundle)
        with closing(writer):
            return await _received(reader, writer, address, into)
    except (OSError, EOFError, TimeoutError, ValueError) as error:
        raise SnapshotError(f"Redis gave no snapshot: {str(error) or 'it does not answer'}.") from None


async def _connect(address: RedisAddress, ca_bundle: Path | None) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if address.engine != "single":
        raise AddressError("one server is wanted; of a cluster every master, of a watched one the master or a replica")
    if address.socket:
        return await asyncio.open_unix_connection(address.socket)
    host, port = address.hosts[0]
    trust = address.trust
    if trust is None:
        return await asyncio.open_connection(host, port)
    return await asyncio.open_connection(host, port, ssl=tls_context(trust, ca_bundle))


async def _received(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, address: RedisAddress, into: BinaryIO
) -> str:
    if address.login.password:
        await _ask(reader, writer, "AUTH", *filter(None, (address.login.username, address.login.password)))
    server = _server_version(await _ask(reader, writer, "INFO", "server"))
    # With this mark it comes straight from memory; without it the server would first write a dump.rdb of its own.
    await _ask(reader, writer, "REPLCONF", "capa", "eof")
    _say(writer, "SYNC")
    head = await _line(reader)
    while not head:
        head = await _line(reader)
    if head.startswith(b"$EOF:") and len(head) == _MARK_BYTES + 5:
        await _copy_to_mark(reader, head[5:], into)
    elif head.startswith(b"$"):
        await _copy(reader, int(head[1:]), into)
    else:
        raise ValueError(_refusal(head))
    return server


async def _copy_to_mark(reader: asyncio.StreamReader, mark: bytes, into: BinaryIO) -> None:
    """Copy up to the mark; nothing comes behind it, because a server waits for its replica's first word then."""
    kept, first = b"", True
    while True:
        async with asyncio.timeout(_SILENCE_SECONDS):
            piece = await reader.read(_PIECE_BYTES)
        if not piece:
            raise EOFError("the connection was cut before its end")
        kept += piece
        if first and len(kept) >= _MARK_BYTES:
            _expect_magic(kept)
            first = False
        if kept.endswith(mark):
            await asyncio.to_thread(into.write, kept[:-_MARK_BYTES])
            return
        await asyncio.to_thread(into.write, kept[:-_MARK_BYTES])
        kept = kept[-_MARK_BYTES:]


async def _copy(reader: asyncio.StreamReader, left: int, into: BinaryIO) -> None:
    first = True
    while left:
        async with asyncio.timeout(_SILENCE_SECONDS):
            piece = await reader.readexactly(min(left, _PIECE_BYTES))
        if first:
            _expect_magic(piece)
            first = False
        await asyncio.to_thread(into.write, piece)
        left -= len(piece)


def _expect_magic(beginning: bytes) -> None:
    if not beginning.startswith(_MAGICS):
        raise ValueError("what it sends is no snapshot")


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *words: str) -> bytes:
    """One command: its status, or the text it replies."""
    _say(writer, *words)
    line = await _line(reader)
    if line.startswith(b"-"):
        raise ValueError(_refusal(line))
    if not line.startswith(b"$"):
        return line
    async with asyncio.timeout(_SILENCE_SECONDS):
        return (await reader.readexactly(int(line[1:]) + 2))[:-2]


def _say(writer: asyncio.StreamWriter, *words: str) -> None:
    parts = [b"$%d\r\n%s\r\n" % (len(word.encode()), word.encode()) for word in words]
    writer.write(b"*%d\r\n" % len(words) + b"".join(parts))


async def _line(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(_SILENCE_SECONDS):
        return (await reader.readuntil(b"\n")).rstrip(b"\r\n")


def _refusal(line: bytes) -> str:
    text = line.removeprefix(b"-").decode(errors="replace")
    if text.startswith("NOPERM"):
        text += " (a backup wants +sync, +replconf and +info)"
    return text


def _server_version(info: bytes) -> str:
    """``Valkey 9.0.1`` or ``Redis 7.0.15``."""
    fields = dict(line.split(":", 1) for line in info.decode(errors="replace").splitlines() if ":" in line)
    if version := fields.get("valkey_version"):
        return f"Valkey {version}"
    return f"Redis {fields.get('redis_version', 'of an unknown version')}"
