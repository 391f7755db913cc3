"""``imagegate image``: makes pictures through a gateway, as a teammate's program would."""

import re
import secrets
from pathlib import Path
from typing import Any

import click

from app.cli.buying import Purchase
from app.cli.options import json_option, key_options
from app.cli.order import picture_order
from app.cli.pictures import Destination
from app.cli.quoting import quoted_by, show_quote
from app.cli.receiving import receive
from app.cli.teammate import call_public

_NAME = re.compile(r"[\x21-\x7e]([\x20-\x7e]{0,253}[\x21-\x7e])?")
"""What the gateway takes as an Idempotency-Key, less what a header loses at its ends."""
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("prompt", required=False)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="[default: called after the prompt]")
@click.option("--model", help="[default: the gateway's]")
@click.option("--size", help="Such as 1024x1024.")
@click.option("--quality", help="Such as low.")
@click.option("-n", "--n", type=click.IntRange(min=1), help="How many pictures: boat-1.png, boat-2.png …")
@click.option("--background", help="Such as transparent.")
@click.option("--output-format", help="Such as webp. [default: as -o ends, else the model's]")
@click.option("--param", "params", multiple=True, metavar="NAME=VALUE", help="Any other parameter, JSON or text.")
@click.option("-i", "--image", "images", type=_FILE, multiple=True, help="A picture to start from; repeat for more.")
@click.option("--mask", type=_FILE, help="Where that picture may change.")
@click.option("--quote", is_flag=True, help="Only ask what it would cost.")
@click.option("--fetch", "fetched", metavar="REQUEST", help="Buy nothing: get the pictures of a request once more.")
@click.option("--force", is_flag=True, help="Overwrite the file.")
@click.option("--idempotency-key", help="A name of this purchase: given again, it is not bought again.")
@click.option(
    "--patience",
    type=click.FloatRange(min=0),
    default=60,
    show_default=True,
    help="Seconds for which the gateway may be out of reach while this waits.",
)
@key_options
@json_option
def image(
    url: str | None,
    key: str | None,
    *,
    prompt: str | None,
    output: Path | None,
    params: tuple[str, ...],
    images: tuple[Path, ...],
    mask: Path | None,
    quote: bool,
    fetched: str | None,
    force: bool,
    idempotency_key: str | None,
    patience: float,
    as_json: bool,
    **given: Any,
) -> None:
    """Make a picture of a PROMPT, and write it into a file.

    With --image it is made of pictures and a PROMPT. What is there already is not overwritten, and a picture that was
    paid for is not bought again: a cut connection is taken up, and --fetch gets what could not be written.
    """
    if fetched is not None:
        if prompt or quote or images:
            raise click.UsageError("--fetch gets what was bought; it takes no prompt, no picture and no --quote.")
        purchase, destination = Purchase("", patience, fetched), Destination.of(output, fetched, overwrites=force)
        receive(url, key, purchase, None, destination, as_json)
        return
    if not prompt:
        raise click.UsageError('Say what the picture is to show: imagegate image "a paper boat"')
    destination = Destination.of(output, prompt, overwrites=force)
    order = picture_order({"prompt": prompt} | given, params, images, mask, destination.suffix)
    if quote:
        quotation = call_public(url, key, lambda door: quoted_by(door, order))
        show_quote(quotation, names_model="model" in order.fields, as_json=as_json)
        return
    if idempotency_key is not None and not _NAME.fullmatch(idempotency_key):
        raise click.UsageError("--idempotency-key is 1 to 255 printable ASCII characters.")
    purchase = Purchase(idempotency_key or f"cli-{secrets.token_hex(12)}", patience)
    receive(url, key, purchase, order, destination, as_json)
