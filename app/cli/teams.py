"""``imagegate teams``: who pays, each command a client of the admin API."""

from typing import Any

import click

from app.cli.limits import budget_text, expect_whole_budget, limits_options, limits_text
from app.cli.naming import own_command
from app.cli.options import json_option, target_options
from app.cli.remote import Target, books_folder, call, quoted
from app.cli.tables import echo_json, echo_table


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
    """One TEAM (name or id): its limits, and what its new keys get."""
    _echo(call(target, lambda admin: admin.get(f"/teams/{quoted(team)}")), as_json)


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
    """Say what a new key of a TEAM gets where nothing else is said. Keys that exist keep what they have."""
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
