"""``imagegate check``: are settings and catalog in order, and what do the models cost? Starts nothing, asks nobody."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from app.catalog.catalog import Catalog, load_catalog, load_documents
from app.catalog.documents import CatalogError, profile_files, read_document
from app.catalog.price_files import pricing_files
from app.catalog.profile import Profile, UnitPrices
from app.cli.options import json_option
from app.cli.tables import echo_json, echo_table
from app.datastore.address import AddressError, parse_address
from app.money import TOKENS_PER_PRICE, dollars
from app.settings.fields import Settings
from app.settings.loading import load_settings
from app.settings.names import SettingsError, variable_name
from app.wiring.archive import CURE, is_archive_shared
from app.wiring.services import unknown_models
from app.wiring.traces import expect_traces

_BY_TOKENS = {
    "TEXT IN": "text_input",
    "IMAGE IN": "image_input",
    "TEXT OUT": "text_output",
    "IMAGE OUT": "image_output",
}

_SHARED = {
    "redis_url": "each of {count} replicas starts a Redis of its own, with other keys and budgets; set one they share.",
    "signing_key": "each of {count} replicas makes a key of its own, and a link opens on one of them; set the same.",
    "public_url": "each of {count} replicas hands out links to its own address; set what clients reach.",
    "image_store": "each of {count} replicas keeps pictures for itself; set a bucket or a folder they share.",
}
"""What several replicas need besides a store for answers, and why."""


@click.command()
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@json_option
def check(folder: Path | None, as_json: bool) -> None:
    """Check settings and catalog without starting anything.

    Prints the models and their prices. FOLDER stands in for IMAGEGATE_CATALOG_DIR. Exits with 1 when the catalog is
    wrong, the doors get in each other's way or replicas do not share what they have to, after naming every fault.
    """
    settings = load_settings(catalog_dir=folder)
    _check_redis_url(settings)
    expect_traces(settings)
    catalog = _read(settings)
    faults = [*_faults_of_doors(settings), *_faults_of_replicas(settings)]
    faults += catalog if isinstance(catalog, list) else ()
    if faults or isinstance(catalog, list):
        if as_json:
            echo_json({"faults": faults})
        for fault in [] if as_json else faults:
            click.secho(f"Error: {fault}", fg="red", err=True)
        raise SystemExit(1)
    remarks = [*_remarks_on_settings(settings), *_remarks_on_prices(settings.catalog_dir)]
    if as_json:
        models = [_described(profile) for profile in catalog.all()]
        told = {"catalog": catalog.version, "default_model": catalog.default_model, "models": models}
        echo_json({"faults": [], "remarks": remarks, **told})
        return
    _echo_models(catalog.all())
    click.echo(
        f"\nCatalog {catalog.version}, default model {catalog.default_model}. Settings and catalog are in order."
    )
    for remark in remarks:
        click.echo(remark)


def _check_redis_url(settings: Settings) -> None:
    """Settings leave it to the datastore's reader; a wrong one is told as they tell theirs."""
    try:
        if settings.redis_url is not None:
            parse_address(settings.redis_url.get_secret_value())
    except AddressError as error:
        raise SettingsError(f"{variable_name('redis_url')}: {error}") from None


def _faults_of_doors(settings: Settings) -> Iterator[str]:
    """What keeps the operator's door from being where it is said to be."""
    port, host = settings.admin_port, settings.admin_host
    if port is None and host is not None:
        yield f"{variable_name('admin_host')} does nothing without {variable_name('admin_port')}; set that, too."
    if port and port == settings.port and host in (None, settings.host, "0.0.0.0", "::"):  # noqa: S104  not bound
        yield (
            f"{variable_name('admin_port')} is {variable_name('port')}: a port of its own is wanted, or none, or one "
            f"address of its own ({variable_name('admin_host')})."
        )


def _faults_of_replicas(settings: Settings) -> Iterator[str]:
    """What several replicas have to share and do not; whoever brings a Redis and says no number may have several."""
    count = settings.replicas
    are_told = count is not None and count > 1
    if are_told or (count is None and settings.redis_url is not None):
        who = f"{count} replicas" if are_told else "several replicas on one Redis"
        if settings.result_seconds and settings.result_store is None:
            yield (
                f"{variable_name('result_store')} is not set: each of {who} keeps answers for itself, and a retry "
                "that reaches another one does not find its picture. Set it to a bucket or a folder they share, or "
                f"{variable_name('result_seconds')}=0 to keep no answers"
                + ("." if are_told else f", or {variable_name('replicas')}=1 if this is the only one.")
            )
    for name, why in _SHARED.items() if are_told else ():
        if getattr(settings, name) is None:
            yield f"{variable_name(name)} is not set: {why.format(count=count)}"
    if are_told and _stays_unarchived(settings):
        yield (
            f"{variable_name('archive_store')} is not set: {count} replicas share no archive, so all ledger entries "
            "stay in Redis; set a bucket or a folder they share."
        )


def _stays_unarchived(settings: Settings) -> bool:
    """Whether ledger entries that should be archived are not."""
    return bool(settings.ledger_days) and not is_archive_shared(settings)


def _read(settings: Settings) -> Catalog | list[str]:
    """The catalog, or everything that is wrong with it."""
    try:
        return load_catalog(settings.catalog_dir, settings.default_model, unknown_models(settings))
    except CatalogError as error:
        if settings.catalog_dir is None or not settings.catalog_dir.is_dir():
            return [str(error)]
        return sorted(_faults(settings.catalog_dir, settings))


def _faults(folder: Path, settings: Settings) -> Iterator[str]:
    """The faults of every file: loading tells those of one, which is put aside to load the others."""
    documents = {}
    for path in profile_files(folder):
        try:
            documents[path] = read_document(path)
        except CatalogError as error:
            yield str(error)
    while True:
        try:
            load_documents(documents, settings.default_model, unknown_models(settings))
        except CatalogError as error:
            yield str(error)
            if error.path is None or error.path not in documents:
                return
            del documents[error.path]
        else:
            return


def _echo_models(profiles: tuple[Profile, ...]) -> None:
    by_picture = any(profile.prices and profile.prices.per_image for profile in profiles)
    headings = ("MODEL", *_BY_TOKENS, *(("PICTURE",) if by_picture else ()), "BASIS", "")
    rows = []
    for profile in profiles:
        figures = _figures(profile.prices)
        shown = [f"${figures[what]}" if what in figures else "-" for what in (*_BY_TOKENS.values(), "per_image")]
        cells = shown if by_picture else shown[:-1]
        rows.append((profile.name, *cells, _basis(profile), _notes(profile)))
    echo_table(headings, rows, numbers=range(1, len(headings) - 2))
    click.echo(
        "\nUS dollars per million tokens, or per picture. cometapi: what CometAPI lists; operator: what a file of"
        "\nyours says; list: what the model's maker asks, where CometAPI's price is not known; unpriced: refused until"
        "\nit has one, see `imagegate catalog sync`."
    )


def _remarks_on_settings(settings: Settings) -> Iterator[str]:
    """What is no fault, and yet worth a second look."""
    if settings.cometapi_key is None:
        yield "COMETAPI_KEY is not set: `imagegate serve` will not start without it."
    if not urlsplit(settings.cometapi_base_url).path.strip("/"):
        yield "COMETAPI_BASE_URL has no path: CometAPI's ends in /v1, and so does that of nearly every other service."
    if settings.admin_port is not None and settings.admin_token is None:
        yield f"{variable_name('admin_token')} is not set: nobody is let in at {variable_name('admin_port')}."
    if settings.redis_url is not None and settings.replicas is None:
        if _stays_unarchived(settings):
            yield f"Nothing is archived, and all ledger entries stay in Redis: {CURE}."
        needed = ("signing_key", "public_url", "image_store")
        missing = [variable_name(name) for name in needed if getattr(settings, name) is None]
        if missing:
            yield f"With several replicas, set alike on each, or links to pictures open on one: {', '.join(missing)}."


def _remarks_on_prices(folder: Path | None) -> Iterator[str]:
    """Two prices of one model: the last counts, and whoever wrote the first may not know."""
    for model, paths in (pricing_files(folder) if folder else {}).items():
        if len(paths) > 1:
            yield f"{model} is priced by {' and '.join(path.name for path in paths)}; {paths[-1].name} counts."


def _notes(profile: Profile) -> str:
    """Its other names, and its end."""
    notes = [f"also {', '.join(profile.aliases)}"] if profile.aliases else []
    if profile.deprecated:
        notes.append(f"ends {profile.deprecated.ends}, use {profile.deprecated.replacement}")
    if profile.retired:
        notes.append(f"retired {profile.retired.since}, use {profile.retired.replacement}")
    return "; ".join(notes)


def _described(profile: Profile) -> dict[str, Any]:
    deprecated, retired = profile.deprecated, profile.retired
    return {
        "name": profile.name,
        "aliases": list(profile.aliases),
        "basis": _basis(profile),
        "prices": _figures(profile.prices),
        "source": profile.prices.source if profile.prices else None,
        "deprecated": deprecated
        and {"since": f"{deprecated.since}", "ends": f"{deprecated.ends}", "replacement": deprecated.replacement},
        "retired": retired and {"since": f"{retired.since}", "replacement": retired.replacement},
    }


def _basis(profile: Profile) -> str:
    return profile.prices.basis if profile.prices else "unpriced"


def _figures(prices: UnitPrices | None) -> dict[str, str]:
    """The prices there are, as a profile file has them: dollars per million tokens, or per picture."""
    if prices is None:
        return {}
    nanos = {what: getattr(prices, what) * TOKENS_PER_PRICE for what in _BY_TOKENS.values()}
    nanos["per_image"] = prices.per_image
    return {what: dollars(amount) for what, amount in nanos.items() if amount}
