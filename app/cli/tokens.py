"""``imagegate tokens``: who may operate, each command a client of the admin API."""

import click

from app.cli.options import json_option, target_options
from app.cli.remote import Target, call, quoted
from app.cli.tables import echo_json, echo_table


@click.group()
def tokens() -> None:
    """Admin tokens: who may look after this gateway."""


@tokens.command("create")
@click.argument("name")
@click.option(
    "--role",
    type=click.Choice(("owner", "viewer")),
    default="viewer",
    show_default=True,
    help="An owner may change things, a viewer looks.",
)
@json_option
@target_options
def create_token(target: Target, name: str, role: str, as_json: bool) -> None:
    """Make an admin token. It is shown once: only its hash is kept."""
    made = call(target, lambda admin: admin.post("/tokens", {"name": name, "role": role}))
    if as_json:
        echo_json(made)
        return
    click.echo(made["token"])
    click.secho(f"This is {name}'s token ({role}), shown this once. Its public id is {made['public_id']}.", err=True)


@tokens.command("list")
@json_option
@target_options
def list_tokens(target: Target, as_json: bool) -> None:
    """The admin tokens that were made.

    IMAGEGATE_ADMIN_TOKEN is not among them.
    """
    found = call(target, lambda admin: admin.get("/tokens"))
    if as_json:
        echo_json(found)
        return
    rows = [(token["name"], token["public_id"], token["role"], token["created_at"][:10]) for token in found]
    echo_table(("NAME", "PUBLIC ID", "ROLE", "MADE"), rows)


@tokens.command("me")
@json_option
@target_options
def show_me(target: Target, as_json: bool) -> None:
    """Whose admin token this is, and what it may do."""
    told = call(target, lambda admin: admin.get("/me"))
    if as_json:
        echo_json(told)
    else:
        click.echo(f"{told['name']} ({told['role']})")


@tokens.command("revoke")
@click.argument("name_or_id", metavar="TOKEN")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@target_options
def revoke_token(target: Target, name_or_id: str, yes: bool, as_json: bool) -> None:
    """Close an admin TOKEN for ever.

    TOKEN is its id, public id or name.
    """
    if not yes:
        click.confirm(f"Revoke the admin token {name_or_id}? It stops working, for ever", abort=True, err=True)
    revoked = call(target, lambda admin: admin.delete(f"/tokens/{quoted(name_or_id)}"))
    if as_json:
        echo_json(revoked)
    else:
        click.echo(f"{revoked['name']} ({revoked['public_id']}) is revoked.")
