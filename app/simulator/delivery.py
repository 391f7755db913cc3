"""Put an answer on the wire as its scenario wants it: framed, dripping, cut, stalled, reset."""

import asyncio
import gzip
import secrets
from collections.abc import Iterator
from email.utils import formatdate
from http.client import responses

from app.simulator.answer import HttpAnswer
from app.simulator.connection import Connection
from app.simulator.logbook import Logbook
from app.simulator.refusals import new_request_id
from app.simulator.scenario import Fault, Scenario

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

    body = gzip.compress(answer.body, compresslevel=1) if scenario.gzip else answer.body
    connection.write(write_head(answer, len(body), scenario, keep_alive=keep_alive))
    cut = int(len(body) * scenario.fault_at) if scenario.fault in BROKEN_BODIES else len(body)
    await _write_pieces(connection, body[:cut], scenario)

    match scenario.fault:
        case Fault.RESET_MID_BODY:
            connection.reset()
            return
        case Fault.CUT_BODY:
            connection.close()
            return
        case Fault.STALL_MID_BODY:
            await logbook.park(releasable=True, gone=connection.gone)
            await _write_pieces(connection, body[cut:], scenario)
        case _:
            pass
    if scenario.chunked:
        connection.write(b"0\r\n\r\n")
    connection.is_stale = scenario.stale_after_answer
    if scenario.close_after_answer or scenario.content_length_error > 0 or not keep_alive:
        connection.close()


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
