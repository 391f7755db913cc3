"""``imagegate usage``: what was used, by whom and of what."""

from datetime import datetime
from typing import Any

import click

from app.cli.options import iso_time, json_option, target_options
from app.cli.own_usage import echo_own_usage
from app.cli.remote import Admin, Target, call, quoted
from app.cli.tables import echo_json, echo_table, readable_dollars
from app.cli.teammate import KEY_VARIABLES

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


@click.command()
@click.option("--team", help="[default: all of them, by team]")
@click.option("--by", metavar="WHAT[,WHAT]", help="One or two of team, key, model, day, hour, user.")
@click.option("--since", type=click.DateTime(), help="Local time; whole UTC hours are counted. [default: 30 days ago]")
@click.option("--until", type=click.DateTime(), help="[default: now]")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV for a spreadsheet.")
@click.option("--mine", is_flag=True, help="What your own virtual key used, and what is left to it.")
@click.option("--key", help=f"Your virtual key, with --mine. [default: {' or '.join(KEY_VARIABLES)}]")
@json_option
@target_options
def usage(
    target: Target,
    team: str | None,
    by: str | None,
    since: datetime | None,
    until: datetime | None,
    as_csv: bool,
    mine: bool,
    key: str | None,
    as_json: bool,
) -> None:
    """What was used. Of a team by key and model, with what is left, unless --by says otherwise."""
    if mine:
        echo_own_usage(target.url, key, as_json=as_json)
        return
    query = {"team": team, "group_by": by, "since": iso_time(since), "until": iso_time(until)}
    if as_csv:
        click.echo(call(target, lambda admin: admin.text("/usage", format="csv", **query)), nl=False)
        return
    report, standing = call(target, lambda admin: _asked(admin, query, None if by or as_json else team))
    if as_json:
        echo_json(report)
    elif standing is None:
        _echo_groups(report)
    else:
        _echo_team(report, standing["standings"][0])


async def _asked(admin: Admin, query: dict[str, Any], team: str | None) -> tuple[Any, Any]:
    """The usage; and how a team stands, where one is named."""
    standing = await admin.get(f"/teams/{quoted(team)}/standing") if team else None
    return await admin.get("/usage", **query), standing


def _echo_groups(report: dict[str, Any]) -> None:
    by = report["group_by"]
    columns = {"team": "TEAM"} if by == ["key"] else {}
    columns |= {"alias" if name == "key" else name: name.upper() for name in by}
    counts = {"requests": "REQUESTS", "images": "PICTURES"}
    rows = [
        (
            *(row.get(name) or "-" for name in columns),
            *(f"{row[name]:,}" for name in counts),
            readable_dollars(row["cost"], 9),
        )
        for row in report["rows"]
    ]
    first = len(columns)
    echo_table((*columns.values(), *counts.values(), "COST"), rows, numbers=range(first, first + 3))
    span = f"{_hour(report['since'])} to {_hour(report['until'])} UTC"
    click.echo(f"\n{span}: {readable_dollars(report['cost'])}")


def _echo_team(report: dict[str, Any], standing: dict[str, Any]) -> None:
    span = f"{_hour(report['since'])} to {_hour(report['until'])} UTC"
    if report["rows"]:
        _echo_rows(report["rows"])
        click.echo(f"\n{span}: {readable_dollars(report['cost'])}")
    else:
        click.echo(f"{span}: nothing used.")
    if budget := standing["budget"]:
        limit, period = readable_dollars(budget["limit"]), budget["period"]
        span = "in total" if period == "total" else f"this {period}"
        spent, held = readable_dollars(standing["spent"]), readable_dollars(standing["held"])
        click.echo(f"{span.capitalize()}: {spent} spent of {limit}, {held} held.")


def _echo_rows(rows: list[dict[str, Any]]) -> None:
    shown = _ALWAYS | {title: name for title, name in _WHERE_ANY.items() if any(row[name] for row in rows)}
    cells = [
        (
            row["alias"] or row["key"],
            row["model"],
            *(f"{row[name]:,}" for name in shown.values()),
            readable_dollars(row["cost"], 9),
        )
        for row in rows
    ]
    echo_table(("KEY", "MODEL", *shown, "COST"), cells, numbers=range(2, 3 + len(shown)))
    if unknown := sum(row["unknown"] for row in rows):
        click.echo(
            f"\n{unknown} of unknown outcome: the picture may have been made, so the most it can cost is charged."
        )


def _hour(moment: str) -> str:
    return moment[:16].replace("T", " ")
