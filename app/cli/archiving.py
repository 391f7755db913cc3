"""``imagegate ledger archive`` and ``archived``: take old entries to the archive now, and print what is there."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from app.accounts.models import Team
from app.cli.options import json_option
from app.cli.progress import end_progress, show_progress
from app.cli.tables import counted, echo_json
from app.embedded.errors import EmbeddedError
from app.errors import GatewayError
from app.ledger.archive import LEAST_DAYS, Carried, LedgerArchive
from app.ledger.archivist import Archived, archive_all
from app.settings.fields import Settings
from app.settings.loading import load_settings
from app.settings.names import SettingsError, variable_name

if TYPE_CHECKING:  # a second to import
    from app.wiring.services import Services

T = TypeVar("T")

_DATE: Final = "%Y-%m-%d"


@click.command("archive")
@click.option("--team", help="[default: every team]")
@click.option(
    "--before",
    type=click.DateTime([_DATE]),
    metavar="DATE",
    help="Entries of UTC days before this one. [default: IMAGEGATE_LEDGER_DAYS ago]",
)
@click.option("--dry-run", is_flag=True, help="Only say how many there are.")
@click.option("--data-dir", help="The data folder. [default: IMAGEGATE_DATA_DIR]")
@json_option
def archive(team: str | None, before: datetime | None, dry_run: bool, data_dir: str | None, as_json: bool) -> None:
    """Take old entries out of Redis and into the archive, now.

    A running gateway does so by itself every hour. Entries of the last 8 days always stay.
    """
    settings = load_settings(data_dir=data_dir)
    from app.wiring.archive import CURE, is_archive_shared  # noqa: PLC0415 - stores and metrics, for one question

    if not is_archive_shared(settings):
        raise click.ClickException(f"There is no archive that all replicas share: {CURE}.")
    before_ms = _before_ms(settings, before)

    async def work(services: "Services") -> dict[str, Any]:
        named = {found.id: found.name for found in await _teams(services, team)}
        if dry_run:
            return await _count(services.archive, named, before_ms)
        done = await archive_all(services.archive, services.datastore, list(named), before_ms, _Progress(named).show)
        end_progress()
        if done is None:
            raise click.ClickException("Another process archives just now; ask again in some minutes.")
        return _told(done)

    told = _here(settings, "ledger archive", work)
    day = f"{datetime.fromtimestamp(before_ms / 1000, UTC):{_DATE}}"
    if as_json:
        echo_json({"before": day, "dry_run": dry_run, **told})
        return
    entries, teams = counted(told["entries"], "entry", "entries"), counted(told["teams"], "team")
    what = "would be archived" if dry_run else f"archived in {counted(told['files'], 'file')}"
    click.echo(f"{entries} of {teams} from before {day} (UTC) {what}.")


@click.command("archived")
@click.option("--team", required=True)
@click.option("--since", type=click.DateTime(), help="Local time. [default: from the first entry]")
@click.option("--until", type=click.DateTime(), help="[default: to the last]")
@click.option("--data-dir", help="The data folder. [default: IMAGEGATE_DATA_DIR]")
def print_archived(team: str, since: datetime | None, until: datetime | None, data_dir: str | None) -> None:
    """Print a team's archived entries, oldest first.

    A JSON object per line, as `ledger export` has them.
    """

    async def work(services: "Services") -> int:
        from app.admin.entries import EntryBody  # noqa: PLC0415 - the doors take a second to import

        (found,) = await _teams(services, team)
        aliases = {key.id: key.alias for key in await services.accounts.keys(found.id)}
        number = 0
        async for entry in services.archived.oldest_first(found.id, _unix_ms(since), _unix_ms(until)):
            click.echo(EntryBody.of(entry, aliases).model_dump_json())
            number += 1
        return number

    number = _here(load_settings(data_dir=data_dir), "ledger archived", work)
    click.echo(f"{counted(number, 'entry', 'entries')}.", err=True)


class _Progress:
    """How far it has come."""

    def __init__(self, named: dict[str, str]) -> None:
        self._named = named
        self._entries = 0

    def show(self, carried: Carried) -> None:
        """One more file is done."""
        self._entries += carried.entries
        name = self._named[carried.file.team_id]
        show_progress(f"{name}, {counted(self._entries, 'entry', 'entries')} in all")


def _told(done: Archived) -> dict[str, Any]:
    return {"teams": done.teams, "files": done.files, "entries": done.entries}


async def _count(archive: LedgerArchive, named: dict[str, str], before_ms: int) -> dict[str, Any]:
    due = await archive.due(list(named), before_ms)
    entries = 0
    for team_id in due:
        entries += await archive.count(team_id, before_ms)
        show_progress(f"{named[team_id]}, {counted(entries, 'entry', 'entries')} in all")
    end_progress()
    return {"teams": len(due), "entries": entries}


def _before_ms(settings: Settings, before: datetime | None) -> int:
    """The beginning of the UTC day before whose entries all go.

    Raises:
        UsageError: it would take entries that must stay, or none is said.

    """
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if before is None:
        if not settings.ledger_days:
            raise click.UsageError(f"{variable_name('ledger_days')} is 0: entries stay for ever. Say --before DATE.")
        day = today - timedelta(days=settings.ledger_days)
    else:
        day = before.replace(tzinfo=UTC)
    if day > today - timedelta(days=LEAST_DAYS):
        latest = today - timedelta(days=LEAST_DAYS)
        raise click.UsageError(f"Entries of the last {LEAST_DAYS} days stay: --before {latest:{_DATE}} at the latest.")
    return int(day.timestamp() * 1000)


def _unix_ms(moment: datetime | None) -> int | None:
    return int(moment.astimezone().timestamp() * 1000) if moment else None


async def _teams(services: "Services", name: str | None) -> list[Team]:
    return [await services.accounts.find_team(name)] if name else list(await services.accounts.teams())


def _here(settings: Settings, purpose: str, work: Callable[["Services"], Awaitable[T]]) -> T:
    """Run a command's work on the services of these settings, in this process."""

    async def run() -> T:
        from app.cli.local import local_services  # noqa: PLC0415 - a whole gateway, and a second to import it

        async with local_services(settings, purpose) as services:
            return await work(services)

    try:
        return asyncio.run(run())
    except (EmbeddedError, SettingsError) as error:
        raise click.ClickException(str(error)) from None
    except GatewayError as error:
        raise click.ClickException(f"{error.message} {error.detail}".strip()) from None
