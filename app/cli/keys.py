"""``imagegate keys``: who may: made, listed, changed; each command a client of the admin API."""

from datetime import datetime
from typing import Any

import click

from app.accounts.models import HEARTBEAT_SECONDS
from app.cli.key_states import disable_key, enable_key, revoke_key, rotate_key
from app.cli.limits import expect_whole_budget, limits_options, limits_text
from app.cli.options import iso_time, json_option, target_options
from app.cli.remote import Target, call, quoted
from app.cli.tables import echo_json, echo_table, moment_text

_SECONDS = click.IntRange(*HEARTBEAT_SECONDS)


@click.group()
def keys() -> None:
    """Virtual keys: what teammates hold."""


keys.add_command(rotate_key)
keys.add_command(disable_key)
keys.add_command(enable_key)
keys.add_command(revoke_key)


@keys.command("create")
@click.option("--team", required=True, help="The team that pays.")
@click.option("--alias", required=True, help="Whose key it is, such as ana or ci.")
@click.option("--model", "models", multiple=True, help="A model it may use; repeat for more. [default: all]")
@click.option("--expires", type=click.DateTime(), help="When it stops working (local time).")
@click.option("--strict/--lenient", default=None, help="Refuse, or leave out, what a model does not take.")
@click.option("--unknown-fields", type=click.Choice(("refuse", "pass")), help="What to do with fields nobody knows.")
@click.option("--fan-out", is_flag=True, help="Several pictures at once of models that make one at a time.")
@click.option("--heartbeat", type=_SECONDS, help="Seconds of silence after which an answer sends white space.")
@click.option("--metadata", multiple=True, metavar="NAME=TEXT", help="A note of your own; repeat for more.")
@limits_options
@json_option
@target_options
def create_key(
    target: Target,
    team: str,
    alias: str,
    models: tuple[str, ...],
    expires: datetime | None,
    strict: bool | None,
    unknown_fields: str | None,
    fan_out: bool,
    heartbeat: int | None,
    metadata: tuple[str, ...],
    limits: dict[str, Any],
    as_json: bool,
) -> None:
    """Make a virtual key. It is shown once: only its hash is kept.

    Limits that are not given are the team's defaults (teams set-key-defaults). What the team may use binds it anyway.
    """
    expect_whole_budget(limits)
    body = {
        "alias": alias,
        "limits": limits,
        "models": list(models) or None,
        "expires_at": iso_time(expires),
        "strict": strict,
        "unknown_fields": unknown_fields,
        "fan_out": fan_out,
        "heartbeat_seconds": heartbeat,
        "metadata": _notes(metadata),
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
        (
            key["alias"],
            key["public_id"],
            key["state"],
            ", ".join(key["models"] or ["all"]),
            limits_text(key["limits"]) if any(limit is not None for limit in key["limits"].values()) else "-",
            _options_text(key),
            ", ".join(f"{name}={text}" for name, text in key["metadata"].items()) or "-",
            key["created_at"][:10],
        )
        for key in found
    ]
    echo_table(("ALIAS", "PUBLIC ID", "STATE", "MODELS", "LIMITS", "OPTIONS", "NOTES", "MADE"), rows)


def _options_text(key: dict[str, Any]) -> str:
    """How its requests are read and answered, where that is not as the gateway does."""
    told = []
    if key["strict"] is not None:
        told.append("strict" if key["strict"] else "lenient")
    if key["unknown_fields"] is not None:
        told.append(f"unknown fields: {key['unknown_fields']}")
    if key["fan_out"]:
        told.append("fan-out")
    if key["heartbeat_seconds"] is not None:
        told.append(f"heartbeat: {key['heartbeat_seconds']:g} s")
    return ", ".join(told) or "-"


@keys.command("update")
@click.argument("key")
@click.option("--team", required=True)
@click.option("--model", "models", multiple=True, help="A model it may use, and no other; repeat for more.")
@click.option("--all-models", is_flag=True, help="It may use every model.")
@click.option("--expires", type=click.DateTime(), help="When it stops working (local time).")
@click.option("--never-expires", is_flag=True)
@click.option("--strict/--lenient", default=None, help="Refuse, or leave out, what a model does not take.")
@click.option("--unknown-fields", type=click.Choice(("refuse", "pass")), help="What to do with fields nobody knows.")
@click.option("--as-the-gateway", is_flag=True, help="Read requests as the gateway's own settings say.")
@click.option("--fan-out/--no-fan-out", default=None, help="Several pictures of models that make one at a time.")
@click.option("--heartbeat", type=_SECONDS, help="Seconds of silence after which an answer sends white space.")
@click.option("--no-heartbeat", is_flag=True, help="White space only where a request asks for it.")
@click.option("--metadata", multiple=True, metavar="NAME=TEXT", help="A note of your own; NAME= takes it away.")
@limits_options
@json_option
@target_options
def update_key(
    target: Target,
    key: str,
    team: str,
    metadata: tuple[str, ...],
    limits: dict[str, Any],
    as_json: bool,
    **given: Any,
) -> None:
    """Change a virtual KEY; what is not named stays.

    KEY is its id, public id or alias. In force with the next request.
    """
    patch = _settings_patch(**given) | ({"limits": limits} if limits else {})
    if metadata:
        patch["metadata"] = {name: text or None for name, text in _notes(metadata).items()}
    if not patch:
        raise click.UsageError("Say what is to change.")
    changed = call(target, lambda admin: admin.patch(f"/teams/{quoted(team)}/keys/{quoted(key)}", patch))
    if as_json:
        echo_json(changed)
        return
    models = ", ".join(changed["models"]) if changed["models"] is not None else "every model"
    until = f", until {moment_text(changed['expires_at'])}" if changed["expires_at"] else ""
    click.echo(f"{changed['alias']} ({changed['public_id']}): {limits_text(changed['limits'])}; {models}{until}.")


def _notes(metadata: tuple[str, ...]) -> dict[str, str]:
    """The notes of ``--metadata``."""
    if not all("=" in note for note in metadata):
        raise click.UsageError("--metadata is NAME=TEXT.")
    return dict(note.split("=", 1) for note in metadata)


def _settings_patch(
    *,
    models: tuple[str, ...],
    all_models: bool,
    expires: datetime | None,
    never_expires: bool,
    strict: bool | None,
    unknown_fields: str | None,
    as_the_gateway: bool,
    fan_out: bool | None,
    heartbeat: int | None,
    no_heartbeat: bool,
) -> dict[str, Any]:
    """What was given, as the admin API takes it: absent is unchanged, null as if it had never been said."""
    for option, contradicts in (
        ("--all-models", all_models and models),
        ("--never-expires", never_expires and expires),
        ("--as-the-gateway", as_the_gateway and (strict is not None or unknown_fields)),
        ("--no-heartbeat", no_heartbeat and heartbeat),
    ):
        if contradicts:
            raise click.UsageError(f"{option} contradicts another option.")
    patch: dict[str, Any] = {"strict": None, "unknown_fields": None} if as_the_gateway else {}
    if models or all_models:
        patch["models"] = list(models) or None
    if expires or never_expires:
        patch["expires_at"] = iso_time(expires)
    if heartbeat or no_heartbeat:
        patch["heartbeat_seconds"] = heartbeat
    said = {"strict": strict, "unknown_fields": unknown_fields, "fan_out": fan_out}
    return patch | {name: value for name, value in said.items() if value is not None}
