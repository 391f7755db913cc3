"""What every answer carries: an id, and headers that keep others out; also the answer to a fault of ours."""

import asyncio
from typing import Any

import pytest
import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.server import ServerState

from app.metrics import Metrics
from app.web.connections import Connections
from app.web.entrance import Entrance
from app.web.middleware import RequestHeads
from app.web.protocol import EdgeProtocol
from app.web.turned_away import TurnedAway

SAFE = {
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"x-frame-options": b"DENY",
}


async def answered(app: ASGIApp, path: str = "/v1/models") -> list[Message]:
    """What a request is answered."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        raise AssertionError("nobody reads the body")

    scope: dict[str, Any] = {"type": "http", "method": "GET", "path": path, "headers": []}
    try:
        await RequestHeads(app, Metrics("0", "0"))(scope, receive, send)
    except ZeroDivisionError:
        sent.append({"type": "raised"})
    return sent


def saying(*headers: tuple[bytes, bytes]) -> ASGIApp:
    """An application whose every answer has these headers."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": list(headers)})
        await send({"type": "http.response.body", "body": b"a"})

    return app


@pytest.mark.parametrize("path", ["/v1/models", "/admin/v1/teams", "/nowhere"])
async def test_every_answer_has_them(path: str) -> None:
    """At both doors; what the operator's door says no cache keeps."""
    start, _ = await answered(saying((b"content-type", b"text/plain")), path)
    headers = dict(start["headers"])
    assert headers.pop(b"x-request-id").startswith(b"req_")
    private = {b"cache-control": b"private, no-store"} if path.startswith("/admin/") else {}
    assert headers == {b"content-type": b"text/plain"} | SAFE | private


async def test_an_answer_may_say_otherwise() -> None:
    """What it sets itself stands, and stands once."""
    own = (b"x-frame-options", b"SAMEORIGIN"), (b"cache-control", b"no-cache")
    start, _ = await answered(saying(*own), "/admin/v1/teams")
    names = [name for name, _ in start["headers"]]
    assert len(names) == len(set(names))
    assert set(own) <= set(start["headers"])


@pytest.mark.parametrize("path", ["/v1/models", "/admin/v1/teams"])
async def test_a_fault_is_answered_like_everything(path: str, caplog: pytest.LogCaptureFixture) -> None:
    """A 500 with its id and headers in the form of the door; the fault goes on to the server, and says no path."""

    async def faulty(scope: Scope, receive: Receive, send: Send) -> None:
        _ = 1 / 0

    start, body, raised = await answered(faulty, path)
    headers = dict(start["headers"])
    assert (start["status"], raised["type"]) == (500, "raised")
    assert headers.keys() > SAFE.keys() | {b"x-request-id", b"content-type"}
    assert headers[b"connection"] == b"close"  # as the server does
    assert b'"code":"internal_error"' in body["body"]
    assert b"ZeroDivisionError" not in body["body"]
    (line,) = [record for record in caplog.records if record.message == "a route failed"]
    assert "ZeroDivisionError" in vars(line)["detail"]


async def test_what_is_no_request_is_answered_with_them() -> None:
    """The answer to bytes that cannot be read comes from below the application."""
    config = uvicorn.Config(saying(), log_config=None, lifespan="off")
    given: dict[str, Any] = {"server_state": ServerState(), "app_state": {}, "head_seconds": 10, "send_seconds": 10}

    def protocol() -> EdgeProtocol:
        turned_away = TurnedAway(Metrics("0", "0"))
        given.update(connections=Connections(1), entrance=Entrance(), turned_away=turned_away)
        return EdgeProtocol(config=config, **given)

    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0)
    async with server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(b"no request\r\n\r\n")
        head, _, _ = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()
        await writer.wait_closed()
    status, *lines = head.split(b"\r\n")
    assert status == b"HTTP/1.1 400 Bad Request"
    assert {b"%b: %b" % header for header in SAFE.items()} <= set(lines)


async def test_a_fault_in_mid_answer_is_not_answered_twice() -> None:
    """What has begun is left as it is; the server cuts it."""

    async def faulty(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        _ = 1 / 0

    assert [message["type"] for message in await answered(faulty)] == ["http.response.start", "raised"]
