"""``/v1/images/requests``: what became of a key's requests, their answers once more, and forgetting their pictures."""

import asyncio
import time
from collections.abc import Callable
from contextlib import nullcontext, suppress
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from app.accounts.keys import KeyRing
from app.accounts.models import Principal
from app.api.request_documents import Question, document, read_limit, read_question
from app.assets.results import KeptResult, Results
from app.errors import Conflict, NotFound, StoreUnavailable
from app.gateway.in_flight import PerName
from app.gateway.places import Places
from app.gateway.replay import Replays
from app.money import dollars
from app.requests.models import RequestRecord
from app.requests.register import Register
from app.requests.waiting import Waiter
from app.web.errors import bearer_of
from app.web.kept_answer import KeptAnswer
from app.web.watch import watched

_FOR_AN_ANSWER_SECONDS: Final = 5.0
"""How long a request without ``wait`` waits for an answer that is just being put away; a second is the rule."""
_ASK_AGAIN_SECONDS: Final = 2
_PRIVATE: Final = {"cache-control": "private, no-store"}

_MOST_WAITS: Final = 50
"""Long-polls of one virtual key at once in this process."""

Check = Callable[[], bool]


class ListRequests:
    """``GET /v1/images/requests``."""

    def __init__(self, keys: KeyRing, register: Register) -> None:
        self._keys = keys
        self._register = register

    async def list(self, request: Request) -> Response:
        """The newest requests of the key that asks."""
        principal = await self._keys.authenticate(bearer_of(request.scope), fresh=True)
        limit = read_limit(request.query_params)
        found = await self._register.recent(principal.team.id, principal.key.id, limit)
        now = time.time()
        data = [document(record, now) for record in found]
        return JSONResponse({"object": "list", "data": data}, headers=_PRIVATE)


class OneRequest:
    """``/v1/images/requests/{id}``: GET and HEAD fetch it, DELETE forgets its picture.

    ``is_stopping`` ends every wait early, so that nobody who waits keeps the gateway from stopping.
    """

    def __init__(
        self,
        keys: KeyRing,
        register: Register,
        waiter: Waiter,
        replays: Replays,
        results: Results,
        *,
        send_seconds: float,
        most_at_once: int,
        is_stopping: Check,
    ) -> None:
        self._keys = keys
        self._register = register
        self._results = results
        self._waiter = waiter
        self._replays = replays
        self._send_seconds = send_seconds
        self._places = Places(most_at_once)
        self._waits = PerName(max(1, min(_MOST_WAITS, most_at_once // 2)))
        self._is_stopping = is_stopping

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, with its client watched."""
        request = Request(scope)
        principal = await self._keys.authenticate(bearer_of(scope), fresh=True)
        request_id = request.path_params["id"]
        with self._places.one() as place:
            await place.take_for(principal.key.id)
            async with watched(receive) as is_left:
                if request.method == "DELETE":
                    answer = await self._forget(principal, request_id)
                else:
                    answer = await self._fetch(principal, request_id, read_question(request.query_params), is_left)
                await answer(scope, receive, send)

    async def _fetch(self, principal: Principal, request_id: str, question: Question, is_left: Check) -> Response:
        """Wait as long as is asked; then the answer, or how the request stands."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        with self._waits.one(principal.key.id) if question.wait_seconds else nullcontext():
            record = await self._waiter.until_ended(
                principal.team.id,
                principal.key.id,
                request_id,
                seconds=question.wait_seconds or 0,
                gives_up=lambda: is_left() or self._is_stopping(),
            )
        if record is None:
            raise _no_such()
        if not record.has_ended:
            return _told(record, 202)
        if record.state != "delivered" or question.is_for_state:
            return _told(record, 200)
        patience = _FOR_AN_ANSWER_SECONDS if question.wait_seconds is None else question.wait_seconds
        kept = await self._replays.open(
            principal.team.id,
            record,
            seconds=began + patience - loop.time(),
            gives_up=lambda: is_left() or self._is_stopping(),
        )
        return self._answer(principal.team.id, record, kept, is_left) if kept is not None else _told(record, 202)

    def _answer(self, team_id: str, record: RequestRecord, kept: KeptResult, is_left: Check) -> Response:
        headers = {**_PRIVATE, "x-imagegate-request-status": record.state}
        if record.cost is not None:
            headers["x-imagegate-cost"] = dollars(record.cost)
        pieces = self._replays.pieces(kept)

        async def taken() -> None:
            with suppress(StoreUnavailable):  # then a retry may get the same picture once more, which costs nothing
                await self._register.fetched(team_id, record.key_id, record.id, record.retries)

        return KeptAnswer(kept, pieces, headers, send_seconds=self._send_seconds, is_left=is_left, taken=taken)

    async def _forget(self, principal: Principal, request_id: str) -> Response:
        """The picture goes; the record and the charge stay."""
        record = await self._register.find(principal.team.id, principal.key.id, request_id)
        if record is None:
            raise _no_such()
        if not record.has_ended:
            raise Conflict(
                "This request is still being made; its picture can be forgotten when there is one.", should_retry=False
            )
        if record.result is not None:
            # The store first: should it fail, the record still knows what is to be forgotten.
            await self._results.forget(record.result)
            await self._register.forget_result(principal.team.id, principal.key.id, request_id)
        forgotten = {"object": "image.request.deleted", "id": request_id, "deleted": True}
        return JSONResponse(forgotten, headers=_PRIVATE)


def _told(record: RequestRecord, status: int) -> Response:
    """How it stands; 202 where the answer is still to come."""
    headers = {**_PRIVATE, "x-imagegate-request-status": record.state}
    if status == 202:
        headers |= {"location": f"/v1/images/requests/{record.id}", "retry-after": str(_ASK_AGAIN_SECONDS)}
    return JSONResponse(document(record, time.time()), status, headers)


def _no_such() -> NotFound:
    return NotFound(
        "This virtual key has bought nothing under this id within the last 24 hours. An answer given again has "
        "its id in `x-imagegate-request`."
    )
