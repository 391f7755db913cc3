"""The options that say what a team or a virtual key may use, and limits as people read them."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import click

from app.accounts.models import LAST_RESET_DAY, PERIODS
from app.cli.tables import echo_table, moment_text, readable_dollars
from app.money import parse_dollars

R = TypeVar("R")

_COUNTS = {
    "requests_per_minute": "requests a minute",
    "images_per_minute": "images a minute",
    "tokens_per_minute": "tokens a minute",
    "concurrent_images": "images at once",
    "images_per_day": "images a day",
}
_NO_LIMIT = "none"


def _count_or_none(value: str) -> int | str:
    """A whole number, or ``none`` for no such limit."""
    return value if value == _NO_LIMIT else click.IntRange(min=0)(value)


def dollars_text(value: str) -> str:
    """An amount of dollars as the admin API takes it; the type of an option or argument, which click names."""
    try:
        parse_dollars(value)
    except ValueError as error:
        raise click.BadParameter(f"{error}.") from None
    return value.strip().removeprefix("$")


def limits_options(command: Callable[..., R]) -> Callable[..., R]:
    """Give a command the options of limits; it receives those that were given as ``limits``, as a merge patch."""

    @click.option(
        "--budget",
        type=dollars_text,
        metavar="DOLLARS",
        help="Dollars that may be spent per period, such as 250 or 12.50.",
    )
    @click.option("--no-budget", is_flag=True, help="No budget.")
    @click.option("--period", type=click.Choice(PERIODS), help="Of the budget. A new one is by the month.")
    @click.option("--timezone", help="Where the period's midnight is. [default: UTC]")
    @click.option(
        "--reset-day",
        type=click.IntRange(1, max(LAST_RESET_DAY.values())),
        help="Of a week 1 (Monday) to 7, of a month 1 to 28. [default: 1]",
    )
    @click.option(
        "--alert",
        "alerts",
        multiple=True,
        type=click.IntRange(1, 100),
        help="Per cent of the budget at which the log says so; repeat for more.",
    )
    @click.option("--no-alerts", is_flag=True, help="No alerts.")
    @_count_options
    @wraps(command)
    def with_limits(*args: Any, **given: Any) -> R:
        words = {name: given.pop(name) for name in _OPTIONS}
        return command(*args, limits=_limits_patch(**words), **given)

    return with_limits


def _count_options(command: Callable[..., R]) -> Callable[..., R]:
    for name, what in reversed(_COUNTS.items()):
        option = f"--{name.replace('_', '-')}"
        told = f"{what.capitalize()}; 0 blocks, none lifts it."
        command = click.option(option, type=_count_or_none, metavar="N|none", help=told)(command)
    return command


_BUDGET = ("period", "timezone", "reset_day")
_OPTIONS = (*_COUNTS, *_BUDGET, "budget", "no_budget", "alerts", "no_alerts")


def _limits_patch(
    *, budget: str | None, no_budget: bool, alerts: tuple[int, ...], no_alerts: bool, **given: Any
) -> dict[str, Any]:
    """What was given, as the admin API takes it: absent is unchanged or the default, null is no such limit."""
    counts = {name: given[name] for name in _COUNTS if given[name] is not None}
    patch: dict[str, Any] = {name: None if count == _NO_LIMIT else count for name, count in counts.items()}
    money = {name: given[name] for name in _BUDGET if given[name] is not None}
    if budget is not None:
        money["limit"] = budget
    if alerts or no_alerts:
        if alerts and no_alerts:
            raise click.UsageError("--alert and --no-alerts say the opposite of each other.")
        money["alerts"] = sorted(set(alerts))
    if no_budget and money:
        raise click.UsageError("--no-budget and the options of a budget say the opposite of each other.")
    if no_budget or money:
        patch["budget"] = money or None
    return patch


def expect_whole_budget(limits: dict[str, Any]) -> None:
    """Of something new: whoever says when a budget begins says how much it is."""
    if limits.get("budget") and "limit" not in limits["budget"]:
        raise click.UsageError("The budget's amount is missing: --budget DOLLARS.")


def limits_text(limits: dict[str, Any]) -> str:
    """Limits as people read them, the budget first."""
    counts = [f"{limits[name]:,} {what}" for name, what in _COUNTS.items() if limits[name] is not None]
    return ", ".join([budget_text(limits["budget"]), *counts])


def budget_text(budget: dict[str, Any] | None) -> str:
    """A budget as people read it."""
    if budget is None:
        return "no budget"
    span = "in total"
    if budget["period"] != "total":
        begins = f", from day {budget['reset_day']}" if budget["reset_day"] > 1 else ""
        span = f"a {budget['period']} ({budget['timezone']}{begins})"
    alerts = " and ".join(f"{percent} %" for percent in budget["alerts"])
    return f"{readable_dollars(budget['limit'])} {span}" + (f", alerts at {alerts}" if alerts else "")


def echo_limits_left(limits: list[dict[str, Any]]) -> None:
    """Print how each limit of key and team stands, behind an empty line; nothing where there is none."""
    rows = [
        (
            limit["what"],
            limit["scope"],
            _amount(limit["limit"]),
            _amount(limit["left"]),
            moment_text(limit["resets_at"]),
        )
        for limit in limits
    ]
    if rows:
        click.echo()
        echo_table(("LIMIT", "OF", "ALLOWED", "LEFT", "RESETS"), rows, numbers=(2, 3))


def _amount(value: str | int) -> str:
    return readable_dollars(value) if isinstance(value, str) else f"{value:,}"
