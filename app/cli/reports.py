"""``imagegate usage | ledger``: what was used, whether the books add up, and money given back."""

import re
from datetime import datetime
from typing import Any

import click

from app.accounts.credentials import new_id
from app.cli.options import iso_time, json_option, target_options
from app.cli.remote import Admin, Target, Unanswered, call
from app.cli.tables import echo_json, echo_table, readable_dollars

_ALWAYS = {"REQUESTS": "requests", "PICTURES": "images"}
_WHERE_ANY = {
    "REFUSED": "refused",
    "FAILED": "failed",
    "UNKNOWN": "unknown",
    "TEXT IN": "text_input_tokens",
    "IMAGE IN": "image_input_tokens",
    "TEXT OUT": "text_output_tokens",
    "IMAGE OUT": "image_output_tokens",
}
"""Columns that are shown where there is anything in them, so that a usual table fits a usual terminal."""

_REQUEST_ID = re.compile(r"req_[0-9A-Za-z]{20}")


@click.command()
@click.option("--team", required=True)
@click.option("--since", type=click.DateTime(), help="Local time; whole UTC hours are counted. [default: 30 days ago]")
@click.option("--until", type=click.DateTime(), help="[default: now]")
@json_option
@target_options
def usage(target: Target, team: str, since: datetime | None, until: datetime | None, as_json: bool) -> None:
    """What a team used, by key and model, and what is left."""
    when = {"since": iso_time(since), "until": iso_time(until)}
    report = call(target, lambda admin: admin.get("/usage", team=team, **when))
    if as_json:
        echo_json(report)
        return
    span = f"{_hour(report['since'])} to {_hour(report['until'])} UTC"
    if report["rows"]:
        _echo_rows(report["rows"])
        click.echo(f"\n{span}: {readable_dollars(report['cost'])}")
    else:
        click.echo(f"{span}: nothing used.")
    if report["budget"]:
        limit, period = readable_dollars(report["budget"]["limit"]), report["budget"]["period"]
        span = "in total" if period == "total" else f"this {period}"
        spent, held = readable_dollars(report["spent"]), readable_dollars(report["held"])
        click.echo(f"{span.capitalize()}: {spent} spent of {limit}, {held} held.")


def _echo_rows(rows: list[dict[str, Any]]) -> None:
    shown = _ALWAYS | {title: name for title, name in _WHERE_ANY.items() if any(row[name] for row in rows)}
    cells = [
        (row["alias"], row["model"], *(f"{row[name]:,}" for name in shown.values()), readable_dollars(row["cost"], 9))
        for row in rows
    ]
    echo_table(("KEY", "MODEL", *shown, "COST"), cells, numbers=range(2, 3 + len(shown)))
    if unknown := sum(row["unknown"] for row in rows):
        click.echo(
            f"\n{unknown} of unknown outcome: the picture may have been made, so the most it can cost is charged."
        )


def _hour(moment: str) -> str:
    return moment[:16].replace("T", " ")


@click.group()
def ledger() -> None:
    """The ledger: what was charged, and why."""


@ledger.command("verify")
@click.option("--team", help="[default: every team]")
@json_option
@target_options
def verify(target: Target, team: str | None, as_json: bool) -> None:
    """Recompute the books from their entries; exits with 1 when they differ. Best run while nothing is being bought."""

    async def work(admin: Admin) -> list[dict[str, Any]]:
        names = [team] if team else [found["name"] for found in await admin.get("/teams")]
        return [await admin.get("/ledger/verify", team=name) for name in names]

    reports = call(target, work)
    differences = [difference for report in reports for difference in report["differences"]]
    if as_json:
        echo_json(reports)
    else:
        for report in reports:
            click.echo(f"{report['team']}: {report['entries']:,} entries, {len(report['differences'])} differences")
            for found in report["differences"]:
                click.echo(f"  {found['what']}: expected {found['expected']:,}, found {found['found']:,}")
    if differences:
        raise SystemExit(1)


@ledger.command("credit")
@click.argument("whom", metavar="REQUEST|TEAM")
@click.argument("amount", metavar="DOLLARS")
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
    """Give money back: for a REQUEST (its x-request-id), or to a TEAM in the current period of its budget.

    It becomes a correction in the ledger. No more can be given back than was charged.
    """
    amount = amount.removeprefix("$")
    body: dict[str, Any] = {"amount": amount, "reason": reason, "id": credit_id or f"credit_{new_id()}{new_id()}"}
    is_request = team is not None or _REQUEST_ID.fullmatch(whom) is not None
    body |= {"request": whom, "team": team} if is_request else {"team": whom}
    if not yes:
        click.confirm(f"Give ${amount} back {'for' if is_request else 'to team'} {whom}?", abort=True, err=True)
    try:
        given = call(target, lambda admin: admin.post("/ledger/credits", body))
    except Unanswered as error:
        told = f"{error.message} It may have come about all the same; with --id {body['id']} it is not given twice."
        raise click.ClickException(told) from None
    if as_json:
        echo_json(given)
        return
    what = "was credited before" if given["already"] else "credited"
    about = f" for {given['request']}" if given["request"] else ""
    click.echo(f"{readable_dollars(given['amount'], 9)} {what} to team {given['team']}{about} ({given['id']}).")
