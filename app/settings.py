"""Every setting, read once from the environment; a wrong one is named, with what was found and what is wanted."""

import os
import ssl
from difflib import get_close_matches
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import SplitResult, urlsplit

from pydantic import AliasChoices, BeforeValidator, Field, SecretStr, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict
from typing_extensions import override

from app.money import parse_dollars

_PREFIX = "IMAGEGATE_"
_GIVEN_NAMES = {"cometapi_key": "COMETAPI_KEY", "cometapi_base_url": "COMETAPI_BASE_URL"}
"""The upstream's own names (its SDK reads them too), taken as they are."""

_SEVERAL_SERVERS = ("redis+sentinel", "rediss+sentinel", "redis+cluster", "rediss+cluster")
"""Addresses that name more than one server, which no URL parser takes apart."""


def variable_name(field: str) -> str:
    """The environment variable of a field."""
    return _GIVEN_NAMES.get(field, _PREFIX + field.upper())


def _default_data_dir() -> Path:
    home = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(home) / "imagegate"


Seconds = Annotated[float, Field(gt=0, le=86_400)]
Port = Annotated[int, Field(ge=0, le=65_535)]


def _words(value: object) -> object:
    """A list as people write it in an environment: words between commas."""
    return tuple(word.strip() for word in value.split(",") if word.strip()) if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_words)]
Networks = Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode, BeforeValidator(_words)]


class SettingsError(Exception):
    """Settings that cannot be used; the message names each, and is made to be read."""


class Settings(BaseSettings):
    """The settings. Each is the environment variable ``IMAGEGATE_<FIELD>``; a secret can be a file: ``…_FILE``."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX, env_ignore_empty=True, extra="ignore", frozen=True, populate_by_name=True
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
        description="Folder for the embedded Redis and the journal. Default: `imagegate` in the user's data folder.",
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
        1000, description="Connections to the upstream at once, and so requests under way there."
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
        1000, description="Image requests at once in this process; more get a 503."
    )
    max_body_bytes: Annotated[int, Field(ge=1024)] = Field(
        1_048_576, description="Largest JSON body. A prompt has at most 32,000 characters, which is 128 KiB."
    )
    max_upload_bytes: Annotated[int, Field(ge=1024)] = Field(
        134_217_728, description="Largest form of an edit, its pictures included."
    )
    head_seconds: Seconds = Field(30, description="How long the head of a request may take to arrive.")
    body_seconds: Seconds = Field(30, description="How long a request's body may take to arrive.")
    upload_seconds: Seconds = Field(300, description="How long the form of an edit may take to arrive.")
    send_seconds: Seconds = Field(
        60, description="How long a client may take none of its answer before it counts as gone."
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

    @field_validator("cometapi_base_url")
    @classmethod
    def _base_url(cls, url: str) -> str:
        parts = _parts(url, ("http", "https"))
        if not parts.hostname or parts.query or parts.fragment:
            raise ValueError("an address with a host and a path is wanted, such as https://api.cometapi.com/v1")
        return url.rstrip("/")

    @field_validator("public_url", "balance_url")
    @classmethod
    def _plain_url(cls, url: str | None) -> str | None:
        if url is not None and (
            not (parts := _parts(url, ("http", "https"))).hostname or parts.query or parts.fragment
        ):
            raise ValueError("an address with a host is wanted, such as https://images.example.com")
        return url.rstrip("/") if url else None

    @field_validator("image_store", "result_store")
    @classmethod
    def _store(cls, address: str | None) -> str | None:
        if address and "://" in address and not _parts(address, ("s3", "gs", "az")).netloc:
            raise ValueError("a bucket is wanted, such as s3://pictures/imagegate")
        return address

    @field_validator("unknown_model_price", "total_budget")
    @classmethod
    def _price(cls, price: str | None) -> str | None:
        if price is not None and parse_dollars(price) <= 0:
            raise ValueError("an amount above zero is wanted")
        return price

    @field_validator("redis_url")
    @classmethod
    def _redis_url(cls, url: SecretStr | None) -> SecretStr | None:
        scheme = url.get_secret_value().partition("://")[0] if url is not None else ""
        if url is None or scheme in _SEVERAL_SERVERS:
            return url  # the datastore reads it
        if scheme not in {"redis", "rediss", "unix"}:
            raise ValueError(
                "an address that begins with redis:// or rediss:// or unix:// is wanted; "
                f"of several servers one with {' or '.join(f'{name}://' for name in _SEVERAL_SERVERS)}"
            )
        _parts(url.get_secret_value(), (scheme,))
        return url

    @field_validator("cometapi_key", "admin_token", "metrics_token", "signing_key", "balance_key")
    @classmethod
    def _token(cls, token: SecretStr | None) -> SecretStr | None:
        text = token.get_secret_value().strip() if token else ""
        if text and not (text.isascii() and text.isprintable() and " " not in text):
            raise ValueError("a token of printable ASCII without blanks is wanted (and without `Bearer`)")
        return SecretStr(text) if text else None

    @field_validator("ca_bundle")
    @classmethod
    def _ca_bundle(cls, path: Path | None) -> Path | None:
        try:
            ssl.create_default_context(cafile=path)
        except (OSError, ssl.SSLError) as error:
            raise ValueError(f"a readable PEM file of certificates is wanted ({error})") from None
        return path

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
        return (init_settings, _SecretFiles(settings_cls), env_settings)


def _parts(url: str, schemes: tuple[str, ...]) -> SplitResult:
    """Take an address apart; pydantic tells its ValueError with the setting's name."""
    wanted = " or ".join(f"{scheme}://" for scheme in schemes)
    parts = urlsplit(url)
    if parts.scheme not in schemes:
        raise ValueError(f"an address that begins with {wanted} is wanted")
    _ = parts.port  # raises where it is no number, or too large a one
    return parts


class _SecretFiles(PydanticBaseSettingsSource):
    """Secrets kept in files: ``<NAME>_FILE`` holds the path (Docker and Kubernetes secrets, systemd credentials)."""

    @override
    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        return None, field_name, False

    @override
    def __call__(self) -> dict[str, Any]:
        found = {}
        for name in self.settings_cls.model_fields:
            path = os.environ.get(variable_name(name) + "_FILE")
            if path and _is_secret(name):
                try:
                    found[_GIVEN_NAMES.get(name, name)] = Path(path).read_text(encoding="utf-8").strip()
                except (OSError, UnicodeDecodeError) as error:
                    raise SettingsError(f"{variable_name(name)}_FILE: cannot read {path}: {error}") from None
        return found


def load_settings(**given: Any) -> Settings:
    """Read the settings; ``given`` wins over the environment.

    Raises:
        SettingsError: one line per wrong setting: its name, what was found, what is wanted.

    """
    try:
        settings = Settings(**given)
    except ValidationError as error:
        raise SettingsError("\n".join(_line(dict(part)) for part in error.errors())) from None
    unknown = sorted(set(_set_variables()) - _known_variables())
    if unknown:
        raise SettingsError("\n".join(f"{name}: there is no such setting{_meant(name)}" for name in unknown))
    return settings


def _meant(name: str) -> str:
    """The setting that was probably meant."""
    known = {known.removeprefix(_PREFIX): known for known in _known_variables()}
    near = get_close_matches(name.removeprefix(_PREFIX), known, 1, cutoff=0.7)
    return f"; is {known[near[0]]} meant?" if near else "; see docs/configuration.md"


def _line(part: dict[str, Any]) -> str:
    """One wrong setting: its name, what was found (unless it is a secret), what is wanted."""
    place = str(part["loc"][0]) if part["loc"] else ""
    field = next((field for field, given in _GIVEN_NAMES.items() if given == place), place)
    found = "a secret of the wrong form" if _is_secret(field) else repr(part.get("input"))
    wanted = part["msg"].removeprefix("Value error, ")
    if part["type"] == "too_short":  # of a secret's length pydantic speaks as of a list's
        wanted = f"at least {part['ctx']['min_length']} characters, not {part['ctx']['actual_length']}"
    return f"{variable_name(field)}: found {found}; {wanted}"


def _is_secret(field: str) -> bool:
    return "SecretStr" in str(Settings.model_fields[field].annotation)


def _set_variables() -> list[str]:
    return [name for name in os.environ if name.startswith(_PREFIX)]


def _known_variables() -> set[str]:
    names = {variable_name(field) for field in Settings.model_fields}
    return names | {f"{name}_FILE" for name in names} | {"IMAGEGATE_URL", "IMAGEGATE_TOKEN", "IMAGEGATE_KEY"}
