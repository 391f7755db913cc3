"""``imagegate usage --mine``: what a teammate's own virtual key has used, asked of a running gateway."""

import click

from app.cli.limits import echo_limits_left
from app.cli.tables import counted, echo_json, readable_dollars
from app.cli.teammate import call_public


def echo_own_usage(url: str | None, key: str | None, *, as_json: bool) -> None:
    """Print it; a wrong key or address ends the command with a message."""
    told = call_public(url, key, lambda door: door.get("/usage"))
    if as_json:
        echo_json(told)
        return
    click.echo(f"{told['key']['alias']} of team {told['team']} ({told['timezone']})")
    for name in ("today", "month"):
        span = told[name]
        pictures = f"{counted(span['requests'], 'request')}, {counted(span['images'], 'picture')}"
        click.echo(f"{name.capitalize() + ':':7}{readable_dollars(span['cost'])}, {pictures}")
    echo_limits_left(told["limits"])
