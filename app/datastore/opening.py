"""From an address to an open datastore: whatever the engine, one way in."""

from collections.abc import Callable
from pathlib import Path

from app.datastore.address import Host, RedisAddress, parse_address
from app.datastore.cluster import Cluster
from app.datastore.connector import Connector
from app.datastore.datastore import Datastore
from app.datastore.node import Node, RoundTrips
from app.datastore.sentinel import WatchedServer
from app.datastore.servers import OneServer, Servers


def open_datastore(
    url: str, *, timeout_seconds: float, ca_bundle: Path | None = None, watched: RoundTrips | None = None
) -> Datastore:
    """The datastore behind IMAGEGATE_REDIS_URL; nothing is connected before its first command.

    ``watched`` is told of every round trip.

    Raises:
        AddressError: the address is of no known form, or a file that TLS needs cannot be used.

    """
    address = parse_address(url)
    connector = Connector(address, ca_bundle=ca_bundle)
    return Datastore(_servers(address, connector, timeout_seconds, watched))


def _servers(
    address: RedisAddress, connector: Connector, timeout_seconds: float, watched: RoundTrips | None
) -> Servers:
    def connect(host: Host, troubled: Callable[[], None]) -> Node:
        return Node(connector.server(host), timeout_seconds=timeout_seconds, troubled=troubled, watched=watched)

    match address.engine:
        case "single":
            way = connector.socket(address.socket) if address.socket else connector.server(address.hosts[0])
            return OneServer(Node(way, timeout_seconds=timeout_seconds, watched=watched))
        case "sentinel":
            sentinels = [connector.sentinel(host) for host in address.hosts]
            return WatchedServer(sentinels, address.service, connect, timeout_seconds=timeout_seconds)
        case "cluster":
            return Cluster(address.hosts, connect, timeout_seconds=timeout_seconds)
