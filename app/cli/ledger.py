"""``imagegate ledger``: its entries, whether the books add up, and money given back."""

import re
from typing import Any

import click

from app.accounts.credentials import new_id
from app.cli.archiving import archive, print_archived
from app.cli.entries import list_entries, show_request
from app.cli.export import export
from app.cli.limits import dollars_text
from app.cli.opening import open_answer
from app.cli.options import json_option, target_options
from app.cli.progress import end_progress, show_progress
from app.cli.remote import Admin, Target, Unanswered, call
from app.cli.tables import counted, echo_json, readable_dollars

_REQUEST_ID = re.compile(r"req_[0-9A-Za-z]{20}")


@click.group()
def ledger() -> None:
    """The ledger: what was charged, and why."""


ledger.add_command(list_entries)
ledger.add_command(show_request)
ledger.add_command(open_answer)
ledger.add_command(export)
ledger.add_command(archive)
ledger.add_command(print_archived)


@ledger.command("verify")
@click.option("--team", help="[default: every team]")
@click.option("--archive", "with_archive", is_flag=True, help="Read archived entries, too.")
@json_option
@target_options
def verify(target: Target, team: str | None, with_archive: bool, as_json: bool) -> None:
    """Recompute the books, and say where they differ.

    Exits with 1 when they do. Best run while nothing is being bought. A long --archive wants to be read where it
    lies, without --url.
    """

    async def work(admin: Admin) -> list[dict[str, Any]]:
        names = [team] if team else [found["name"] for found in await admin.get("/teams")]
        reports: list[dict[str, Any]] = []
        for name in names:
            show_progress(f"{name}, {len(reports) + 1} of {len(names)} teams")
            reports.append(await admin.get("/ledger/verify", team=name, archive=with_archive or None))
        end_progress()
        return reports

    reports = call(target, work)
    if as_json:
        echo_json(reports)
    else:
        for report in reports:
            click.echo(f"{report['team']}: {_read(report)}, {counted(len(report['differences']), 'difference')}")
            for found in report["differences"]:
                click.echo(f"  {found['what']}: expected {found['expected']:,}, found {found['found']:,}")
    if any(report["differences"] for report in reports):
        raise SystemExit(1)


def _read(report: dict[str, Any]) -> str:
    """What a team's verification has gone by."""
    told = counted(report["entries"], "entry", "entries")
    if report["brought_forward"]:
        told += f" behind {counted(report['brought_forward']['entries'], 'archived one')}"
    if report["archive"]:
        told += f" ({report['archive']['entries']:,} read in {counted(report['archive']['files'], 'file')})"
    return told


@ledger.command("credit")
@click.argument("whom", metavar="REQUEST|TEAM")
@click.argument("amount", type=dollars_text, metavar="DOLLARS")
@click.option("--reason", required=True, help="Kept with the entry.")
@click.option("--team", help="The team of the request; saves searching for it in all of them.")
@click.option("--id", "credit_id", help="The id of a credit that may have come about: it is not given twice.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@target_options
def credit(
    target: Target,
    whom: str,
    amount: str,
    reason: str,
    team: str | None,
    credit_id: str | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Give money back.

    For a REQUEST (its x-request-id), or to a TEAM in the current period of its budget. It becomes a correction in the
    ledger. No more can be given back than was charged.
    """
    body: dict[str, Any] = {"amount": amount, "reason": reason, "id": credit_id or f"credit_{new_id()}{new_id()}"}
    is_request = team is not None or _REQUEST_ID.fullmatch(whom) is not None
    body |= {"request": whom, "team": team} if is_request else {"team": whom}
    if not yes:
        click.confirm(f"Give ${amount} back {'for' if is_request else 'to team'} {whom}?", abort=True, err=True)
    try:
        given = call(target, lambda admin: admin.post("/ledger/credits", body))
    except Unanswered as error:
        cure = f"It may have come about all the same; with --id {body['id']} it is not given twice."
        raise Unanswered(error.why, cure) from None
    if as_json:
        echo_json(given)
        return
    what = "was credited before" if given["already"] else "credited"
    about = f" for {given['request']}" if given["request"] else ""
    click.echo(f"{readable_dollars(given['amount'], 9)} {what} to team {given['team']}{about} ({given['id']}).")
