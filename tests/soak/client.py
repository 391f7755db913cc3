"""A client that looks at everything it is given: the status, the headers, the envelope, and every picture."""

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import httpx

from tests.soak.errands import Wanted
from tests.soak.facts import Answer, Ending
from tests.soak.forms import complaint_of_error, complaint_of_head, error_of, is_refusal
from tests.soak.pictures import Received, UnreadableError, decode, decode_file, read_document, read_events

PATIENCE_SECONDS = 100.0
"""Of everybody who does not hang up earlier: more than a lease, which is what a retry may have to wait for."""
_SIZE = (1024, 640)
"""Of the pictures of `tests.faults.traffic.SMALL`."""

Method = Literal["GET", "POST"]


@dataclass(slots=True)
class _Seen:
    """What has arrived of an answer so far."""

    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytearray = field(default_factory=bytearray)
    broken_by: str = ""


@dataclass(frozen=True, slots=True)
class Client:
    """Asks one replica."""

    replica: str
    http: httpx.AsyncClient
    clock: Callable[[], float]
    """Seconds since the traffic began."""

    async def order(self, wanted: Wanted, key: Mapping[str, str], attempt: int = 0) -> tuple[Answer, str]:
        """Send an order, for the first time or once more; what came of it, and the path of one to be fetched."""
        errand = wanted.errand
        given: dict[str, Any] = {"data": errand.fields, "files": errand.files} if errand.files else {}
        leaves = errand.leaves_after_seconds if attempt == 0 else None
        return await self._ask(
            wanted,
            attempt,
            "POST",
            f"/v1/images/{errand.route}",
            leaves,
            headers={**key, **wanted.headers},
            **(given or {"json": errand.fields}),
        )

    async def fetch(self, wanted: Wanted, key: Mapping[str, str], attempt: int, path: str) -> Answer:
        """Ask for the answer of an order that was taken."""
        answer, _ = await self._ask(wanted, attempt, "GET", path, None, headers=key, params={"wait": 20})
        return answer

    async def _ask(
        self, wanted: Wanted, attempt: int, method: Method, path: str, leaves: float | None, **given: Any
    ) -> tuple[Answer, str]:
        seen, began = _Seen(), self.clock()
        ended = await self._read(seen, leaves, method, path, **given)
        seconds = self.clock() - began
        is_fetched = method == "GET"
        found, complaint = await self._judge(wanted, attempt, seen, ended, is_fetched=is_fetched)
        if found.has_error and ended == "whole":
            ended = "error event"
        is_whole = ended == "whole" and seen.status == 200 and found.number > 0
        answer = Answer(
            errand=wanted.order.number,
            kind=wanted.order.kind,
            attempt=attempt,
            replica=self.replica,
            at_seconds=began,
            seconds=seconds,
            ended=ended,
            status=seen.status,
            code=_code(seen),
            pictures=found.number,
            digest=_digest(seen) if is_whole else "",
            is_replayed=seen.headers.get("idempotent-replayed") == "true",
            is_fetched=is_fetched,
            complaint=complaint,
            broken_by=seen.broken_by,
            request_id=seen.headers.get("x-request-id", ""),
        )
        return answer, seen.headers.get("location", "") if seen.status == 202 else ""

    async def _read(self, seen: _Seen, leaves: float | None, method: Method, path: str, **given: Any) -> Ending:
        try:
            async with (
                asyncio.timeout(leaves or PATIENCE_SECONDS),
                self.http.stream(method, path, **given) as answer,
            ):
                seen.status, seen.headers = answer.status_code, answer.headers
                async for piece in answer.aiter_bytes():
                    seen.body += piece
        except TimeoutError:
            return "left" if leaves else "silence"
        except httpx.TransportError as error:
            seen.broken_by = f"{error!r} behind {len(seen.body)} bytes"
            if isinstance(error, httpx.ConnectError):
                return "no connection"
            return "cut" if seen.status else "no head"
        return "whole"

    async def _judge(
        self, wanted: Wanted, attempt: int, seen: _Seen, ended: Ending, *, is_fetched: bool
    ) -> tuple[Received, str]:
        """The pictures of an answer, and what is wrong with it."""
        if not seen.status:
            return Received(), ""
        complaint = complaint_of_head(wanted, attempt, seen.status, seen.headers, is_fetched=is_fetched)
        if is_refusal(seen.status):
            return Received(), complaint or (complaint_of_error(bytes(seen.body)) if ended == "whole" else "")
        try:
            found = _pictures(wanted, seen, ended)
            await self._look_at(wanted, found)
        except UnreadableError as error:
            return Received(), complaint or str(error)
        return found, complaint

    async def _look_at(self, wanted: Wanted, found: Received) -> None:
        if found.number > wanted.pictures:
            raise UnreadableError(f"{found.number} pictures instead of {wanted.pictures}")
        size = None if wanted.order.kind == "fan-out" else _SIZE
        for picture in found.inline:
            await asyncio.to_thread(decode, picture, size)
        for link in found.links:
            await self._open(link, size)

    async def _open(self, link: str, size: tuple[int, int] | None) -> None:
        """Open a link of the gateway's own; the upstream's run out as it likes, and a replica may be away."""
        _, ours, path = link.partition("/images/")
        if "/files/" in link or not ours:
            return
        try:
            answer = await self.http.get(f"/images/{path}", timeout=PATIENCE_SECONDS)
        except httpx.TransportError:
            return
        if answer.status_code == 200:
            await asyncio.to_thread(decode_file, answer.content, size)
        elif answer.status_code != 503:
            raise UnreadableError(f"a link that gives {answer.status_code}")


def _pictures(wanted: Wanted, seen: _Seen, ended: Ending) -> Received:
    """What pictures are in an answer; of one that broke off, those of a stream that came complete."""
    if seen.status == 202 or wanted.order.kind == "quote":
        return Received()
    body = bytes(seen.body)
    if seen.headers.get("content-type", "").startswith("text/event-stream"):
        found = read_events(body)
        if ended == "whole" and not found.number and not found.has_error:
            raise UnreadableError("a whole stream without a picture")
        return found
    if ended != "whole":
        return Received()
    if wanted.order.kind == "later" and seen.headers.get("x-imagegate-request-status") in ("failed", "unknown"):
        return Received()
    found = read_document(body)
    if not found.number:
        raise UnreadableError("a whole answer without a picture")
    return found


def _code(seen: _Seen) -> str:
    if is_refusal(seen.status):
        return str((error_of(bytes(seen.body)) or {}).get("code", "?"))
    if seen.headers.get("x-imagegate-request-status") in ("failed", "unknown"):
        return seen.headers["x-imagegate-request-status"]
    return ""


def _digest(seen: _Seen) -> str:
    """Of a body, without the comments of a stream, which say nothing."""
    body = bytes(seen.body)
    if seen.headers.get("content-type", "").startswith("text/event-stream"):
        body = b"\n".join(line for line in body.split(b"\n") if not line.startswith(b":"))
    return hashlib.sha256(body).hexdigest()
