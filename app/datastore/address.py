"""IMAGEGATE_REDIS_URL taken apart: which engine, which servers, who we are there, and what TLS trusts. Pure."""

from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

Engine = Literal["single", "sentinel", "cluster"]
Host = tuple[str, int]
"""Name (or IP address) and port of one server."""

_REDIS_PORT = 6379
_SENTINEL_PORT = 26379

_SCHEMES: dict[str, tuple[Engine, bool]] = {
    "redis": ("single", False),
    "rediss": ("single", True),
    "unix": ("single", False),
    "redis+sentinel": ("sentinel", False),
    "rediss+sentinel": ("sentinel", True),
    "redis+cluster": ("cluster", False),
    "rediss+cluster": ("cluster", True),
}

_TLS_OPTIONS = ("ssl_certfile", "ssl_keyfile", "ssl_ca_certs", "ssl_check_hostname")
_SENTINEL_OPTIONS = ("sentinel_username", "sentinel_password")


class AddressError(ValueError):
    """The address of Redis cannot be used; the message says what is wanted and repeats no secret."""


@dataclass(frozen=True, slots=True)
class Login:
    """Who we are to a server: an ACL user, or a password alone; nothing where the server asks for nothing."""

    username: str | None = None
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Trust:
    """What TLS connections go by: files in PEM, and whether the certificate must name the host."""

    authorities: str | None = None
    certificate: str | None = None
    key: str | None = None
    check_hostname: bool = True


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """Where Redis is. ``hosts`` are the server, the sentinels, or the first nodes of a cluster to ask."""

    engine: Engine
    hosts: tuple[Host, ...] = ()
    socket: str | None = None
    service: str = ""
    """The name by which sentinels know the master."""
    database: int = 0
    login: Login = Login()
    sentinel_login: Login = Login()
    trust: Trust | None = None
    """None: no TLS."""


def parse_address(url: str) -> RedisAddress:
    """Read a URL of one of the forms in ``docs/operations/redis.md``.

    Raises:
        AddressError: it is none of them.

    """
    try:
        parts = urlsplit(url)
    except ValueError:
        raise AddressError("an address is wanted, and this one has brackets that do not match") from None
    if parts.scheme not in _SCHEMES:
        raise AddressError(f"an address that begins with {', '.join(f'{name}://' for name in _SCHEMES)} is wanted")
    engine, tls = _SCHEMES[parts.scheme]
    options = "" if "sentinel_password=" in parts.query else parts.query  # there one may stand as it is
    if "@" in parts.path + options + parts.fragment and (parts.scheme != "unix" or parts.netloc):
        # Half of the password would be taken for a host, a database or an option, and told as a wrong one.
        raise AddressError("/ ? # and @ in a password are written as %2F %3F %23 and %40")
    given = _options(parts, engine, tls=tls)
    login, places = _userinfo(parts.netloc)
    socket = unquote(parts.path) if parts.scheme == "unix" else None
    if socket is not None and not socket.startswith("/"):
        raise AddressError("unix:// wants the path of a socket, such as unix:///run/redis/redis.sock")
    service, database = _path(parts.path, engine) if socket is None else ("", "")
    return RedisAddress(
        engine,
        hosts=() if socket else _hosts(places, _SENTINEL_PORT if engine == "sentinel" else _REDIS_PORT, engine),
        socket=socket,
        service=service,
        database=_number(given.get("db") or database or "0"),
        login=login,
        sentinel_login=Login(given.get("sentinel_username"), given.get("sentinel_password")),
        trust=_trust(given) if tls else None,
    )


def _options(parts: SplitResult, engine: Engine, *, tls: bool) -> dict[str, str]:
    allowed = (*(_TLS_OPTIONS if tls else ()), *(_SENTINEL_OPTIONS if engine == "sentinel" else ()))
    if engine != "cluster":
        allowed += ("db",)
    given = dict(parse_qsl(parts.query))
    if unknown := sorted(set(given) - set(allowed)):
        raise AddressError(f"{parts.scheme}:// takes no {', '.join(unknown)}; it takes {', '.join(allowed) or 'none'}")
    return given


def _userinfo(netloc: str) -> tuple[Login, str]:
    userinfo, _, places = netloc.rpartition("@")
    username, _, password = userinfo.partition(":")
    return Login(unquote(username) or None, unquote(password) or None), places


def _hosts(places: str, port: int, engine: Engine) -> tuple[Host, ...]:
    names = [place for place in places.split(",") if place]
    if engine == "single" and len(names) > 1:
        raise AddressError("one server is wanted; several are redis+sentinel:// or redis+cluster://")
    if engine != "single" and not names:
        raise AddressError(f"{engine} wants its servers: host:port, with commas between them")
    return tuple(_host(name, port) for name in names) or (("localhost", port),)


def _host(place: str, port: int) -> Host:
    try:
        parts = urlsplit(f"//{place}")
        found = parts.hostname or "localhost", parts.port or port
    except ValueError:
        raise AddressError(f"host:port is wanted, and {place!r} is none") from None
    return found


def _path(path: str, engine: Engine) -> tuple[str, str]:
    """The master's name and the number of the database, as the path tells them."""
    words = [unquote(word) for word in path.split("/") if word]
    if engine == "sentinel":
        if len(words) not in {1, 2}:
            raise AddressError("sentinel wants the master's name, such as redis+sentinel://host:26379/mymaster")
        return words[0], "".join(words[1:])
    if len(words) > 1 or (words and engine == "cluster" and words != ["0"]):
        raise AddressError("a number of a database is wanted after the host (a cluster has only 0)")
    return "", "".join(words)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise AddressError(f"the number of a database is wanted, and {text!r} is none")
    return int(text)


def _trust(given: dict[str, str]) -> Trust:
    return Trust(
        authorities=given.get("ssl_ca_certs"),
        certificate=given.get("ssl_certfile"),
        key=given.get("ssl_keyfile"),
        check_hostname=given.get("ssl_check_hostname", "yes").lower() not in {"0", "no", "false"},
    )
