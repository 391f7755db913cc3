"""A real Redis Cluster of the tests' own: three masters, slots that move from one to another while traffic runs."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from redis.crc import key_slot
from typing_extensions import override

from tests.support.ports import free_port
from tests.support.redis_server import RedisServer
from tests.support.started import Started

SLOTS = 16_384
_BUS = 10_000
"""So far above the port for clients is the one for the other nodes."""


class ClusterNode(RedisServer):
    """A member; with ``tls`` it speaks TLS to clients and to the others, on a port of its own."""

    def __init__(self, config: Mapping[str, str], program: Path | None, *, tls: bool) -> None:
        port = free_port(above=_BUS)
        self.tls_port = free_port(above=_BUS) if tls else 0
        ports = {"port": str(port)} | ({"tls-port": str(self.tls_port)} if tls else {})
        super().__init__({**config, **ports}, program)


class RedisCluster(Started):
    """Masters that share all slots evenly, each with ``replicas``; ``config`` is for every node.

    With ``tls`` clients are to speak TLS; the tests' own words still go in clear.
    """

    def __init__(
        self,
        config: Mapping[str, str] | None = None,
        *,
        masters: int = 3,
        replicas: int = 0,
        tls: bool = False,
        program: Path | None = None,
    ) -> None:
        self._tls = tls
        given = {
            "cluster-enabled": "yes",
            "cluster-node-timeout": "1000",
            "cluster-replica-validity-factor": "0",
            "repl-diskless-sync-delay": "0",
        } | dict(config or {})
        self.masters = [ClusterNode(given, program, tls=tls) for _ in range(masters)]
        """The nodes that begin as masters, in the order of the slots they begin with."""
        self.replicas = [ClusterNode(given, program, tls=tls) for _ in range(masters * replicas)]

    @property
    def nodes(self) -> Sequence[ClusterNode]:
        """Every node."""
        return (*self.masters, *self.replicas)

    @property
    def url(self) -> str:
        """What ``IMAGEGATE_REDIS_URL`` would be."""
        ports = [node.tls_port if self._tls else node.port for node in self.masters]
        return f"redis{'s' if self._tls else ''}+cluster://" + ",".join(f"127.0.0.1:{port}" for port in ports)

    @override
    def start(self) -> None:
        """Start every node, give out the slots, and wait until the cluster serves."""
        for node in self.nodes:
            node.start()
        for number, node in enumerate(self.masters):
            first, after = (SLOTS * share // len(self.masters) for share in (number, number + 1))
            node.ask("CLUSTER", "ADDSLOTS", *range(first, after))
        for number, node in enumerate(self.nodes):
            node.ask("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        for node in self.nodes[1:]:
            node.ask("CLUSTER", "MEET", "127.0.0.1", self.masters[0].tls_port or self.masters[0].port)
        self.await_(lambda: all(self._knows_everyone(node) for node in self.nodes))
        for number, replica in enumerate(self.replicas):
            replica.ask("CLUSTER", "REPLICATE", self.id_of(self.masters[number % len(self.masters)]))
        self.await_(self.serves)

    @override
    def close(self) -> None:
        """End every node."""
        for node in self.nodes:
            node.close()

    def empty(self) -> None:
        """Forget all data."""
        for node in self.masters:
            node.ask("FLUSHALL")

    def serves(self) -> bool:
        """Whether every node says that the cluster is well, and every replica follows its master."""
        states = [f"\n{node.ask('CLUSTER', 'INFO')}" for node in self.nodes]
        links = [node.ask("INFO", "replication")["master_link_status"] for node in self.replicas]
        return all("\ncluster_state:ok" in state for state in states) and set(links) <= {"up"}

    def master_of(self, key: str) -> ClusterNode:
        """The master that a key (or a team's hash tag, as in ``{team}``) lives on now."""
        slot = key_slot(key.encode())
        for first, last, master, *_ in self._slots():
            if first <= slot <= last:
                return next(node for node in self.nodes if node.port == master[1])
        raise AssertionError(f"nobody answers for the slot of {key}")

    def other_than(self, node: ClusterNode) -> ClusterNode:
        """Another master."""
        return next(other for other in self.masters if other is not node and other.is_running)

    def migrate(self, key: str, onto: ClusterNode) -> None:
        """Move the slot of a key, with all that is in it, to another master, as ``redis-cli`` reshards."""
        source = self.begin_migration(key, onto)
        while self.move_keys(key, source, onto):
            pass
        self.finish_migration(key, onto)

    def begin_migration(self, key: str, onto: ClusterNode) -> ClusterNode:
        """Open the slot of a key at both ends: from now on there are ASK and TRYAGAIN. Returns where it is."""
        slot, source = key_slot(key.encode()), self.master_of(key)
        onto.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", self.id_of(source))
        source.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", self.id_of(onto))
        return source

    def move_keys(self, key: str, source: ClusterNode, onto: ClusterNode, *, number: int = 1) -> int:
        """Move some keys of an open slot; how many were still there."""
        keys = source.ask("CLUSTER", "GETKEYSINSLOT", key_slot(key.encode()), number)
        if keys:
            port = onto.tls_port if self._tls else onto.port
            source.ask("MIGRATE", "127.0.0.1", port, "", 0, 5000, "KEYS", *keys)
        return len(keys)

    def finish_migration(self, key: str, onto: ClusterNode) -> None:
        """Close the slot: it belongs to the other master now, and all masters are told."""
        for node in (onto, *(node for node in self.masters if node is not onto and node.is_running)):
            node.ask("CLUSTER", "SETSLOT", key_slot(key.encode()), "NODE", self.id_of(onto))

    def id_of(self, node: ClusterNode) -> str:
        """The name the others know a node by."""
        return str(node.ask("CLUSTER", "MYID"))

    def _slots(self) -> list[list[Any]]:
        alive = next(node for node in self.nodes if node.is_running)
        slots: list[list[Any]] = alive.ask("CLUSTER", "SLOTS")
        return slots

    def _knows_everyone(self, node: ClusterNode) -> bool:
        told = str(node.ask("CLUSTER", "NODES")).splitlines()
        return len(told) == len(self.nodes) and not any("handshake" in line for line in told)


@pytest.fixture(scope="session")
def redis_cluster() -> Iterator[RedisCluster]:
    """The cluster all tests of one worker share; ask for `cluster_url`; hurt only one of your own."""
    with RedisCluster() as cluster:
        yield cluster


@pytest.fixture
def cluster_url(redis_cluster: RedisCluster) -> str:
    """The address of an empty cluster."""
    redis_cluster.empty()
    return redis_cluster.url
