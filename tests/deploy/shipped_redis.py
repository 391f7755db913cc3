"""The Redis that is shipped: its configuration and its users as they are, with paths and passwords of a test."""

import hashlib
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis

from tests.house.tree import ROOT
from tests.support.redis_server import RedisServer

SHIPPED = ROOT / "deploy" / "redis"
PASSWORD = "the-password-of-the-gateways"
OPERATOR_PASSWORD = "the-password-of-the-operator"


def make_acl(password: str = PASSWORD) -> subprocess.CompletedProcess[str]:
    """What the shipped program makes of this password."""
    return subprocess.run(
        ["/bin/sh", SHIPPED / "make-acl"],
        input=f"{password}\n",
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )


@contextmanager
def shipped_redis(folder: Path, program: Path) -> Iterator[RedisServer]:
    """A server with the shipped configuration and users, and an operator's user that tests look in with."""
    users = folder / "users.acl"
    operator = hashlib.sha256(OPERATOR_PASSWORD.encode()).hexdigest()
    users.write_text(make_acl().stdout.replace("user operator off", f"user operator on #{operator}"))
    here = ("--port", "0", "--dir", str(folder), "--aclfile", str(users))
    with RedisServer({"include": str(SHIPPED / "redis.conf")}, program, here) as server:
        yield server


def url_of(server: RedisServer, password: str = PASSWORD) -> str:
    """The address with which a gateway is given it."""
    return f"unix://imagegate:{password}@{server.socket}"


def asked(server: RedisServer, *words: str) -> Any:
    """The reply to the operator."""
    return _asked(server, "operator", OPERATOR_PASSWORD, words)


def asked_by_gateway(server: RedisServer, *words: str) -> Any:
    """The reply to the user of the gateways.

    Raises:
        redis.exceptions.NoPermissionError: it may not ask that.

    """
    return _asked(server, "imagegate", PASSWORD, words)


def _asked(server: RedisServer, user: str, password: str, words: tuple[str, ...]) -> Any:
    path = str(server.socket)
    with redis.Redis(
        unix_socket_path=path, username=user, password=password, protocol=2, decode_responses=True, driver_info=None
    ) as client:
        return client.execute_command(*words)
