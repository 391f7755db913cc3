"""The options that several commands share: which gateway, which form, which time."""

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any, TypeVar

import click

from app.cli.remote import Target
from app.cli.teammate import KEY_VARIABLES, URL_VARIABLES

R = TypeVar("R")


def target_options(command: Callable[..., R]) -> Callable[..., R]:
    """Give a command the options that say which gateway it speaks to; it receives them as its first argument."""

    @click.option("--url", envvar="IMAGEGATE_URL", help="A running gateway. Without it the books are opened here.")
    @click.option("--token", envvar="IMAGEGATE_TOKEN", help="The admin token, with --url.")
    @click.option("--data-dir", help="The data folder, without --url. [default: IMAGEGATE_DATA_DIR]")
    @wraps(command)
    def with_target(*, url: str | None, token: str | None, data_dir: str | None, **given: Any) -> R:
        return command(Target(url, token, data_dir, _purpose(click.get_current_context())), **given)

    return with_target


def _purpose(context: click.Context) -> str:
    """The command's words, such as ``teams create``, however the program itself was started."""
    above = context.parent
    words = [] if above is None or above.parent is None else [_purpose(above)]
    return " ".join([*words, context.info_name or ""])


def key_options(command: Callable[..., R]) -> Callable[..., R]:
    """Give a teammate's command the options that say where its gateway is, and which virtual key it uses."""
    where = f"The gateway. [default: {' or '.join(URL_VARIABLES)}, else on this machine]"
    key = click.option("--key", help=f"Your virtual key. [default: {' or '.join(KEY_VARIABLES)}]")
    return click.option("--url", help=where)(key(command))


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for a program.")


def iso_time(moment: datetime | None) -> str | None:
    """A local time as the admin API takes it."""
    try:
        return moment.astimezone().isoformat() if moment else None
    except (OverflowError, ValueError):
        raise click.UsageError(f"{moment:%Y-%m-%d} is not a time this can work with.") from None
