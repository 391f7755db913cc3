"""``imagegate overview | live``: all teams at a glance, and what goes on at this moment."""

from typing import Any

import click

from app.cli.options import json_option, target_options
from app.cli.remote import Target, call
from app.cli.tables import counted, echo_json, echo_table, moment_text, readable_dollars

_OF_A_PROCESS = ("started_at", "in_flight", "journal_records", "upstream")


@click.command()
@json_option
@target_options
def overview(target: Target, as_json: bool) -> None:
    """All teams at a glance.

    What was spent today and this month (in UTC), and how every team stands with its budget.
    """
    page = call(target, lambda admin: admin.get("/overview"))
    if as_json:
        echo_json(page)
        return
    rows = [
        (
            team["team"],
            *(readable_dollars(team[name]) for name in ("today", "month")),
            f"{readable_dollars(team['budget']['limit'])} by {team['budget']['period']}" if team["budget"] else "-",
            readable_dollars(team["left"]) if team["left"] is not None else "-",
            readable_dollars(team["held"]),
        )
        for team in page["teams"]
    ]
    if rows:
        echo_table(("TEAM", "TODAY", "MONTH", "BUDGET", "LEFT", "HELD"), rows, numbers=(1, 2, 4, 5))
        click.echo()
    for name in ("today", "month"):
        figures = page[name]
        rate = f", {figures['success_rate']:.1%} delivered" if figures["success_rate"] is not None else ""
        pictures = f"{counted(figures['requests'], 'request')}, {counted(figures['images'], 'picture')}{rate}"
        click.echo(f"{name.capitalize() + ':':7}{readable_dollars(figures['cost'])}, {pictures}.")


@click.command()
@json_option
@target_options
def live(target: Target, as_json: bool) -> None:
    """What goes on now.

    Requests under way, held money, queues; with --url the keys of the upstream, too, and what else the gateway knows of
    itself. Exits with 1 while Redis does not answer.
    """
    state = call(target, lambda admin: admin.get("/live"))
    if target.url is None:  # it is this command that they would be of
        state = {name: value for name, value in state.items() if name not in _OF_A_PROCESS}
    if as_json:
        echo_json(state)
        return
    if target.url is None:
        click.echo("Of the process itself (in flight, journal, the upstream's keys) only --url tells.")
    else:
        _echo_process(state)
    if state["teams"] is None:
        click.secho("Redis does not answer: requests are refused until it does.", fg="red")
        raise SystemExit(1)
    rows = [
        (team["team"], team["holds"], team["images"], readable_dollars(team["held"]), team["queued"])
        for team in state["teams"]
    ]
    echo_table(("TEAM", "UNDER WAY", "PICTURES", "HELD", "QUEUED"), rows, numbers=range(1, 5))


def _echo_process(state: dict[str, Any]) -> None:
    """What a gateway knows of itself."""
    click.echo(f"imagegate {state['version']}, catalog {state['catalog']}, up since {moment_text(state['started_at'])}")
    click.echo(f"{state['in_flight']} in flight, {state['journal_records']} resolutions in the journal")
    for name, condition in state["upstream"]["keys"].items():
        click.echo(f"upstream {name}: {condition}")
    if balance := state["upstream"]["balance"]:
        left = balance["error"] or f"{readable_dollars(balance['usd'])} left"
        click.echo(f"CometAPI's account: {left} ({moment_text(balance['asked_at'])})")
