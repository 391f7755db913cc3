"""The Redis that is shipped: its settings are those that books need, its user may do what imagegate does, no more."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from app.simulator.server import Simulator
from tests.deploy.shipped_redis import SHIPPED, asked, asked_by_gateway, make_acl, shipped_redis, url_of
from tests.deploy.whole_use import use_everything
from tests.house.tree import APP
from tests.support.gateway import running_gateway
from tests.support.programs import program
from tests.support.redis_server import RedisServer, bundled_program

WITH_SUBCOMMANDS = {"cluster": {"cluster|slots", "cluster|info"}, "client": {"client|setname"}}
NEITHER = {"sentinel"}
"""Asked of sentinels, whose users are their own (docs/operations/redis.md)."""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """With the server that the Python packages bring; for tests that only ask."""
    with shipped_redis(tmp_path_factory.mktemp("redis"), bundled_program()) as server:
        yield server


@pytest.fixture
def installed(tmp_path: Path) -> Iterator[RedisServer]:
    """With the system's redis-server."""
    with shipped_redis(tmp_path, program("redis-server", "redis-server")) as server:
        yield server


def test_the_user_has_the_commands_of_the_code_and_no_other() -> None:
    """Every command that a script or a room sends is permitted by name, and nothing is permitted that nobody sends."""
    line = next(line for line in (SHIPPED / "users.acl").read_text().splitlines() if "user imagegate " in line)
    permitted = {word[1:] for word in line.split() if word.startswith("+")}

    assert permitted == _sent()


def test_the_settings_are_what_books_need(shared: RedisServer) -> None:
    """Append-only, written to disk each second, never forgetting, no snapshots; nobody gets in without a password."""
    wanted = {
        "appendonly": "yes",
        "appendfsync": "everysec",
        "no-appendfsync-on-rewrite": "no",
        "maxmemory-policy": "noeviction",
        "maxmemory": str(1024**3),
        "save": "",
        "protected-mode": "yes",
    }
    told = {name: asked(shared, "CONFIG", "GET", name)[1] for name in wanted}
    nobody = asked(shared, "ACL", "GETUSER", "default")

    assert told == wanted
    assert "off" in nobody[1]
    assert "nopass" not in nobody[1]  # with it protected mode would shut out the other containers
    assert shared.command("GET", "ig:teams").startswith(b"-NOAUTH")


@pytest.mark.parametrize(
    "words",
    [
        ("FLUSHALL",),
        ("FLUSHDB",),
        ("KEYS", "*"),
        ("SCAN", "0"),
        ("CONFIG", "GET", "*"),
        ("CONFIG", "SET", "maxmemory-policy", "allkeys-lru"),
        ("DEBUG", "SLEEP", "0"),
        ("SHUTDOWN", "NOSAVE"),
        ("ACL", "LIST"),
        ("CLIENT", "LIST"),
        ("MONITOR",),
        ("SCRIPT", "FLUSH"),
        ("REPLICAOF", "127.0.0.1", "1"),
        ("SYNC",),
        ("SWAPDB", "0", "1"),
        ("RENAME", "ig:a", "ig:b"),
        ("PUBLISH", "ig:channel", "x"),
        ("GET", "others"),
        ("SET", "others", "x"),
        ("EVAL", "return redis.call('GET', KEYS[1])", "1", "others"),
        ("EVAL", "return redis.call('FLUSHALL')", "0"),
    ],
    ids=" ".join,
)
def test_what_is_not_needed_is_refused(shared: RedisServer, words: tuple[str, ...]) -> None:
    """Neither other keys, nor the server, nor a script as a way round, is the gateways' to touch."""
    with pytest.raises(redis.exceptions.ResponseError, match=r"permission|NOPERM|can't run|not allowed|can't access"):
        asked_by_gateway(shared, *words)


def test_the_users_are_made_without_their_password(shared: RedisServer) -> None:
    """The file has a hash and nothing else of it, the one server takes it, and a short password is not taken."""
    made = make_acl("sixteen letters!")
    refused = make_acl("short")

    assert made.returncode == 0
    assert "sixteen" not in made.stdout
    assert "IMAGEGATE_SHA256" not in made.stdout
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "16 characters" in refused.stderr
    assert asked(shared, "ACL", "WHOAMI") == "operator"


@pytest.mark.slow
async def test_a_whole_gateway_lives_with_it(installed: RedisServer, tmp_path: Path) -> None:
    """Pictures, streams, edits, retries and every page of the operator's door, and nothing is ever refused."""
    async with Simulator() as simulator, running_gateway(url_of(installed), tmp_path / "data", simulator) as gateway:
        await use_everything(gateway)
        assert await gateway.services.datastore.replication_ids()

    assert asked(installed, "ACL", "LOG") == []
    assert "NOPERM" not in str(asked(installed, "INFO", "errorstats"))
    used = {name.removeprefix("cmdstat_") for name in asked(installed, "INFO", "commandstats")}
    assert {"evalsha", "xadd", "hvals", "zrevrange", "xrevrange"} <= used


def _sent() -> set[str]:
    """Every command in the text of scripts, and every first word of a command in Python, that a server knows."""
    found: set[str] = set()
    for path in sorted({*APP.rglob("*.lua"), *APP.rglob("*.py")}):
        if path.relative_to(APP).parts[0] in {"simulator", "embedded", "cli", "upstream"} or path.name == "snapshot.py":
            continue
        text = path.read_text(encoding="utf-8")
        found |= {word.lower() for word in re.findall(r"redis\.p?call\(\s*['\"]([A-Za-z]+)['\"]", text)}
        if path.suffix == ".py":
            found |= {word.lower() for word in _first_words(ast.parse(text))}
    commands = {word for word in found if word not in NEITHER}
    for name, subcommands in WITH_SUBCOMMANDS.items():
        commands = commands - {name} | (subcommands if name in commands else set())
    return commands


def _first_words(tree: ast.Module) -> Iterator[str]:
    """Words in capitals at the beginning of a tuple or of a call's arguments."""
    for node in ast.walk(tree):
        first = node.elts[:1] if isinstance(node, ast.Tuple) else node.args[:1] if isinstance(node, ast.Call) else []
        for word in first:
            if isinstance(word, ast.Constant) and isinstance(word.value, str) and re.fullmatch("[A-Z]{2,}", word.value):
                yield word.value
