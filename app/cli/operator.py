"""``imagegate teams | keys``: who pays and who may, each command a client of the admin API."""

from datetime import datetime
from typing import Any

import click

from app.accounts.models import PERIODS
from app.cli.naming import own_command
from app.cli.options import iso_time, json_option, limits_options, target_options
from app.cli.remote import Target, call, quoted
from app.cli.tables import dollars, echo_json, echo_table


def _limits(budget: str | None, period: str, timezone: str, counts: dict[str, int | None]) -> dict[str, Any]:
    money = {"limit": budget.removeprefix("$"), "period": period, "timezone": timezone} if budget is not None else None
    return {**counts, "budget": money}


@click.group()
def teams() -> None:
    """Teams: who pays."""


@teams.command("create")
@click.argument("name")
@click.option("--budget", help="Dollars the team may spend per period, such as 250 or 12.50.")
@click.option("--no-budget", is_flag=True, help="No budget: the team may spend without limit.")
@click.option("--period", type=click.Choice(PERIODS), default="month", show_default=True)
@click.option("--timezone", default="UTC", show_default=True, help="Where the period's midnight is.")
@limits_options
@json_option
@target_options
def create_team(
    target: Target,
    name: str,
    budget: str | None,
    no_budget: bool,
    period: str,
    timezone: str,
    as_json: bool,
    **counts: int | None,
) -> None:
    """Make a team. Say what it may spend: --budget DOLLARS, or --no-budget."""
    if (budget is None) != no_budget:
        raise click.UsageError("Say what the team may spend: --budget DOLLARS, or --no-budget (one of the two).")
    body = {"name": name, "limits": _limits(budget, period, timezone, counts)}
    made = call(target, lambda admin: admin.post("/teams", body))
    if as_json:
        echo_json(made)
        return
    click.echo(f"Team {made['name']} ({made['id']}): {_budget_text(made)}.")
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
        echo_table(("TEAM", "ID", "BUDGET"), [(team["name"], team["id"], _budget_text(team)) for team in found])


def _budget_text(team: dict[str, Any]) -> str:
    budget = team["limits"]["budget"]
    if budget is None:
        return "no budget"
    span = "in total" if budget["period"] == "total" else f"a {budget['period']} ({budget['timezone']})"
    return f"{dollars(budget['limit'])} {span}"


@click.group()
def keys() -> None:
    """Virtual keys: what teammates hold."""


@keys.command("create")
@click.option("--team", required=True, help="The team that pays.")
@click.option("--alias", required=True, help="Whose key it is, such as ana or ci.")
@click.option("--budget", help="Dollars this key may spend per period, within the team's.")
@click.option("--period", type=click.Choice(PERIODS), default="month", show_default=True)
@click.option("--timezone", default="UTC", show_default=True)
@click.option("--model", "models", multiple=True, help="A model it may use; repeat for more. [default: all]")
@click.option("--expires", type=click.DateTime(), help="When it stops working (local time).")
@click.option("--strict/--lenient", default=None, help="Refuse, or leave out, what a model does not take.")
@click.option("--unknown-fields", type=click.Choice(("refuse", "pass")), help="What to do with fields nobody knows.")
@click.option("--fan-out", is_flag=True, help="Several pictures at once of models that make one at a time.")
@limits_options
@json_option
@target_options
def create_key(
    target: Target,
    team: str,
    alias: str,
    budget: str | None,
    period: str,
    timezone: str,
    models: tuple[str, ...],
    expires: datetime | None,
    strict: bool | None,
    unknown_fields: str | None,
    fan_out: bool,
    as_json: bool,
    **counts: int | None,
) -> None:
    """Make a virtual key. It is shown once: only its hash is kept."""
    body = {
        "alias": alias,
        "limits": _limits(budget, period, timezone, counts),
        "models": list(models) or None,
        "expires_at": iso_time(expires),
        "strict": strict,
        "unknown_fields": unknown_fields,
        "fan_out": fan_out,
    }
    made = call(target, lambda admin: admin.post(f"/teams/{quoted(team)}/keys", body))
    if as_json:
        echo_json(made)
        return
    click.echo(made["key"])
    click.secho(f"This is {alias}'s key, shown this once. Its public id is {made['public_id']}.", err=True)


@keys.command("list")
@click.option("--team", required=True)
@json_option
@target_options
def list_keys(target: Target, team: str, as_json: bool) -> None:
    """The virtual keys of a team."""
    found = call(target, lambda admin: admin.get(f"/teams/{quoted(team)}/keys"))
    if as_json:
        echo_json(found)
        return
    rows = [
        (k["alias"], k["public_id"], k["state"], ", ".join(k["models"] or ["all"]), k["created_at"][:10]) for k in found
    ]
    echo_table(("ALIAS", "PUBLIC ID", "STATE", "MODELS", "MADE"), rows)


@keys.command("revoke")
@click.argument("key")
@click.option("--team", required=True)
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@target_options
def revoke_key(target: Target, key: str, team: str, yes: bool, as_json: bool) -> None:
    """Close a virtual KEY (id, public id or alias) for ever."""
    if not yes:
        click.confirm(f"Revoke {key}? It stops working at once, for ever", abort=True, err=True)
    revoked = call(target, lambda admin: admin.post(f"/teams/{quoted(team)}/keys/{quoted(key)}/revoke"))
    if as_json:
        echo_json(revoked)
    else:
        click.echo(f"{revoked['alias']} ({revoked['public_id']}) is revoked.")
