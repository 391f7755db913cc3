"""A master, its replicas and the sentinels that watch over them: real processes of the tests' own."""

from pathlib import Path
from typing import Any

from typing_extensions import override

from tests.support.ports import free_port
from tests.support.redis_server import RedisServer
from tests.support.started import Started

SERVICE = "books"


class _Sentinel(RedisServer):
    """The same program in its other trade; it keeps what it learns in a file."""

    def __init__(self, port: int, quorum: int, program: Path | None) -> None:
        super().__init__({"port": str(free_port())}, program, flags=["--sentinel"])
        with self._settings.open("a") as settings:
            settings.write(
                f"sentinel monitor {SERVICE} 127.0.0.1 {port} {quorum}\n"
                f"sentinel down-after-milliseconds {SERVICE} 500\n"
                f"sentinel failover-timeout {SERVICE} 3000\n"
            )


class WatchedRedis(Started):
    """One service named ``books``; a failover takes a few seconds."""

    def __init__(self, *, replicas: int = 2, sentinels: int = 3, program: Path | None = None) -> None:
        config = {"repl-diskless-sync-delay": "0", "repl-ping-replica-period": "1"}
        first = RedisServer(config | {"port": str(free_port())}, program)
        follow = config | {"replicaof": f"127.0.0.1 {first.port}"}
        self.servers = [
            first,
            *(RedisServer(follow | {"port": str(free_port())}, program) for _ in range(replicas)),
        ]
        """The first begins as master."""
        self.sentinels = [_Sentinel(first.port, sentinels // 2 + 1, program) for _ in range(sentinels)]

    @property
    def url(self) -> str:
        """What ``IMAGEGATE_REDIS_URL`` would be."""
        places = ",".join(f"127.0.0.1:{sentinel.port}" for sentinel in self.sentinels)
        return f"redis+sentinel://{places}/{SERVICE}"

    @property
    def master(self) -> RedisServer:
        """The master, by the word of the first sentinel that lives."""
        alive = next(sentinel for sentinel in self.sentinels if sentinel.is_running)
        _, port = alive.ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE)
        return next(server for server in self.servers if server.port == int(port))

    @override
    def start(self) -> None:
        """Start everything, and wait until the sentinels know of each other and of every replica."""
        for server in self.servers:
            server.start()
        self.await_(lambda: all(_replication(server)["master_link_status"] == "up" for server in self.servers[1:]))
        for sentinel in self.sentinels:
            sentinel.start()
        self.await_(lambda: all(self._is_ready(sentinel) for sentinel in self.sentinels))

    @override
    def close(self) -> None:
        """End everything."""
        for process in (*self.sentinels, *self.servers):
            process.close()

    def _is_ready(self, sentinel: RedisServer) -> bool:
        words: list[str] = sentinel.ask("SENTINEL", "MASTER", SERVICE)
        told = dict(zip(words[::2], words[1::2], strict=True))
        others, replicas = int(told["num-other-sentinels"]), int(told["num-slaves"])
        return others == len(self.sentinels) - 1 and replicas == len(self.servers) - 1


def _replication(server: RedisServer) -> dict[str, Any]:
    info: dict[str, Any] = server.ask("INFO", "replication")
    return info
