"""``imagegate catalog``: the catalog's prices beside CometAPI's public list."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from app.catalog.catalog import load_catalog
from app.catalog.price_files import kept_prices, write_price_files
from app.catalog.price_list import Difference, ListedPrice, compare, find_price
from app.catalog.profile import Profile
from app.cli.models import list_models
from app.cli.options import json_option
from app.cli.tables import echo_json, echo_table
from app.settings.fields import Settings
from app.settings.loading import load_settings
from app.upstream.price_list import PRICE_LIST_PATH, PriceListFailed, fetch_price_list, price_list_url
from app.wiring.upstream import open_transport, open_trust
from app.wiring.version import VERSION

_TOTAL_SECONDS = 60.0


@click.group()
def catalog() -> None:
    """The catalog: what may be asked for and what it costs."""


catalog.add_command(list_models)


@catalog.command()
@click.option("--write", is_flag=True, help="Write the new prices into IMAGEGATE_CATALOG_DIR.")
@click.option("--url", help="Another place of the list. [default: /api/models at the host of COMETAPI_BASE_URL]")
@json_option
def sync(write: bool, url: str | None, as_json: bool) -> None:
    """Compare the prices with CometAPI's public list.

    --write takes them over. The list needs no key and is sent none. CometAPI does not call it a bill: compare it with
    one now and then.
    """
    settings = load_settings()
    folder = settings.catalog_dir
    if write and folder is None:
        raise click.ClickException("--write needs a folder to write into: IMAGEGATE_CATALOG_DIR.")
    ours = load_catalog(folder if folder and (folder.exists() or not write) else None)
    profiles = ours.all()
    listed = _listed(settings, url)
    today = datetime.now(UTC).date()
    differences = compare(profiles, load_catalog().by_name, listed, today)
    if as_json:
        told = _written(folder, differences) if write and folder is not None else {}
        echo_json(_described(profiles, listed, differences) | {"written": told})
        return
    _echo(profiles, listed, differences)
    if write and folder is not None:
        _write(folder, differences)
    else:
        _echo_what_writing_would_do(folder, differences)


def _listed(settings: Settings, place: str | None) -> Mapping[str, ListedPrice]:
    async def read(url: str) -> Mapping[str, ListedPrice]:
        transport = open_transport(settings, url, open_trust(settings))
        try:
            return await fetch_price_list(
                transport, url, total_seconds=_TOTAL_SECONDS, user_agent=f"imagegate/{VERSION}"
            )
        finally:
            await transport.aclose()

    url = place or settings.cometapi_base_url
    try:
        url = price_list_url(settings.cometapi_base_url, place)
        if urlsplit(url).path in ("", "/"):
            raise click.ClickException(f"--url wants the whole address of the list: {url.rstrip('/')}{PRICE_LIST_PATH}")
        return asyncio.run(read(url))
    except PriceListFailed as error:
        raise click.ClickException(f"No price list from {url}: {error}.") from None


def _echo(profiles: Sequence[Profile], listed: Mapping[str, ListedPrice], differences: Sequence[Difference]) -> None:
    rows = [
        (difference.model, change.what, change.ours, change.theirs, change.percent)
        for difference in differences
        for change in difference.changes()
    ]
    if rows:
        echo_table(("MODEL", "PRICE", "OURS", "COMETAPI", "CHANGE"), rows, numbers=(2, 3, 4))
        click.echo("\nUS dollars, per million tokens (text_…, image_…) or per picture (per_image).")
    for difference in differences:
        if difference.obstacle:
            click.echo(f"{difference.model}: {difference.obstacle}.")
    missing = _missing(profiles, listed)
    known = len(profiles) - len(missing)
    click.echo(f"{known} of the catalog's {len(profiles)} models are in the list, {len(differences)} differ.")
    if missing:
        click.echo(f"Not in the list: {', '.join(missing)}.")


def _missing(profiles: Sequence[Profile], listed: Mapping[str, ListedPrice]) -> list[str]:
    return [profile.name for profile in profiles if find_price(profile, listed) is None]


def _described(
    profiles: Sequence[Profile], listed: Mapping[str, ListedPrice], differences: Sequence[Difference]
) -> dict[str, Any]:
    """The comparison for a program."""
    told = [
        {
            "model": difference.model,
            "obstacle": difference.obstacle or None,
            "changes": [
                {"price": change.what, "ours": change.ours, "cometapi": change.theirs, "percent": change.percent}
                for change in difference.changes()
            ],
        }
        for difference in differences
    ]
    return {"differences": told, "not_listed": _missing(profiles, listed)}


def _echo_what_writing_would_do(folder: Path | None, differences: Sequence[Difference]) -> None:
    usable = [difference for difference in differences if not difference.obstacle]
    kept = kept_prices(folder, usable) if folder else {}
    if usable:
        click.echo()
    for model, why in kept.items():
        click.echo(f"{model}: {why}.")
    written = [difference.model for difference in usable if difference.model not in kept]
    if written:
        what = f"these are taken over: {', '.join(written)}" if kept else "they are taken over"
        click.echo(f"With --write {what}.")
    elif kept:
        click.echo("--write would change nothing.")


def _write(folder: Path, differences: Sequence[Difference]) -> None:
    told = _written(folder, differences)
    click.echo()
    for model, what in told.items():
        click.echo(f"{model}: {what}.")
    if told:
        click.echo("Gateways read the folder when they start.")


def _written(folder: Path, differences: Sequence[Difference]) -> Mapping[str, str]:
    """What became of each model's file."""
    try:
        return write_price_files(folder, differences)
    except OSError as error:
        raise click.ClickException(f"Cannot write the prices: {error}") from None
