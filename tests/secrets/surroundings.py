"""What surrounds the gateways of a run: settings with every secret there is, a Redis with users, a bucket."""

import re
from collections.abc import Mapping
from pathlib import Path

import httpx

from app.simulator.server import Simulator
from tests.secrets.markers import Markers
from tests.support.ports import free_port
from tests.support.process import clean_environment
from tests.support.redis_server import RedisServer
from tests.support.s3_server import BUCKET


def environment(
    markers: Markers, simulator: Simulator, redis_url: str, folder: Path, collector: str, store: Mapping[str, str]
) -> dict[str, str]:
    """Every feature on, and every secret set that there is; the collector's token as it should be, and misspelt."""
    collector_token = markers.collector_token
    store = {**store, "AWS_SECRET_ACCESS_KEY": markers.store_key}
    catalog = folder / "catalog"
    catalog.mkdir()
    (catalog / "dall-e-3.toml").write_text('extends = "dall-e-3"\n[price]\nper_image = "0.04"\nsource = "the tests"\n')
    return clean_environment("AWS_", "OTEL_", "ALL_", "HTTP", "all_", "http") | {
        "COMETAPI_KEY": ",".join(markers.upstream_keys),
        "COMETAPI_BASE_URL": simulator.url,
        "IMAGEGATE_ADMIN_TOKEN": markers.admin_token,
        "IMAGEGATE_BALANCE_KEY": markers.balance_key,
        "IMAGEGATE_BALANCE_URL": f"{simulator.origin}/user/quota",
        "IMAGEGATE_CATALOG_DIR": str(catalog),
        "IMAGEGATE_FETCH_NETWORKS": "203.0.113.0/24",
        "IMAGEGATE_IMAGE_STORE": f"s3://{BUCKET}/images",
        "IMAGEGATE_IMAGE_URL_HOSTS": "*",
        "IMAGEGATE_METRICS_BY_KEY": "true",
        "IMAGEGATE_METRICS_TOKEN": markers.metrics_token,
        "IMAGEGATE_PORT": str(free_port()),
        "IMAGEGATE_QUEUE_SECONDS": "2",
        "IMAGEGATE_REDIS_URL": redis_url,
        "IMAGEGATE_RESULT_STORE": str(folder / "results"),
        "IMAGEGATE_SIGNING_KEY": markers.signing_key,
        "IMAGEGATE_TRACES": "true",
        "IMAGEGATE_UNKNOWN_FIELDS": "pass",
        "IMAGEGATE_UPSTREAM_READ_SECONDS": "3",
        "HTTPS_PROXY": f"http://operator:{markers.proxy_password}@127.0.0.1:{free_port()}",
        "OTEL_BSP_SCHEDULE_DELAY": "100",
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector,
        "OTEL_EXPORTER_OTLP_HEADERS": f"authorization=Bearer%20{collector_token},x-team:{collector_token}",
        **store,
    }


def user_of(redis: RedisServer, password: str) -> str:
    """The address of this Redis for a user with a password, which only its memory has."""
    redis.ask("ACL", "SETUSER", "imagegate", "on", f">{password}", "~*", "&*", "+@all")
    return f"unix://imagegate:{password}@{redis.socket}"


async def stored(store_url: str) -> dict[str, bytes]:
    """Every object of the bucket."""
    async with httpx.AsyncClient(base_url=f"{store_url}/{BUCKET}/") as store:
        listing = await store.get("?list-type=2")
        names = re.findall("<Key>(.*?)</Key>", listing.text)
        found = {f"s3 {name}": (await store.get(name)).content for name in names}
    return found | {"s3 listing": listing.content}
