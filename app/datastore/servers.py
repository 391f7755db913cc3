"""What the datastore asks of the servers behind it, and the simplest kind: one server at one address."""

from collections.abc import Awaitable, Callable, Collection, Iterable
from typing import Any, Protocol

from app.datastore.address import Host
from app.datastore.call import Call
from app.datastore.node import Node

REPLICATION = Call(("INFO", "replication"))


class Servers(Protocol):
    """Takes each call to the server that answers for it. Every failure is a `StoreUnavailable`."""

    @property
    def nodes(self) -> Iterable[Node]:
        """The servers in use."""
        ...

    @property
    def errors(self) -> int:
        """Failed round trips since the start."""
        ...

    def submit(self, call: Call) -> Awaitable[Any]:
        """Send a call; calls of one loop tick to one server travel together."""
        ...

    async def ping(self) -> None:
        """Ask whether the servers serve."""
        ...

    async def replication_ids(self) -> frozenset[str]:
        """The replication id of every master that answers."""
        ...

    async def aclose(self) -> None:
        """Wait for what is under way, then close every connection."""
        ...


class OneServer:
    """One server, always the same."""

    def __init__(self, node: Node) -> None:
        self._node = node

    @property
    def nodes(self) -> Iterable[Node]:
        """The one."""
        return (self._node,)

    @property
    def errors(self) -> int:
        """Failed round trips to it."""
        return self._node.errors

    def submit(self, call: Call) -> Awaitable[Any]:
        """Send a call."""
        return self._node.submit(call)

    async def ping(self) -> None:
        """Ask whether it is there."""
        await self._node.submit(Call(("PING",)))

    async def replication_ids(self) -> frozenset[str]:
        """Its replication id."""
        return frozenset((replication_id(await self._node.submit(REPLICATION)),))

    async def aclose(self) -> None:
        """Close it."""
        await self._node.aclose()


class Nodes:
    """The servers in use, by address; those that no longer are get closed, and made anew when they come back."""

    def __init__(self, connect: Callable[[Host], Node]) -> None:
        self._connect = connect
        self._nodes: dict[Host, Node] = {}
        self._leaving: list[Node] = []
        self._errors_before = 0

    def at(self, host: Host) -> Node:
        """The one at this address."""
        if host not in self._nodes:
            self._nodes[host] = self._connect(host)
        return self._nodes[host]

    def all(self) -> Iterable[Node]:
        """Every one of them."""
        return self._nodes.values()

    @property
    def errors(self) -> int:
        """Failed round trips since the start, to those that are gone too."""
        return self._errors_before + sum(node.errors for node in (*self._nodes.values(), *self._leaving))

    async def keep(self, hosts: Collection[Host]) -> None:
        """Close all others, once what is under way there has ended."""
        self._leaving += [self._nodes.pop(host) for host in list(self._nodes) if host not in hosts]
        while self._leaving:
            await self._leaving[0].aclose()
            self._errors_before += self._leaving.pop(0).errors

    async def aclose(self) -> None:
        """Close them."""
        for node in (*self._nodes.values(), *self._leaving):
            await node.aclose()


def replication_id(info: dict[str, Any]) -> str:
    """Which history of writes a master continues; another one after a failover, or after a restart."""
    return str(info["master_replid"])
