"""A datastore on one server, with a breaker as quick or as slow as a test wants it."""

from app.datastore.address import parse_address
from app.datastore.connector import Connector
from app.datastore.datastore import Datastore
from app.datastore.node import Node
from app.datastore.servers import OneServer


def datastore_on(
    url: str, *, timeout_seconds: float, failures_to_open: int | None = None, open_seconds: float | None = None
) -> Datastore:
    """Opened as `open_datastore` does it; what is not given about the breaker is as it always is."""
    address = parse_address(url)
    connector = Connector(address)
    way = connector.socket(address.socket) if address.socket else connector.server(address.hosts[0])
    node = Node(way, timeout_seconds=timeout_seconds)
    node.breaker.failures_to_open = failures_to_open or node.breaker.failures_to_open
    node.breaker.open_seconds = open_seconds or node.breaker.open_seconds
    return Datastore(OneServer(node))
