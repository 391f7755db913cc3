"""Whose addresses may be fetched from: a link taken apart and judged; pure, so that every rule is a table in the tests.

A link is foreign text, and what it names may be this machine, its network or a cloud's metadata service. So nothing is
guessed: a host is a DNS name or a canonical address, and every address it stands for must be public, or of a network
the operator has named. The address that was judged is the one that is dialled, so a second look at DNS cannot differ.
"""

import re
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

import httpx
from msgspec import Struct

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

MAX_LINK_CHARS = 8192
"""Signed links have about two thousand; what is much longer is a picture in a data URL, or an attack on a log."""

_PORTS = {"https": 443, "http": 80}
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"(?=.{{1,253}}\Z)(?:{_LABEL}\.)*(?![0-9]+\Z|0x[0-9a-f]*\Z){_LABEL}")
"""A DNS name. One that ends in a number is an IPv4 address to some resolvers (``2130706433``, ``0x7f.1``), and none."""

_PUBLIC_V6 = IPv6Network("2000::/3")
"""All of IPv6 that IANA has handed out as global unicast; Python's ``is_global`` knows only what is excepted inside."""
_NAT64 = IPv6Network("64:ff9b::/96")
"""RFC 6052: the last 32 bits are the IPv4 address that is reached."""


class LinkRefused(ValueError):
    """The link may not be followed; the message is a public sentence and names neither the link nor an address."""


class Link(Struct, frozen=True):
    """A link in its canonical form; whether it may be followed is said by :func:`check_host` and :func:`permitted`."""

    url: httpx.URL
    host: str
    """A DNS name in lower-case ASCII, or an address as ``ipaddress`` writes it."""
    literal: Address | None
    """The host's address, where the link names that instead of a name."""
    port: int

    @property
    def is_ordinary(self) -> bool:
        """Whether it asks for https at its own port, as any public picture does."""
        return self.url.scheme == "https" and self.port == _PORTS["https"]

    def target(self, location: str) -> str:
        """Where a redirect of this link leads."""
        try:
            return str(self.url.join(location))
        except (httpx.InvalidURL, ValueError):
            raise LinkRefused("The link is redirected to something that is no link.") from None

    def request(self, address: Address, user_agent: str) -> httpx.Request:
        """The request for this link, pinned: dialled is the address, while HTTP and TLS keep the name."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        headers = {
            "Host": host if self.port == _PORTS[self.url.scheme] else f"{host}:{self.port}",
            "User-Agent": user_agent,
            "Accept": "*/*",
            "Accept-Encoding": "identity",
        }
        extensions = {} if self.literal else {"sni_hostname": self.host}
        return httpx.Request("GET", self.url.copy_with(host=str(address)), headers=headers, extensions=extensions)


def read_link(text: str) -> Link:
    """Take a link apart; LinkRefused for what is no plain http(s) link to a host."""
    if len(text) > MAX_LINK_CHARS:
        raise LinkRefused(f"The link is longer than {MAX_LINK_CHARS} characters.")
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, ValueError):
        raise LinkRefused("The link is malformed.") from None
    if url.scheme not in _PORTS:
        raise LinkRefused("The link does not begin with https://.")
    if url.userinfo:
        raise LinkRefused("The link holds a user name or password.")
    port = _PORTS[url.scheme] if url.port is None else url.port
    if not 1 <= port <= 65_535:
        raise LinkRefused("The link names a port that does not exist.")
    host = url.raw_host.decode("ascii")
    literal = _literal(host)
    if literal is None and not _NAME.fullmatch(host):
        raise LinkRefused("The link's host is neither a DNS name nor an IP address.")
    return Link(url, str(literal or host), literal, port)


def check_host(link: Link, hosts: Sequence[str]) -> None:
    """Raise LinkRefused unless a list has the host: its name, ``*.example.com`` for names below, or ``*`` for all."""
    for entry in (entry.lower() for entry in hosts):
        below = entry[1:] if entry.startswith("*.") and link.literal is None else None
        if entry in ("*", link.host) or (below and link.host.endswith(below)):
            return
    raise LinkRefused("The link's host is not among those that may be fetched from.")


def permitted(link: Link, found: Sequence[str], networks: Sequence[Network]) -> tuple[Address, ...]:
    """The addresses to dial, each once and in order; LinkRefused when there are none or one of them is not allowed.

    One sentence for both: otherwise a link could be used to ask which internal names there are. Plain http and other
    ports than https' own are for networks of the operator's only.
    """
    addresses = tuple(dict.fromkeys(map(_address, found)))
    if not addresses or not all(
        any(address in network for network in networks) or (link.is_ordinary and is_public(address))
        for address in addresses
    ):
        if link.is_ordinary:
            raise LinkRefused("The link's host has no public address.")
        raise LinkRefused("The link does not begin with https://, or names a port of its own.")
    return addresses


def is_public(address: Address) -> bool:
    """Whether an address is one of the public internet, and so is the IPv4 address it is translated to, if any."""
    if isinstance(address, IPv4Address):
        return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)
    inner = IPv4Address(int(address) & 0xFFFF_FFFF) if address in _NAT64 else address.sixtofour
    if inner is not None:
        return is_public(inner)
    return address.is_global and address in _PUBLIC_V6 and address.teredo is None


def _address(text: str) -> Address:
    """The address as it is dialled: without a zone, which no public one has, and IPv4 out of its IPv6 clothes."""
    address = ip_address(text.partition("%")[0])
    return (address.ipv4_mapped if isinstance(address, IPv6Address) else None) or address


def _literal(host: str) -> Address | None:
    """The address a host spells out canonically, zone and all other spellings excluded."""
    try:
        return None if "%" in host else _address(host)
    except ValueError:
        return None
