"""``imagegate models`` and ``catalog list``: what may be asked for, and what it costs."""

from typing import Any

import click

from app.cli.options import json_option, key_options, target_options
from app.cli.remote import Target, call
from app.cli.tables import echo_json, echo_table
from app.cli.teammate import call_public

_PRICES = {
    "TEXT IN": "text_input",
    "IMAGE IN": "image_input",
    "TEXT OUT": "text_output",
    "IMAGE OUT": "image_output",
    "PICTURE": "per_image",
}
_NOTHING = "0.00"


@click.command()
@key_options
@json_option
def models(url: str | None, key: str | None, as_json: bool) -> None:
    """The models your virtual key may use, and their prices."""
    _echo(call_public(url, key, lambda door: door.get("/catalog")), as_json=as_json)


@click.command("list")
@json_option
@target_options
def list_models(target: Target, as_json: bool) -> None:
    """Every model of the gateway, and its prices.

    Also those that are unpriced or retired.
    """
    _echo(call(target, lambda admin: admin.get("/catalog")), as_json=as_json)


def _echo(document: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        echo_json(document)
        return
    found = document["models"]
    shown = {title: name for title, name in _PRICES.items() if any(_price(model, name) != "-" for model in found)}
    rows = [
        (
            model["name"],
            ", ".join(model["operations"]),
            *(_price(model, name) for name in shown.values()),
            model["state"] + (f", use {model['replacement']}" if model["replacement"] else ""),
        )
        for model in found
    ]
    echo_table(("MODEL", "OPERATIONS", *shown, "STATE"), rows, numbers=range(2, 2 + len(shown)))
    click.echo(f"\nUS dollars per million tokens, or per picture. Without --model: {document['default_model']}.")


def _price(model: dict[str, Any], name: str) -> str:
    price = (model["prices"] or {}).get(name, _NOTHING)
    return "-" if price == _NOTHING else f"${price}"
