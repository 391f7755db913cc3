"""Put an answer on the wire as its scenario wants it: framed, dripping, cut, stalled, reset."""

import asyncio
import secrets
import zlib
from collections.abc import Iterator
from dataclasses import replace
from email.utils import formatdate
from http.client import responses

from app.simulator.answer import HttpAnswer
from app.simulator.connection import Connection
from app.simulator.logbook import Logbook
from app.simulator.refusals import new_request_id
from app.simulator.scenario import Fault, Scenario

GZIP_WINDOW = 31
"""zlib's window bits for a gzip stream with the largest window."""
BROKEN_BODIES = (Fault.RESET_MID_BODY, Fault.CUT_BODY, Fault.STALL_MID_BODY)


async def deliver(
    connection: Connection, answer: HttpAnswer, scenario: Scenario, logbook: Logbook, *, keep_alive: bool
) -> None:
    """Write one answer; returns when the connection may carry the next, or has ended."""
    match scenario.fault:
        case Fault.HANG:
            await logbook.park(releasable=False, gone=connection.gone)
            return
        case Fault.RESET_BEFORE_HEADERS:
            connection.reset()
            return
        case _:
            pass

    parts, scenario = _take_apart(answer, scenario)
    connection.write(write_head(answer, sum(map(len, parts)), scenario, keep_alive=keep_alive))
    sound, rest = _break(parts, scenario)
    await _write_parts(connection, sound, scenario)

    match scenario.fault:
        case Fault.RESET_MID_BODY:
            connection.reset()
            return
        case Fault.CUT_BODY:
            connection.close()
            return
        case Fault.STALL_MID_BODY:
            await logbook.park(releasable=True, gone=connection.gone)
            await _write_parts(connection, rest, scenario)
        case _:
            pass
    if scenario.chunked:
        connection.write(b"0\r\n\r\n")
    connection.is_stale = scenario.stale_after_answer
    if scenario.close_after_answer or scenario.content_length_error > 0 or not keep_alive:
        connection.close()


def _take_apart(answer: HttpAnswer, scenario: Scenario) -> tuple[list[bytes], Scenario]:
    """A body as one part, a stream as many as it has events, and the scenario as it applies to either."""
    if answer.events is None:
        parts, scenario = [answer.body], replace(scenario, event_pause_seconds=0.0)
    else:  # the length of a stream is not known beforehand
        parts, scenario = list(answer.events), replace(scenario, chunked=True)
    return _compress(parts) if scenario.gzip else parts, scenario


def _compress(parts: list[bytes]) -> list[bytes]:
    """One gzip stream, flushed after each part, so that a client has each event when it was sent."""
    compressor = zlib.compressobj(level=1, wbits=GZIP_WINDOW)
    compressed = [compressor.compress(part) + compressor.flush(zlib.Z_SYNC_FLUSH) for part in parts]
    return [*compressed[:-1], b"".join(compressed[-1:]) + compressor.flush()]


def _break(parts: list[bytes], scenario: Scenario) -> tuple[list[bytes], list[bytes]]:
    """What goes out before a fault strikes, and the rest."""
    if scenario.fault not in BROKEN_BODIES or not parts:
        return parts, []
    struck = scenario.struck_event(len(parts))
    cut = int(len(parts[struck]) * scenario.fault_at)
    return [*parts[:struck], parts[struck][:cut]], [parts[struck][cut:], *parts[struck + 1 :]]


async def _write_parts(connection: Connection, parts: list[bytes], scenario: Scenario) -> None:
    for part in parts:
        if scenario.event_pause_seconds:
            await asyncio.wait([connection.gone], timeout=scenario.event_pause_seconds)
        await _write_pieces(connection, part, scenario)


async def _write_pieces(connection: Connection, body: bytes, scenario: Scenario) -> None:
    for piece in _pieces(body, scenario.piece_bytes):
        if connection.gone.done():
            return
        connection.write(b"%x\r\n%b\r\n" % (len(piece), piece) if scenario.chunked else piece)
        if scenario.piece_pause_seconds:
            await asyncio.sleep(scenario.piece_pause_seconds)
        await connection.drain()


def _pieces(body: bytes, size: int) -> Iterator[bytes]:
    return (body[start : start + size] for start in range(0, len(body), size))


def write_head(answer: HttpAnswer, body_bytes: int, scenario: Scenario, *, keep_alive: bool) -> bytes:
    """The status line and the headers, as Cloudflare and new-api send them."""
    headers = [
        ("Date", formatdate(usegmt=True)),
        ("Content-Type", answer.content_type),
        ("Server", "cloudflare"),
        ("CF-RAY", f"{secrets.token_hex(8)}-FRA"),
        ("CF-Cache-Status", "DYNAMIC"),
        ("X-Oneapi-Request-Id", new_request_id()),
        ("Set-Cookie", f"__cf_bm={secrets.token_urlsafe(16)}; path=/; HttpOnly; Secure"),
        *answer.headers,
    ]
    if scenario.gzip:
        headers.append(("Content-Encoding", "gzip"))
    if scenario.chunked:
        headers.append(("Transfer-Encoding", "chunked"))
    else:
        headers.append(("Content-Length", str(max(body_bytes + scenario.content_length_error, 0))))
    headers.append(("Connection", "keep-alive" if keep_alive else "close"))
    lines = [
        f"HTTP/1.1 {answer.status} {responses.get(answer.status, '')}",
        *(f"{name}: {value}" for name, value in headers),
        "",
        "",
    ]
    return "\r\n".join(lines).encode("latin-1")
