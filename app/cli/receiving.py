"""Receives what a purchase brings: waits with the seconds shown, writes the files, and tells what it was."""

from typing import Any

import click

from app.cli.buying import Purchase
from app.cli.order import PictureOrder
from app.cli.pictures import Answer, Destination
from app.cli.progress import seconds_shown
from app.cli.remote import Unanswered
from app.cli.saving import bytes_of, echo_files, save_pictures
from app.cli.tables import echo_json, readable_dollars
from app.cli.teammate import PublicDoor, call_public


def receive(
    url: str | None,
    key: str | None,
    purchase: Purchase,
    order: PictureOrder | None,
    destination: Destination,
    as_json: bool,
) -> None:
    """Buy, or without an order fetch; write and tell."""
    destination.check(order.number if order else 1)

    async def work(door: PublicDoor) -> tuple[Answer, list[bytes], dict[str, Any]]:
        async with seconds_shown("Making it" if order else "Fetching it"):
            answer = Answer.of(await (purchase.buy(door, order) if order else purchase.fetch(door)))
            return answer, await bytes_of(answer), await purchase.state(door)

    try:
        answer, pictures, state = call_public(url, key, work)
    except KeyboardInterrupt:
        click.echo(err=True)
        told = "You stopped waiting; the picture may be made all the same."
        raise Unanswered(told, purchase.how_to_go_on()) from None
    again = f"imagegate image --fetch {purchase.request_id} -o FILE"
    cure = f"It is paid for, and the gateway keeps it for a while: `{again}` gets it."
    outcome = {
        "request": purchase.request_id,
        "model": state.get("model"),
        "files": save_pictures(pictures, destination, cure),
        "usage": answer.usage or None,
        "cost": state.get("cost"),
    }
    if as_json:
        echo_json(outcome)
    else:
        _echo(outcome, answer)
    if order and len(pictures) < order.number:
        click.echo(f"{len(pictures)} of {order.number} pictures were made.", err=True)


def _echo(outcome: dict[str, Any], answer: Answer) -> None:
    echo_files(outcome["files"], answer.size)
    tokens = f"{answer.usage['total_tokens']:,} tokens, " if answer.usage.get("total_tokens") else ""
    cost = readable_dollars(outcome["cost"], 9) if outcome["cost"] is not None else "cost not known yet"
    model = f"{outcome['model']}, " if outcome["model"] else ""
    click.echo(f"{model}{tokens}{cost}, request {outcome['request']}")
