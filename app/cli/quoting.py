"""What ``imagegate image --quote`` asks and tells: the most a picture can cost, and what stands in its way."""

from typing import Any

import click
import httpx

from app.cli.changes import changes_in_words
from app.cli.limits import echo_limits_left
from app.cli.order import PictureOrder
from app.cli.tables import counted, echo_json, readable_dollars
from app.cli.teammate import PublicDoor, document_of


async def quoted_by(door: PublicDoor, order: PictureOrder) -> Any:
    """The gateway's quotation; it buys nothing."""
    with order.content() as content:
        try:
            return document_of(await door.ask("POST", "/images/quote", **content))
        except httpx.HTTPError as error:
            raise door.unreached(error) from None


def show_quote(quotation: dict[str, Any], *, names_model: bool, as_json: bool) -> None:
    """Print it; where the order names no model, that there is one is no change."""
    if as_json:
        echo_json(quotation)
        return
    cost = quotation["cost"]
    pictures, most = counted(quotation["images"], "picture"), readable_dollars(cost["highest"])
    least = f", probably from {readable_dollars(cost['lowest_estimate'])}" if cost["lowest_estimate"] else ""
    click.echo(f"{pictures} of {quotation['model']}: at most {most}{least}.")
    changes = [change for change in quotation["normalized"] if names_model or not change.startswith("model;")]
    if changes:
        click.echo(f"Changed or left out: {changes_in_words(changes)}.")
    for refusal in quotation["would_be_refused"]:
        click.secho(f"It would be refused now: {refusal['message']}", fg="yellow")
    echo_limits_left(quotation["left"])
