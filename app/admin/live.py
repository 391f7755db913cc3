"""What goes on at this moment: what this replica carries, and what the teams hold and wait for."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct
from pydantic import Field

from app.accounts.models import Team
from app.accounts.store import AccountStore
from app.admin.documents import Document
from app.datastore.datastore import Datastore
from app.errors import StoreUnavailable
from app.gateway.places import Places
from app.keyspace import TEAM_SCOPE, TeamKeys
from app.ledger.ledger import Ledger
from app.metrics import Metrics
from app.money import dollars
from app.upstream.balance_watch import Balance, BalanceWatch
from app.upstream.client import UpstreamClient
from app.upstream.keys import Condition


class Replica(Struct, frozen=True):
    """One process, and what it carries its requests with."""

    version: str
    catalog_version: str
    started_at: datetime
    places: Places
    ledger: Ledger
    upstream: UpstreamClient
    balance: BalanceWatch | None
    metrics: Metrics


class BalanceBody(Document):
    """What CometAPI said when it was last asked what is left of the account."""

    usd: str | None = Field(examples=["98.1204"], description="null where it could not be had; `error` says why.")
    asked_at: datetime
    error: str | None

    @classmethod
    def of(cls, balance: Balance) -> "BalanceBody":
        """The JSON form of a balance."""
        usd = None if balance.left is None else dollars(balance.left)
        return cls(usd=usd, asked_at=balance.asked_at, error=balance.error)


class UpstreamBody(Document):
    """How the upstream serves this replica."""

    keys: dict[str, Condition] = Field(description="How each key is, by its place in `COMETAPI_KEY`.")
    attempts: dict[str, int] = Field(description="Requests sent upstream since the start, by what came of them.")
    balance: BalanceBody | None = Field(
        description="Asked once a minute with `IMAGEGATE_BALANCE_KEY`; null without that, and before the first answer."
    )


class LiveTeam(Document):
    """What a team has under way, over all replicas."""

    team: str
    holds: int = Field(description="Requests admitted and not resolved yet.")
    held: str = Field(description="The money set aside for them.")
    images: int = Field(description="The pictures they are for.")
    queued: int = Field(description="Requests that wait for a turn.")


class LiveBody(Document):
    """The state of a replica and of the teams."""

    version: str
    catalog: str
    started_at: datetime
    in_flight: int = Field(description="Image requests of this replica.")
    open_holds: int = Field(description="Reservations this replica answers for.")
    journal_records: int = Field(description="Resolutions on this replica's disk, waiting for Redis.")
    redis: bool = Field(description="Whether Redis answers.")
    upstream: UpstreamBody
    teams: list[LiveTeam] | None = Field(description="null while Redis does not answer.")


async def live_report(replica: Replica, accounts: AccountStore, datastore: Datastore) -> LiveBody:
    """How it stands, with or without Redis."""
    try:
        teams = await _teams(await accounts.teams(), datastore)
    except StoreUnavailable:
        teams = None
    upstream, watch = replica.upstream, replica.balance
    balance = watch.latest if watch is not None else None
    return LiveBody(
        version=replica.version,
        catalog=replica.catalog_version,
        started_at=replica.started_at,
        in_flight=replica.places.number,
        open_holds=replica.ledger.open_holds,
        journal_records=replica.ledger.journal_length,
        redis=teams is not None,
        upstream=UpstreamBody(
            keys=upstream.keys.conditions,
            attempts={result: number for result, number in upstream.attempts.items() if number},
            balance=BalanceBody.of(balance) if balance is not None else None,
        ),
        teams=teams,
    )


async def _teams(teams: Sequence[Team], datastore: Datastore) -> list[LiveTeam]:
    """All of them, in one write."""
    names = [TeamKeys(team.id) for team in teams]
    figures = await datastore.commands(
        [
            command
            for of in names
            for command in (
                ("HMGET", of.held, f"{TEAM_SCOPE}:cost", f"{TEAM_SCOPE}:images"),
                ("ZCARD", of.holds),
                ("ZCARD", of.named("queue")),
            )
        ]
    )
    told = zip(teams, figures[::3], figures[1::3], figures[2::3], strict=True)
    return [
        LiveTeam(team=team.name, holds=holds, held=dollars(int(cost or 0)), images=int(images or 0), queued=queued)
        for team, (cost, images), holds, queued in told
    ]
