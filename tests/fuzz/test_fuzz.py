"""The fuzzer finds what it is for: a property that fails, an answer that must not be, silence, a logged exception."""

import asyncio
import contextlib
import logging
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.fuzz.exchange import exchange
from tests.fuzz.fuzz import PARTS
from tests.fuzz.messages import Message, answers, requests
from tests.fuzz.mutations import mutated, portions
from tests.fuzz.properties import property_files, run
from tests.fuzz.watch import Watch

PROPERTIES = """
from hypothesis import given
from hypothesis import strategies as st

@given(st.integers())
def test_small(number):
    assert number < 1000

@given(st.booleans())
def test_holds(truth):
    assert truth in (True, False)

def test_plain():
    raise AssertionError("not a property")
"""
PROFILE = "from hypothesis import settings\nsettings.register_profile('fuzz', print_blob=True, database=None)\n"
OPTIONS = "[pytest]\naddopts = -p no:schemathesis -p no:valkey\n"
"""As in pyproject.toml: plugins that take seconds to start."""


@asynccontextmanager
async def saying(data: bytes, *, ends: bool) -> AsyncIterator[str]:
    """The address of a server that says this at once, and perhaps hangs up."""
    gone: list[asyncio.Task[None]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        with contextlib.suppress(ConnectionError):
            while not ends and await reader.read():
                pass
        writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        gone.append(asyncio.create_task(serve(reader, writer)))

    async with await asyncio.start_server(accept, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        await asyncio.gather(*gone)


def test_a_property_that_fails_is_found(tmp_path: Path) -> None:
    """With the example that fails and a command that tries it again; one that holds has many runs instead."""
    (tmp_path / "conftest.py").write_text(PROFILE)
    (tmp_path / "pytest.ini").write_text(OPTIONS)
    path = tmp_path / "test_planted.py"
    path.write_text(PROPERTIES)
    told: list[str] = []

    (finding,) = run([path], 2, told.append)

    assert "number=1000" in finding.what
    assert "::test_small'" in finding.again
    (holds,) = [int(line.split()[-2]) for line in told if "test_holds" in line]
    assert holds > 1
    assert not any("test_plain" in line for line in told)


def test_a_file_that_cannot_be_run_is_found(tmp_path: Path) -> None:
    """Nothing goes by because it was never tried."""
    (tmp_path / "pytest.ini").write_text(OPTIONS)
    (tmp_path / "conftest.py").write_text(PROFILE)
    (tmp_path / "test_broken.py").write_text("import nothing_of_this_name\n")

    assert run([tmp_path / "test_broken.py"], 0.1, print)


def test_every_property_of_the_repository_has_its_share() -> None:
    """Files with properties and files with machines of them; no others."""
    names = {path.name for path in property_files()}

    assert {"test_money.py", "test_books_machine.py", "test_order_properties.py"} <= names
    assert "test_imports.py" not in names


def test_shares_of_time_are_the_whole() -> None:
    """So that `--minutes` is what it takes."""
    assert sum(share for share, _ in PARTS.values()) == pytest.approx(1)


def test_a_case_can_be_made_again() -> None:
    """The same seed changes a message the same way, and cuts it without losing a byte."""
    messages = [*requests("sk-ig-a-b-c"), *(message for kind in answers().values() for message in kind)]
    for seed, message in enumerate(messages * 20):
        one, other = (message.changed(random.Random(seed)) for _ in range(2))
        assert one == other
        assert b"".join(portions(one, random.Random(seed))) == one


def test_changes_change() -> None:
    """Nearly every one does, and in another way: a fuzzer that sends good messages finds nothing."""
    good = b"POST / HTTP/1.1\r\nContent-Length: 12\r\n\r\nhello, world"
    assert len({mutated(good, random.Random(seed)) for seed in range(1000)}) > 800
    assert any(mutated(b"", random.Random(seed)) for seed in range(100))


def test_a_message_is_framed() -> None:
    """By its length or in chunks of any size, an empty body too."""
    message = Message((b"HTTP/1.1 200 OK",), b"hello")

    assert message.sent() == b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
    assert message.sent(chunk_bytes=3).endswith(b"\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n")


@pytest.mark.parametrize(
    ("said", "ends", "fault"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", False, None),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", False, None),
        (b"", True, None),
        (b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n", False, "answered [500]"),
        (b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 9\r\n\r\n", True, "answered [503]"),
        (b"Traceback (most recent call last):", False, "the answer is no HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", False, "neither an answer nor an end in time"),
        (b"", False, "neither an answer nor an end in time"),
    ],
)
async def test_what_must_not_come_back_is_seen(said: bytes, ends: bool, fault: str | None) -> None:
    """A 5xx, whole or cut; what is no HTTP; nothing at all. An end is none, nor is any other answer."""
    async with saying(said, ends=ends) as address:
        heard = await exchange(
            address, [b"GET / HTTP/1.1\r\n\r\n"], seconds=0.3 if fault and "in time" in fault else 12
        )

    assert heard.fault() == fault
    assert heard.fault(may_wait=True) == (None if fault and "in time" in fault else fault)


def test_a_logged_exception_is_seen() -> None:
    """Wherever it is logged; an error without one is a line that somebody meant to write."""
    log = logging.getLogger("app.somewhere")
    with Watch() as watch:
        log.error("a foreseen error")
        try:
            _ = 1 // 0
        except ZeroDivisionError:
            log.exception("not foreseen")

    (failure,) = watch.taken()
    assert "not foreseen" in failure
    assert "ZeroDivisionError" in failure
    assert watch.taken() == []
