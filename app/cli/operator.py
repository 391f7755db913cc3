"""``imagegate teams | keys | usage | ledger``: the operator's commands, each a client of the admin API."""

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any, TypeVar

import click

from app.accounts.models import PERIODS
from app.cli.remote import Admin, Target, call, quoted
from app.cli.tables import dollars, echo_json, echo_table

R = TypeVar("R")


def _target_options(command: Callable[..., R]) -> Callable[..., R]:
    """Give a command the options that say which gateway it speaks to; it receives them as its first argument."""

    @click.option("--url", envvar="IMAGEGATE_URL", help="A running gateway. Without it the books are opened here.")
    @click.option("--token", envvar="IMAGEGATE_TOKEN", help="The admin token, with --url.")
    @click.option("--data-dir", help="The data folder, without --url. [default: IMAGEGATE_DATA_DIR]")
    @wraps(command)
    def with_target(*, url: str | None, token: str | None, data_dir: str | None, **given: Any) -> R:
        purpose = click.get_current_context().command_path.removeprefix("imagegate ")
        return command(Target(url, token, data_dir, purpose), **given)

    return with_target


def _limits_options(command: Callable[..., R]) -> Callable[..., R]:
    """The counts that a team or a key may be limited to."""
    for name, what in (
        ("--requests-per-minute", "Requests per minute."),
        ("--images-per-minute", "Images per minute."),
        ("--concurrent-images", "Images at once."),
    ):
        command = click.option(name, type=click.IntRange(min=0), help=what + " 0 blocks.")(command)
    return command


_json = click.option("--json", "as_json", is_flag=True, help="Print JSON for a program.")


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
@_limits_options
@_json
@_target_options
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
    click.echo(f"Next: imagegate keys create --team {made['name']} --alias NAME")


@teams.command("list")
@_json
@_target_options
def list_teams(target: Target, as_json: bool) -> None:
    """All teams and their budgets."""
    found = call(target, lambda admin: admin.get("/teams"))
    if as_json:
        echo_json(found)
    elif not found:
        click.echo("No team yet. Make one: imagegate teams create NAME --budget DOLLARS")
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
@_limits_options
@_json
@_target_options
def create_key(
    target: Target,
    team: str,
    alias: str,
    budget: str | None,
    period: str,
    timezone: str,
    models: tuple[str, ...],
    expires: datetime | None,
    as_json: bool,
    **counts: int | None,
) -> None:
    """Make a virtual key. It is shown once: only its hash is kept."""
    body = {
        "alias": alias,
        "limits": _limits(budget, period, timezone, counts),
        "models": list(models) or None,
        "expires_at": _iso(expires),
    }
    made = call(target, lambda admin: admin.post(f"/teams/{quoted(team)}/keys", body))
    if as_json:
        echo_json(made)
        return
    click.echo(made["key"])
    click.secho(f"This is {alias}'s key, shown this once. Its public id is {made['public_id']}.", err=True)


@keys.command("list")
@click.option("--team", required=True)
@_json
@_target_options
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
@_json
@_target_options
def revoke_key(target: Target, key: str, team: str, yes: bool, as_json: bool) -> None:
    """Close a virtual KEY (id, public id or alias) for ever."""
    if not yes:
        click.confirm(f"Revoke {key}? It stops working at once, for ever", abort=True, err=True)
    revoked = call(target, lambda admin: admin.post(f"/teams/{quoted(team)}/keys/{quoted(key)}/revoke"))
    if as_json:
        echo_json(revoked)
    else:
        click.echo(f"{revoked['alias']} ({revoked['public_id']}) is revoked.")


@click.command()
@click.option("--team", required=True)
@click.option("--since", type=click.DateTime(), help="[default: 30 days ago]")
@click.option("--until", type=click.DateTime(), help="[default: now]")
@_json
@_target_options
def usage(target: Target, team: str, since: datetime | None, until: datetime | None, as_json: bool) -> None:
    """What a team used, by key and model, and what is left."""
    when = {"since": _iso(since), "until": _iso(until)}
    report = call(target, lambda admin: admin.get("/usage", team=team, **when))
    if as_json:
        echo_json(report)
        return
    headings = ("KEY", "MODEL", "REQUESTS", "PICTURES", "TEXT IN", "IMAGE IN", "TEXT OUT", "IMAGE OUT", "COST")
    echo_table(headings, [_usage_row(row) for row in report["rows"]], numbers=range(2, 9))
    click.echo(f"\n{report['since'][:16]} to {report['until'][:16]}: {dollars(report['cost'])}")
    if report["budget"]:
        limit, period = dollars(report["budget"]["limit"]), report["budget"]["period"]
        span = "in total" if period == "total" else f"this {period}"
        click.echo(f"{span.capitalize()}: {dollars(report['spent'])} spent of {limit}, {dollars(report['held'])} held.")


def _usage_row(row: dict[str, Any]) -> tuple[object, ...]:
    tokens = (row[f"{kind}_tokens"] for kind in ("text_input", "image_input", "text_output", "image_output"))
    counts = (row["requests"], row["images"], *tokens)
    return (row["alias"], row["model"], *(f"{count:,}" for count in counts), dollars(row["cost"], 9))


def _iso(moment: datetime | None) -> str | None:
    """A local time as the admin API takes it."""
    try:
        return moment.astimezone().isoformat() if moment else None
    except (OverflowError, ValueError):
        raise click.UsageError(f"{moment:%Y-%m-%d} is not a time this can work with.") from None


@click.group()
def ledger() -> None:
    """The ledger: what was charged, and why."""


@ledger.command("verify")
@click.option("--team", help="[default: every team]")
@_json
@_target_options
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
