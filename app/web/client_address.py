"""Who is calling: the socket's other end, or what trusted proxies say of theirs."""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from starlette.types import Scope

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_OWN_PREFIX = 64
"""An IPv6 customer has a whole /64 (RFC 6177), so its addresses count as one."""


def client_address(scope: Scope, trusted: Sequence[Network]) -> str:
    """The address a request comes from, IPv6 as its /64; "" where the socket has none.

    Only a trusted proxy's ``X-Forwarded-For`` is read, from its end: the last hop that is no trusted proxy is the
    client, whatever stands before it, because that the client can have written itself.
    """
    client = scope.get("client")
    found = _read(client[0]) if client else None
    if found is None:
        return ""
    for hop in reversed(_forwarded(scope["headers"])):
        if not _is_within(found, trusted):
            break
        behind = _read(hop)
        if behind is None:
            break
        found = behind
    return str(found) if found.version == 4 else str(ip_network((found, _OWN_PREFIX), strict=False))


def _forwarded(headers: Iterable[tuple[bytes, bytes]]) -> list[str]:
    """The hops of every ``X-Forwarded-For`` header, in order."""
    told = [value.decode("latin-1") for name, value in headers if name == b"x-forwarded-for"]
    return [hop.strip() for hop in ",".join(told).split(",")] if told else []


def _read(text: str) -> Address | None:
    """An address as proxies write it: bare, ``[v6]``, or either with a port."""
    host = text.strip()
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return None
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address


def _is_within(address: Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)
