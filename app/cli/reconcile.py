"""``imagegate reconcile``: the days of our ledger beside those of CometAPI's own account."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import click
import httpx

from app.cli.options import json_option, target_options
from app.cli.remote import Target, call
from app.cli.tables import echo_json, echo_table, readable_dollars
from app.money import dollars, parse_dollars
from app.settings.fields import Settings
from app.settings.loading import load_settings
from app.upstream.balance import BALANCE_URL, BalanceFailed, KeyDay, fetch_balance
from app.upstream.keys import split_keys
from app.wiring.upstream import open_transport, open_trust
from app.wiring.version import VERSION

_TOTAL_SECONDS = 60.0
_MOST_DAYS = 92
"""A quarter."""

_NOTES = """
Days are UTC. CometAPI counts everything that was done with the account, by its own clock. Ours counts what was settled
on the day, a picture of unknown outcome at the most it can cost, and takes off the credits given on it.\
"""


@click.command()
@click.option("--days", type=click.IntRange(1, _MOST_DAYS), default=7, show_default=True, help="Today is the last.")
@click.option("--key-name", help="Count only this key of the CometAPI account, by its name there. [default: all]")
@click.option("--balance-url", help=f"Another place to ask. [default: {BALANCE_URL}]")
@json_option
@target_options
def reconcile(target: Target, days: int, key_name: str | None, balance_url: str | None, as_json: bool) -> None:
    """Compare our days with those of CometAPI's account.

    That is what the ledger charged on each day with what CometAPI says was used. CometAPI is asked with
    IMAGEGATE_BALANCE_KEY, else COMETAPI_KEY (of several the first). It stands in the URL of that question, and a key
    without any quota is enough for it.
    """
    until = datetime.now(UTC).date()
    since = until - timedelta(days=days - 1)
    theirs = _by_day(_asked(load_settings(), balance_url or BALANCE_URL, since, until), key_name)
    span = {"since": f"{since}T00:00:00Z", "until": f"{until + timedelta(days=1)}T00:00:00Z"}
    used = call(target, lambda admin: admin.get("/usage", group_by="day", **span))["rows"]
    ours = {date.fromisoformat(row["day"]): _nanos(row["cost"]) for row in used}
    rows = [_row(day, ours.get(day, 0), theirs[day]) for day in (since + timedelta(days=n) for n in range(days))]
    if as_json:
        echo_json(rows)
        return
    money = ("ours", "theirs", "difference")
    cells = [(row["day"], *(readable_dollars(row[name], 9) for name in money)) for row in rows]
    echo_table(("DAY", "OURS", "COMETAPI", "DIFFERENCE"), cells, numbers=(1, 2, 3))
    click.echo(_NOTES)


def _row(day: date, ours: int, theirs: int) -> dict[str, str]:
    told = {"ours": ours, "theirs": theirs, "difference": ours - theirs}
    return {"day": day.isoformat()} | {name: dollars(amount) for name, amount in told.items()}


def _by_day(days: Sequence[KeyDay], key_name: str | None) -> Counter[date]:
    """Nano-dollars by day, of one key or of all."""
    if key_name is not None and days and not any(day.key_name == key_name for day in days):
        known = ", ".join(sorted({day.key_name for day in days}))
        raise click.ClickException(f"CometAPI tells of no key named {key_name!r} in this time, only of: {known}.")
    total: Counter[date] = Counter()
    for day in days:
        if key_name in (None, day.key_name):
            total[day.day] += day.cost
    return total


def _asked(settings: Settings, url: str, since: date, until: date) -> Sequence[KeyDay]:
    key = settings.balance_key or settings.cometapi_key
    secrets = split_keys(key.get_secret_value() if key else "")
    if not secrets:
        needed = "IMAGEGATE_BALANCE_KEY or COMETAPI_KEY"
        raise click.ClickException(f"{needed} is not set: CometAPI tells the balance only to a key of the account.")

    async def ask() -> Sequence[KeyDay]:
        transport = open_transport(settings, url, open_trust(settings))
        try:
            return await fetch_balance(
                transport,
                url,
                secrets[0],
                since,
                until,
                total_seconds=_TOTAL_SECONDS,
                user_agent=f"imagegate/{VERSION}",
            )
        finally:
            await transport.aclose()

    try:
        return asyncio.run(ask())
    except BalanceFailed as error:
        raise click.ClickException(f"CometAPI tells no balance: {error}.") from None
    except httpx.InvalidURL:
        raise click.ClickException("--balance-url is no address.") from None


def _nanos(plain: str) -> int:
    """A bare string of dollars, which credits may have made negative."""
    return -parse_dollars(plain[1:]) if plain.startswith("-") else parse_dollars(plain)
