"""What a setting may look like: types and rules of fields. Pydantic tells a ValueError with the setting's name."""

import ssl
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

from pydantic import BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode

from app.money import parse_dollars

_SEVERAL_SERVERS = ("redis+sentinel", "rediss+sentinel", "redis+cluster", "rediss+cluster")
"""Addresses that name more than one server, which no URL parser takes apart."""


def _words(value: object) -> object:
    """A list as people write it in an environment: words between commas."""
    return tuple(word.strip() for word in value.split(",") if word.strip()) if isinstance(value, str) else value


Seconds = Annotated[float, Field(gt=0, le=86_400)]
Port = Annotated[int, Field(ge=0, le=65_535)]
Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_words)]
Networks = Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode, BeforeValidator(_words)]


def _parts(url: str, schemes: tuple[str, ...]) -> SplitResult:
    """Take an address apart; what is wrong with it is told without a word of it, for there may be a password in it."""
    wanted = " or ".join(f"{scheme}://" for scheme in schemes)
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises where it is no number, or too large a one
    except ValueError:
        raise ValueError(
            f"an address such as {schemes[0]}://host:1234 is wanted; / ? # and @ in a password are %2F %3F %23 and %40"
        ) from None
    if parts.scheme not in schemes:
        raise ValueError(f"an address that begins with {wanted} is wanted")
    return parts


def _parts_without_login(url: str, schemes: tuple[str, ...]) -> SplitResult:
    """The same of an address that everybody may see."""
    parts = _parts(url, schemes)
    if parts.username is not None:
        raise ValueError("an address without a user and a password is wanted")
    return parts


def base_url(url: str) -> str:
    """An address with a host and a path."""
    parts = _parts_without_login(url, ("http", "https"))
    if not parts.hostname or parts.query or parts.fragment:
        raise ValueError("an address with a host and a path is wanted, such as https://api.cometapi.com/v1")
    return url.rstrip("/")


def plain_url(url: str | None) -> str | None:
    """An address with a host."""
    if url is None:
        return None
    parts = _parts_without_login(url, ("http", "https"))
    if not parts.hostname or parts.query or parts.fragment:
        raise ValueError("an address with a host is wanted, such as https://images.example.com")
    return url.rstrip("/")


def store_address(address: str | None) -> str | None:
    """A folder, or a bucket with its scheme."""
    if address and "://" in address and not _parts_without_login(address, ("s3", "gs", "az")).netloc:
        raise ValueError("a bucket is wanted, such as s3://pictures/imagegate")
    return address


def price(amount: str | None) -> str | None:
    """US dollars, above zero."""
    if amount is not None and parse_dollars(amount) <= 0:
        raise ValueError("an amount above zero is wanted")
    return amount


def redis_address(url: SecretStr | None) -> SecretStr | None:
    """One server's address; of several the datastore reads it."""
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


def token(secret: SecretStr | None) -> SecretStr | None:
    """A secret as it can stand in a header; blanks around it are a slip."""
    text = secret.get_secret_value().strip() if secret else ""
    if text and not (text.isascii() and text.isprintable() and " " not in text):
        raise ValueError("a token of printable ASCII without blanks is wanted (and without `Bearer`)")
    return SecretStr(text) if text else None


def authorities(path: Path | None) -> Path | None:
    """A file that certificates can be read from."""
    if path is None:
        return None  # the system's own are read where they are used
    try:
        ssl.create_default_context(cafile=path)
    except (OSError, ssl.SSLError) as error:
        raise ValueError(f"a readable PEM file of certificates is wanted ({error})") from None
    return path


def retention(days: int) -> int:
    """0, or at least as many days as a correction may take."""
    if 0 < days < 8:
        raise ValueError("8 days at least are wanted, or 0 for ever: what is younger may still be corrected")
    return days
