"""``imagegate teams``: who pays, each command a client of the admin API."""

from typing import Any

import click

from app.cli.limits import budget_text, expect_whole_budget, limits_options, limits_text
from app.cli.naming import own_command
from app.cli.options import json_option, target_options
from app.cli.remote import Admin, Target, books_folder, call, quoted
from app.cli.tables import echo_json, echo_table, moment_text, readable_dollars


@click.group()
def teams() -> None:
    """Teams: who pays."""


@teams.command("create")
@click.argument("name")
@limits_options
@json_option
@target_options
def create_team(target: Target, name: str, limits: dict[str, Any], as_json: bool) -> None:
    """Make a team. Say what it may spend: --budget DOLLARS, or --no-budget."""
    if "budget" not in limits:
        raise click.UsageError("Say what the team may spend: --budget DOLLARS, or --no-budget (one of the two).")
    expect_whole_budget(limits)
    made = call(target, lambda admin: admin.post("/teams", {"name": name, "limits": limits}))
    if as_json:
        echo_json(made)
        return
    click.echo(f"Team {made['name']} ({made['id']}): {limits_text(made['limits'])}.")
    if (folder := books_folder(target)) is not None:
        click.echo(f"Its books are in {folder}.")
    click.echo(f"Next: {own_command()} keys create --team {made['name']} --alias NAME")


@teams.command("list")
@json_option
@target_options
def list_teams(target: Target, as_json: bool) -> None:
    """All teams and their budgets."""
    found = call(target, lambda admin: admin.get("/teams"))
    if as_json:
        echo_json(found)
    elif not found:
        click.echo(f"No team yet. Make one: {own_command()} teams create NAME --budget DOLLARS")
    else:
        rows = [(team["name"], team["id"], budget_text(team["limits"]["budget"])) for team in found]
        echo_table(("TEAM", "ID", "BUDGET"), rows)


@teams.command("show")
@click.argument("team")
@json_option
@target_options
def show_team(target: Target, team: str, as_json: bool) -> None:
    """The limits of a TEAM, and those its new keys get.

    TEAM is its name or id.
    """
    _echo(call(target, lambda admin: admin.get(f"/teams/{quoted(team)}")), as_json)


@teams.command("standing")
@click.argument("team")
@json_option
@target_options
def show_standing(target: Target, team: str, as_json: bool) -> None:
    """How a TEAM and its keys stand with their budgets.

    TEAM is its name or id.
    """

    async def work(admin: Admin) -> tuple[Any, dict[str, str]]:
        path = f"/teams/{quoted(team)}"
        told = await admin.get(f"{path}/standing")
        keys = [] if as_json else await admin.get(f"{path}/keys")
        return told, {key["id"]: key["state"] for key in keys}

    told, states = call(target, work)
    if as_json:
        echo_json(told)
        return
    rows = [
        (
            standing["alias"] or standing["key"] or "(team)",
            states.get(standing["key"], "-"),
            budget_text(standing["budget"]),
            *(readable_dollars(standing[name]) for name in ("spent", "held")),
            readable_dollars(standing["left"]) if standing["left"] is not None else "-",
            moment_text(standing["resets_at"]),
        )
        for standing in told["standings"]
    ]
    echo_table(("WHO", "STATE", "BUDGET", "SPENT", "HELD", "LEFT", "RESETS"), rows, numbers=(3, 4, 5))


@teams.command("update")
@click.argument("team")
@limits_options
@json_option
@target_options
def update_team(target: Target, team: str, limits: dict[str, Any], as_json: bool) -> None:
    """Change what a TEAM may use; what is not named stays. In force with the next request."""
    _change(target, team, {"limits": limits}, as_json)


@teams.command("set-key-defaults")
@click.argument("team")
@limits_options
@json_option
@target_options
def set_key_defaults(target: Target, team: str, limits: dict[str, Any], as_json: bool) -> None:
    """Say what the new keys of a TEAM get.

    That is, where nothing else is said when one is made. Keys that exist keep what they have.
    """
    _change(target, team, {"key_limits": limits}, as_json)


def _change(target: Target, team: str, patch: dict[str, Any], as_json: bool) -> None:
    if not all(patch.values()):
        raise click.UsageError("Say what is to change.")
    _echo(call(target, lambda admin: admin.patch(f"/teams/{quoted(team)}", patch)), as_json)


def _echo(team: dict[str, Any], as_json: bool) -> None:
    if as_json:
        echo_json(team)
        return
    click.echo(f"Team {team['name']} ({team['id']}): {limits_text(team['limits'])}.")
    click.echo(f"A new key gets: {limits_text(team['key_limits'])}.")
