"""The journal on disk: what was appended is played back, whatever happened to the process in between."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.errors import StoreUnavailable
from app.ledger.journal import Journal, Record, decode, encode

OTHER_PROCESS = """
import asyncio, resource, sys
from pathlib import Path
from app.ledger.journal import Journal

async def main():
    journal = Journal(Path(sys.argv[1]))
    await journal.append({"number": 1})
    if sys.argv[2] == "full":
        resource.setrlimit(resource.RLIMIT_FSIZE, (60, resource.RLIM_INFINITY))
        try:
            await journal.append({"number": 2, "long": "x" * 100})
        except OSError as error:
            print(error, file=sys.stderr)
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    await journal.append({"number": 3})
    print("ready", journal.length, flush=True)
    sys.stdin.read()

asyncio.run(main())
"""


@contextmanager
def other_process(folder: Path, disk: str = "roomy") -> Iterator[subprocess.Popen[str]]:
    """A process that has written records 1 and 3, and waits; gone (by SIGKILL) at the end."""
    words = [sys.executable, "-c", OTHER_PROCESS, str(folder), disk]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready 2\n"
        yield process
        process.kill()


class Played:
    """Remembers what was applied; refuses what it is told to refuse."""

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self.refused: set[int] = set()

    async def apply(self, record: Record) -> None:
        """As `Ledger` applies a record."""
        await asyncio.sleep(0)
        if record["number"] in self.refused:
            raise StoreUnavailable("refused")
        self.numbers.append(record["number"])


@pytest.fixture
def played() -> Played:
    return Played()


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal(tmp_path)
    yield opened
    opened.close()


def files(folder: Path) -> list[Path]:
    """Everything in the folder."""
    return sorted(folder.iterdir())


async def test_records_are_played_once_in_order(journal: Journal, played: Played) -> None:
    """What was appended is applied in its order; played again there is nothing left to apply."""
    for number in range(250):
        await journal.append({"number": number})
    assert journal.length == 250

    assert await journal.replay(played.apply) == 250

    assert played.numbers == list(range(250))
    assert journal.length == 0
    assert await journal.replay(played.apply) == 0


async def test_a_record_is_on_the_disk_when_append_returns(journal: Journal, tmp_path: Path) -> None:
    """The file holds the whole line, readable by this user alone."""
    await journal.append({"number": 1, "text": "a|b\nü\u2028"})
    [path] = files(tmp_path)
    assert list(decode(path.read_bytes(), path.name)) == [{"number": 1, "text": "a|b\nü\u2028"}]
    assert path.stat().st_mode & 0o777 == 0o600


async def test_while_redis_is_away_everything_stays(journal: Journal, played: Played) -> None:
    """A refused replay raises and keeps the records; the next one has them all."""
    for number in range(3):
        await journal.append({"number": number})
    played.refused = {0, 1, 2}
    with pytest.raises(StoreUnavailable):
        await journal.replay(played.apply)
    assert journal.length == 3

    played.refused = set()
    await journal.append({"number": 3})
    assert await journal.replay(played.apply) == 4
    assert played.numbers == [0, 1, 2, 3]


async def test_a_refused_record_does_not_stand_in_the_way_of_the_others(journal: Journal, played: Played) -> None:
    """What one master will not have is tried again and again; what came after it, hundreds in a row, is applied."""
    for number in range(300):
        await journal.append({"number": number})
    played.refused = {*range(150), 220}
    with pytest.raises(StoreUnavailable):
        await journal.replay(played.apply)
    assert set(played.numbers) == set(range(150, 300)) - {220}
    assert journal.length == 300


async def test_a_file_with_a_refused_record_does_not_stand_in_the_way_of_the_others(
    tmp_path: Path, journal: Journal, played: Played
) -> None:
    """Neither this process's file nor an orphan that Redis will not have keeps other orphans waiting."""
    await journal.append({"number": 1})
    for number in (2, 3):
        (tmp_path / f"{number}-dead.journal").write_bytes(encode({"number": number}))
    played.refused = {1, 2}
    with pytest.raises(StoreUnavailable):
        await journal.replay(played.apply)
    assert played.numbers == [3]
    assert len(files(tmp_path)) == 2


async def test_a_record_that_comes_during_a_replay_is_kept(journal: Journal, played: Played) -> None:
    """Appending does not wait for a replay, and the file is emptied only of what was played."""

    async def apply(record: Record) -> None:
        if record["number"] == 1 and not played.numbers:
            await journal.append({"number": 2})
        await played.apply(record)

    await journal.append({"number": 1})
    await journal.replay(apply)
    assert journal.length > 0
    await journal.replay(played.apply)
    assert played.numbers == [1, 1, 2]
    assert journal.length == 0


async def test_an_append_whose_caller_left_is_played(journal: Journal, played: Played) -> None:
    """Cancelled while the disk works, the record is written, counted and played."""
    task = asyncio.create_task(journal.append({"number": 1}))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    async with asyncio.timeout(10):
        while played.numbers != [1]:
            await journal.replay(played.apply)


async def test_a_dead_processs_file_is_played_and_removed(tmp_path: Path, journal: Journal, played: Played) -> None:
    """A live process's file is its own; once the process is gone, whoever comes by plays the file and removes it."""
    with other_process(tmp_path):
        assert await journal.replay(played.apply) == 0
        assert len(files(tmp_path)) == 2

    played.refused = {1, 3}
    with pytest.raises(StoreUnavailable):
        await journal.replay(played.apply)
    assert len(files(tmp_path)) == 2, "kept until it was played"

    played.refused = set()
    assert await journal.replay(played.apply) == 2
    assert played.numbers == [1, 3]
    assert len(files(tmp_path)) == 1


async def test_two_that_find_the_same_orphan_do_not_disturb_each_other(tmp_path: Path, played: Played) -> None:
    """Of two processes that come by at once one plays the file, the other passes on."""
    (tmp_path / "1-dead.journal").write_bytes(encode({"number": 1}))
    one, other = Journal(tmp_path), Journal(tmp_path)
    assert sorted(await asyncio.gather(one.replay(played.apply), other.replay(played.apply))) == [0, 1]
    assert played.numbers == [1]
    one.close()
    other.close()
    assert files(tmp_path) == []


BROKEN = {
    "torn last line": encode({"number": 1}) + encode({"number": 2})[:-5],
    "torn to nothing": encode({"number": 1}) + b"0",
    "wrong checksum": b"00000000 " + encode({"number": 2})[9:] + encode({"number": 1}),
    "changed digit": encode({"number": 2}).replace(b"2}", b"3}") + encode({"number": 1}),
    "empty line": b"\n" + encode({"number": 1}),
    "zero bytes": b"\0" * 100 + b"\n" + encode({"number": 1}),
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
async def test_a_broken_line_is_passed_over(
    tmp_path: Path, journal: Journal, played: Played, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """A crash in mid-write or a bad sector costs the line it hit, is reported, and costs nothing else."""
    (tmp_path / "1-dead.journal").write_bytes(content)
    assert await journal.replay(played.apply) == 1
    assert played.numbers == [1]
    assert "broken" in caplog.text


async def test_a_full_disk_is_an_error_and_spoils_no_other_record(
    tmp_path: Path, journal: Journal, played: Played
) -> None:
    """Half a line is taken back, so that the record after it (the disk has room again) stands on a line of its own."""
    with other_process(tmp_path, disk="full"):
        pass
    await journal.replay(played.apply)
    assert played.numbers == [1, 3]


async def test_closing_removes_an_empty_file_and_leaves_another_for_the_next_process(
    tmp_path: Path, played: Played
) -> None:
    """A clean end leaves nothing; what could not be written to Redis waits for whoever starts next."""
    clean, full = Journal(tmp_path), Journal(tmp_path)
    await full.append({"number": 1})
    clean.close()
    full.close()
    assert len(files(tmp_path)) == 1

    following = Journal(tmp_path)
    assert await following.replay(played.apply) == 1
    following.close()
    assert files(tmp_path) == []
