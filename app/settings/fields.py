"""Every setting: its field, its default, what it means. Read once from the environment (`app.settings.loading`)."""

import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AliasChoices, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from typing_extensions import override

from app.settings.checks import (
    Names,
    Networks,
    Port,
    Seconds,
    authorities,
    base_url,
    plain_url,
    price,
    redis_address,
    retention,
    store_address,
    token,
)
from app.settings.names import PREFIX
from app.settings.sources import SecretFiles


def _default_data_dir() -> Path:
    home = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(home) / "imagegate"


class Settings(BaseSettings):
    """The settings. Each is the environment variable ``IMAGEGATE_<FIELD>``; a secret can be a file: ``…_FILE``."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, extra="ignore", frozen=True, populate_by_name=True
    )

    # Where it listens
    host: str = Field("127.0.0.1", description="Address to listen on. Loopback unless told otherwise.")
    port: Port = Field(8080, description="Port to listen on; 0 takes a free one.")
    admin_token: SecretStr | None = Field(
        None,
        min_length=16,
        description="The operator's token for /admin/v1, at least 16 characters. Unset: that door is closed.",
    )
    admin_port: Port | None = Field(
        None,
        description="A port of its own for the operator's door, which is then closed at IMAGEGATE_PORT; 0 takes a free "
        "one. Unset: both doors are at IMAGEGATE_PORT.",
    )
    admin_host: str | None = Field(
        None, description="Address to listen on for the operator's door. Unset: IMAGEGATE_HOST."
    )
    trusted_proxies: Networks = Field(
        (),
        description="Networks of proxies whose `X-Forwarded-For` is believed, such as `10.8.0.0/16`. "
        "Unset: the socket alone says who is calling.",
    )
    metrics_token: SecretStr | None = Field(
        None,
        min_length=16,
        description="Bearer token that opens /metrics to others than loopback, at least 16 characters.",
    )

    # Where it keeps things
    data_dir: Path = Field(
        default_factory=_default_data_dir,
        description="Folder for the journal, the embedded Redis, and what is given no other place. "
        "Default: `imagegate` in the user's data folder.",
    )
    redis_url: SecretStr | None = Field(
        None,
        description="Your own Redis or Valkey: `redis://`, `rediss://`, `unix://`, `redis+sentinel://…` or "
        "`redis+cluster://…` (see operations/redis.md). Unset: a private one starts.",
    )
    redis_timeout_seconds: Seconds = Field(0.8, description="How long one round trip to Redis may take.")
    catalog_dir: Path | None = Field(
        None, description="Folder of model profiles (TOML) that add to or override the shipped ones."
    )

    # Pictures it hosts
    public_url: str | None = Field(
        None,
        description="Address under which clients reach this gateway; links to pictures begin with it. "
        "Default: the address it listens on.",
    )
    signing_key: SecretStr | None = Field(
        None,
        min_length=32,
        description="Signs links to pictures, at least 32 characters; the same on every replica. "
        "Unset: one is made and kept in the data folder.",
    )
    image_store: str | None = Field(
        None,
        description="Where hosted pictures are kept: a folder, or `s3://bucket/prefix`, `gs://…`, `az://…`. "
        "Default: `images` in the data folder.",
    )
    image_seconds: Seconds = Field(3600, description="How long a hosted picture is kept and its link opens it.")
    image_bytes: Annotated[int, Field(ge=1024)] = Field(
        2_147_483_648, description="How much hosted pictures may take up together; the oldest go first."
    )

    # Answers it keeps
    result_seconds: Annotated[float, Field(ge=0, le=86_400)] = Field(
        900,
        description="How long an answer is kept for whoever hung up, tries again or comes for it later; 0: not at all.",
    )
    result_bytes: Annotated[int, Field(ge=1024)] = Field(
        2_147_483_648, description="How much kept answers may take up together; the oldest go first."
    )
    result_store: str | None = Field(
        None,
        description="Where answers are kept, as IMAGEGATE_IMAGE_STORE; several replicas need one they share. "
        "Default: `results` in the data folder.",
    )
    replicas: Annotated[int, Field(ge=1)] | None = Field(
        None,
        description="How many replicas share the Redis; `imagegate check` then knows what else they have to share.",
    )
    join_retries: bool = Field(
        True,
        description="Give an OpenAI SDK that tries again the answer of its earlier try, instead of a second picture.",
    )

    # The ledger
    ledger_days: Annotated[int, Field(ge=0, le=36_500)] = Field(
        90,
        description="How many days ledger entries stay in Redis before they are archived; at least 8, or 0: for ever.",
    )
    archive_store: str | None = Field(
        None,
        description="Where older entries are archived, as IMAGEGATE_IMAGE_STORE; nothing is ever deleted there. "
        "Replicas need one they share. Default: `archive` in the data folder; with a Redis of your own only where "
        "IMAGEGATE_REPLICAS is 1, and else nothing is archived.",
    )

    # The upstream
    cometapi_key: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices("COMETAPI_KEY", "cometapi_key"),
        description="The CometAPI key. Needed by `imagegate serve`. Several, between commas, are used in that order.",
    )
    cometapi_base_url: str = Field(
        "https://api.cometapi.com/v1",
        validation_alias=AliasChoices("COMETAPI_BASE_URL", "cometapi_base_url"),
        description="The upstream's base URL, with its `/v1`.",
    )
    balance_key: SecretStr | None = Field(
        None,
        description="Key with which `imagegate reconcile` asks what the account used; one without quota is enough. "
        "Set: the running gateway asks once a minute what is left of the account, too. Unset: COMETAPI_KEY.",
    )
    balance_url: str = Field(
        "https://query.cometapi.com/user/quota", description="Where the running gateway asks what is left."
    )
    upstream_connect_seconds: Seconds = Field(
        10, description="How long connecting to the upstream may take, TLS and proxy included."
    )
    upstream_read_seconds: Seconds = Field(
        600,
        description="How long the upstream may stay silent. A slow picture takes two minutes.",
    )
    upstream_total_seconds: Seconds = Field(
        900, description="How long one exchange with the upstream may take altogether."
    )
    upstream_retries: Annotated[int, Field(ge=0, le=10)] = Field(
        2, description="How often a request of which nothing can have been made is sent again."
    )
    upstream_connections: Annotated[int, Field(ge=1, le=100_000)] = Field(
        1200, description="Connections to the upstream at once, and so requests under way there."
    )
    upstream_transport: Literal["own", "httpx"] = Field(
        "own",
        description="What speaks HTTP with the upstream: our own transport, or httpx's, which costs several times the "
        "CPU, and a connection for each request, and takes more for HTTP than we do.",
    )
    ca_bundle: Path | None = Field(
        None, description="PEM file of certificate authorities to trust instead of the system's."
    )

    # Pictures it fetches
    max_image_bytes: Annotated[int, Field(ge=1024)] = Field(
        67_108_864, description="Largest picture fetched from a link."
    )
    fetch_seconds: Seconds = Field(60, description="How long fetching one picture may take.")
    fetch_networks: Networks = Field(
        (), description="Networks that are not public and may be fetched from all the same, such as `10.8.0.0/16`."
    )
    image_url_hosts: Names = Field(
        (),
        description="Hosts from which the pictures of an edit may be fetched, `*.example.com` and `*` included. "
        "Unset: none, and an edit brings its pictures along.",
    )

    # What it lets in
    default_model: str = Field("gpt-image-2", description="The model of a request that names none.")
    strict: bool = Field(
        False, description="Refuse a parameter that the model does not take, instead of leaving it out and saying so."
    )
    unknown_fields: Literal["refuse", "pass"] = Field(
        "refuse", description="`pass` sends fields that nobody knows upstream as they are."
    )
    unknown_models: Literal["refuse", "pass"] = Field(
        "refuse",
        description="`pass` sends on requests for models the catalog does not have, quoted at the price below.",
    )
    unknown_model_price: str = Field(
        "1.00", description="US dollars that one picture of such a model is quoted and charged at."
    )
    total_budget: str | None = Field(
        None,
        description="US dollars that the budgets of all teams together may not exceed; a team then needs a budget.",
    )
    queue_seconds: Annotated[float, Field(ge=0, le=600)] = Field(
        0,
        description="How long a request may wait for its turn where too many pictures are made at once; 0: not at all.",
    )
    max_in_flight: Annotated[int, Field(ge=1)] = Field(
        1200,
        description="Image requests at once in this process, nine tenths of them of one key at most; who finds no "
        "place within two seconds gets a 503.",
    )
    max_body_bytes: Annotated[int, Field(ge=1024)] = Field(
        524_288,
        description="Largest JSON body. A prompt has at most 32,000 characters: 128 KiB, or 384 KiB all escaped.",
    )
    max_upload_bytes: Annotated[int, Field(ge=1024)] = Field(
        134_217_728, description="Largest form of an edit, its pictures included."
    )
    head_seconds: Seconds = Field(30, description="How long the head of a request may take to arrive.")
    body_seconds: Seconds = Field(30, description="How long a request's body may take to arrive.")
    upload_seconds: Seconds = Field(300, description="How long the form of an edit may take to arrive.")
    send_seconds: Seconds = Field(
        60,
        description="How long a client may take none of its answer, or less than 8 KB a second in the long run, before "
        "it counts as gone.",
    )
    keepalive_seconds: Seconds = Field(
        15, description="How long a stream may be silent before a comment is sent to keep proxies from cutting it."
    )
    drain_seconds: Seconds = Field(660, description="How long a stopping process waits for requests in flight.")

    # What it says
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="The least severe level logged."
    )
    log_format: Literal["auto", "json", "text"] = Field(
        "auto", description="`auto`: text on a terminal, JSON lines elsewhere."
    )
    log_prompts: bool = Field(
        False, description="Put prompts into the log lines of requests and into traces. They are what teammates wrote."
    )
    metrics_by_key: bool = Field(
        False, description="Count tokens, pictures and money by virtual key, too: a series for each key and model."
    )
    traces: bool = Field(
        False,
        description="Send a trace of each image request by OpenTelemetry; needs `imagegate[traces]` and the standard "
        "`OTEL_EXPORTER_OTLP_ENDPOINT`.",
    )

    _check_base_url = field_validator("cometapi_base_url")(base_url)
    _check_urls = field_validator("public_url", "balance_url")(plain_url)
    _check_stores = field_validator("image_store", "result_store", "archive_store")(store_address)
    _check_prices = field_validator("unknown_model_price", "total_budget")(price)
    _check_redis_url = field_validator("redis_url")(redis_address)
    _check_tokens = field_validator("cometapi_key", "admin_token", "metrics_token", "signing_key", "balance_key")(token)
    _check_ca_bundle = field_validator("ca_bundle")(authorities)
    _check_retention = field_validator("ledger_days")(retention)

    @classmethod
    @override
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings, SecretFiles(settings_cls), env_settings)
