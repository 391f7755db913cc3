"""``imagegate keys``: rotated, disabled, enabled, revoked; each command a client of the admin API."""

import click

from app.cli.options import json_option, target_options
from app.cli.remote import Target, call, quoted
from app.cli.tables import echo_json, moment_text


@click.command("revoke")
@click.argument("key")
@click.option("--team", required=True)
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@target_options
def revoke_key(target: Target, key: str, team: str, yes: bool, as_json: bool) -> None:
    """Close a virtual KEY for ever.

    KEY is its id, public id or alias.
    """
    if not yes:
        click.confirm(f"Revoke {key}? It stops working at once, for ever", abort=True, err=True)
    revoked = call(target, lambda admin: admin.post(f"/teams/{quoted(team)}/keys/{quoted(key)}/revoke"))
    if as_json:
        echo_json(revoked)
    else:
        click.echo(f"{revoked['alias']} ({revoked['public_id']}) is revoked.")


@click.command("rotate")
@click.argument("key")
@click.option("--team", required=True)
@click.option(
    "--grace",
    type=click.IntRange(0, 604_800),
    default=86_400,
    show_default=True,
    help="Seconds for which the old secret works beside the new one.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@target_options
def rotate_key(target: Target, key: str, team: str, grace: int, yes: bool, as_json: bool) -> None:
    """Give a virtual KEY a new secret.

    KEY is its id, public id or alias. The secret is shown once: only its hash is kept.
    """
    if not yes:
        ends = f"in {grace} s" if grace else "at once"
        click.confirm(f"Rotate {key}? The key it has now stops working {ends}", abort=True, err=True)
    path = f"/teams/{quoted(team)}/keys/{quoted(key)}/rotate"
    made = call(target, lambda admin: admin.post(path, {"grace_seconds": grace}))
    if as_json:
        echo_json(made)
        return
    click.echo(made["key"])
    ends = moment_text(made["previous_until"])
    click.secho(f"This is {made['alias']}'s new key, shown this once. Older ones work until {ends} at most.", err=True)


@click.command("disable")
@click.argument("key")
@click.option("--team", required=True)
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@target_options
def disable_key(target: Target, key: str, team: str, yes: bool, as_json: bool) -> None:
    """Put a virtual KEY out of use, until it is enabled.

    KEY is its id, public id or alias.
    """
    if not yes:
        click.confirm(f"Disable {key}? It stops working at once, until it is enabled", abort=True, err=True)
    _switch(target, team, key, "disable", as_json)


@click.command("enable")
@click.argument("key")
@click.option("--team", required=True)
@json_option
@target_options
def enable_key(target: Target, key: str, team: str, as_json: bool) -> None:
    """Put a disabled virtual KEY back into use.

    KEY is its id, public id or alias.
    """
    _switch(target, team, key, "enable", as_json)


def _switch(target: Target, team: str, key: str, how: str, as_json: bool) -> None:
    changed = call(target, lambda admin: admin.post(f"/teams/{quoted(team)}/keys/{quoted(key)}/{how}"))
    if as_json:
        echo_json(changed)
    else:
        click.echo(f"{changed['alias']} ({changed['public_id']}) is {changed['state']}.")
