"""The operator's route to the kept answer of a request: the picture itself, for owners only, and in the audit log."""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from app.accounts.store import AccountStore
from app.admin.audit import Audit, actor_of
from app.admin.documents import Document
from app.errors import Conflict, Forbidden, NotFound
from app.gateway.replay import Replays
from app.money import dollars
from app.requests.register import Register
from app.web.kept_answer import KeptAnswer


class OpenedAnswer(Document):
    """What the audit log says was looked at."""

    request: str
    key: str


def add_answers(
    router: APIRouter,
    accounts: AccountStore,
    register: Register,
    replays: Replays,
    audit: Audit,
    *,
    send_seconds: float,
) -> None:
    """Put it on the operator's router."""

    @router.get(
        "/ledger/requests/{request}/answer",
        response_class=Response,
        responses={
            200: {
                "description": "The answer as it was first given, JSON or an event stream",
                "content": {"application/json": {}, "text/event-stream": {}},
            }
        },
    )
    async def open_answer(
        request: str, team: Annotated[str, Query(min_length=1, max_length=200)], asking: Request
    ) -> Response:
        """The kept answer of a request, with its pictures; owners only, and told in the audit log."""
        if actor_of(asking).role != "owner":
            raise Forbidden("Pictures are for owners: this admin token is a viewer's.")
        found = await accounts.find_team(team)
        record = await register.find_of_team(found.id, request)
        if record is None:
            raise NotFound(f"Team {found.name!r} has sent no request {request!r} within the last 24 hours.")
        if not record.has_ended:
            raise Conflict("This request is still being made.", should_retry=False)
        if record.state != "delivered":
            raise NotFound("This request brought no picture; its error is in the answer of the request itself.")
        kept = await replays.open(found.id, record, seconds=0, gives_up=lambda: True)
        if kept is None:
            raise Conflict("The answer of this request is being put away at this moment; try again.", should_retry=True)
        await audit.record(
            asking, "answer.open", team=found.id, after=OpenedAnswer(request=record.id, key=record.key_id)
        )
        headers: dict[str, str] = {"x-imagegate-request-status": record.state}
        if record.cost is not None:
            headers["x-imagegate-cost"] = dollars(record.cost)
        # Nobody who looks in at the operator's door counts as having been given the picture.
        return KeptAnswer(
            kept, replays.pieces(kept), headers, send_seconds=send_seconds, is_left=lambda: False, taken=_nothing
        )


async def _nothing() -> None:
    """What is to be done when the answer was taken."""
