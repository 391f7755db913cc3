"""Opens the places where pictures and answers are kept."""

import time
from contextlib import AsyncExitStack

from app.assets.bounded_store import BoundedStore
from app.assets.disk import read_disk
from app.assets.errors import SigningKeyError, StoreAddressError
from app.assets.hosted import HostedImages
from app.assets.links import LinkSigner, load_signing_key
from app.assets.results import Results
from app.assets.spool import Spool
from app.assets.store import open_store
from app.assets.sweeper import Sweeper
from app.metrics import Metrics
from app.settings.fields import Settings
from app.settings.names import SettingsError
from app.wiring.metrics import read_place


async def open_hosted_images(
    settings: Settings, metrics: Metrics, stack: AsyncExitStack, *, background: bool
) -> HostedImages:
    """The pictures behind links of ours, and whoever tidies them."""
    given = settings.signing_key
    try:
        key = given.get_secret_value().encode() if given else load_signing_key(settings.data_dir)
        store = open_store(settings.image_store or settings.data_dir / "images")
    except (SigningKeyError, StoreAddressError) as error:
        raise SettingsError(str(error)) from None
    sweeper = Sweeper(store, settings.image_bytes, time.time)
    read_place(metrics, "images", sweeper)
    stack.push_async_callback(sweeper.aclose)
    if background:
        sweeper.start()
    return HostedImages(store, LinkSigner(key, public_url(settings)), settings.image_seconds, time.time)


async def open_results(
    settings: Settings, metrics: Metrics, spool: Spool, stack: AsyncExitStack, *, background: bool
) -> Results:
    """The answers that are kept for a while, and whoever makes room for them."""
    if not settings.result_seconds:
        return Results(spool, None, 0, time.time, read_disk)
    place = str(settings.result_store or settings.data_dir / "results").rstrip("/")
    if place == str(settings.image_store or settings.data_dir / "images").rstrip("/"):
        place += "/results"  # each place has a limit of its own, so answers and pictures do not lie in one
    try:
        store = open_store(place, "answers")
    except StoreAddressError as error:
        raise SettingsError(str(error)) from None
    sweeper = Sweeper(store, settings.result_bytes, time.time, read_disk=read_disk)
    read_place(metrics, "results", sweeper)
    stack.push_async_callback(sweeper.aclose)
    if background:
        sweeper.start()
    return Results(
        spool, BoundedStore(store, sweeper, settings.result_bytes), settings.result_seconds, time.time, read_disk
    )


def public_url(settings: Settings) -> str:
    """Where clients reach this gateway; without the setting, the address it listens on."""
    if settings.public_url:
        return settings.public_url
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104  not bound, only read
    return f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"
