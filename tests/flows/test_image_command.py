"""``imagegate image`` against a running gateway: what it buys, what it writes, and what it does when it breaks."""

import asyncio
import json
import os
import pty
import signal
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from click.testing import Result
from PIL import Image

from app.accounts.models import Budget, Limits
from app.money import Money, parse_dollars
from app.simulator.scenario import Fault, Scenario
from app.simulator.server import Simulator
from tests.support.gateway import Gateway, running_gateway
from tests.support.process import clean_environment
from tests.support.terminal import Terminal
from tests.support.waiting import until

BOAT = ("image", "a paper boat", "--size", "1024x1024", "--quality", "low")


class Teammate:
    """Somebody with a virtual key, at a terminal."""

    def __init__(self, gateway: Gateway, key: str) -> None:
        self.gateway = gateway
        self.key = key
        self._terminal = Terminal(gateway)

    async def run(self, *words: str | Path, **given: str) -> Result:
        """Run a command."""
        return await self._terminal.run(*map(str, words), **({"IMAGEGATE_KEY": self.key} | given))

    async def made(self, *words: str | Path, **given: str) -> Result:
        """Run a command that succeeds."""
        done = await self.run(*words, **given)
        assert done.exit_code == 0, done.output
        return done

    async def ended(self, code: int, *words: str | Path, **given: str) -> str:
        """What a command says that ends with an exit code."""
        done = await self.run(*words, **given)
        assert done.exit_code == code, (done.output, done.exception)
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.stderr


@pytest.fixture
async def teammate(gateway: Gateway) -> Teammate:
    return Teammate(gateway, await gateway.new_key(await gateway.new_team()))


def size_of(path: Path) -> tuple[int, int]:
    """The size of a picture that can be decoded to its end."""
    with Image.open(path) as picture:
        picture.load()
        return picture.size


def files_in(folder: Path, ending: str = "*.png") -> list[str]:
    """The names of pictures in a folder."""
    return sorted(path.name for path in folder.glob(ending))


async def test_a_picture_is_made_and_told(teammate: Teammate, tmp_path: Path) -> None:
    """The file is a whole picture, and what is told of it is what the ledger has."""
    done = await teammate.made(*BOAT, "-o", tmp_path / "boat.png")
    [entry] = await teammate.gateway.entries(teammate.key.split("-")[2])

    assert size_of(tmp_path / "boat.png") == (1024, 1024)
    lines = done.stdout.splitlines()
    assert lines[0].startswith(f"{tmp_path}/boat.png: 1024x1024, ")
    assert lines[1] == f"gpt-image-2, 205 tokens, $0.00474, request {entry.request}"
    assert entry.cost == parse_dollars("0.00474")
    assert done.stderr == ""
    assert files_in(tmp_path, "*.part") == files_in(tmp_path, ".*") == []


async def test_several_pictures_are_numbered(teammate: Teammate, tmp_path: Path) -> None:
    """By their place, under one request; programs get JSON."""
    done = await teammate.made(*BOAT, "-n", "2", "-o", tmp_path / "boat.png", "--json")
    told = json.loads(done.stdout)

    assert files_in(tmp_path) == ["boat-1.png", "boat-2.png"]
    assert [file["file"] for file in told["files"]] == [str(tmp_path / name) for name in files_in(tmp_path)]
    assert told["files"][0]["bytes"] == (tmp_path / "boat-1.png").stat().st_size
    assert (told["model"], told["cost"], told["usage"]["total_tokens"]) == ("gpt-image-2", "0.009444", 401)


async def test_without_a_name_a_free_one_is_found(teammate: Teammate, tmp_path: Path) -> None:
    """Made of the prompt, ending as the bytes say, and never one that is taken."""
    for _ in range(2):
        await teammate.made(*BOAT, "-o", tmp_path)
    await teammate.made(*BOAT, "--output-format", "webp", "-o", tmp_path)
    assert files_in(tmp_path, "*.*p*g") == ["a-paper-boat-2.png", "a-paper-boat.png"]
    assert files_in(tmp_path, "*.webp") == ["a-paper-boat.webp"]


async def test_no_file_is_overwritten(teammate: Teammate, tmp_path: Path) -> None:
    """That is looked at before anything is bought; --force is asked for."""
    for name in ("boat.png", "boats-2.png"):
        (tmp_path / name).write_text("mine", encoding="utf-8")
    told = await teammate.ended(2, *BOAT, "-o", tmp_path / "boat.png")
    assert "is there already; --force overwrites it" in told
    await teammate.ended(2, *BOAT, "-n", "2", "-o", tmp_path / "boats.png")
    await teammate.ended(2, *BOAT, "-o", tmp_path / "no" / "boat.png")
    assert teammate.gateway.simulator.pictures == 0
    await teammate.made(*BOAT, "--force", "-o", tmp_path / "boat.png")
    assert size_of(tmp_path / "boat.png") == (1024, 1024)


async def test_a_name_that_says_another_kind_is_kept_and_told(teammate: Teammate, tmp_path: Path) -> None:
    """The bytes are what they are."""
    done = await teammate.made(*BOAT, "--output-format", "png", "-o", tmp_path / "boat.jpeg")
    assert "boat.jpeg is a png" in done.stderr
    done = await teammate.made(*BOAT, "-o", tmp_path / "boat.gif")
    assert "boat.gif is a png" in done.stderr


async def test_a_picture_is_changed(teammate: Teammate, tmp_path: Path) -> None:
    """With --image the gateway is asked for an edit, with as many pictures as are given, and a mask."""
    await teammate.made(*BOAT, "-o", tmp_path / "boat.png")
    Image.new("RGBA", (1024, 1024)).save(tmp_path / "mask.png")
    words = ("image", "add a sail", "--size", "1024x1024", "--quality", "low", "-i", tmp_path / "boat.png")
    await teammate.made(*words, "-i", tmp_path / "boat.png", "--mask", tmp_path / "mask.png", "-o", tmp_path / "s.png")
    sent = teammate.gateway.simulator.received[-1]

    assert sent.path.endswith("/images/edits")
    assert sent.body.count(b"Content-Type: image/png") == 3
    assert size_of(tmp_path / "s.png") == (1024, 1024)
    assert "--mask says where" in await teammate.ended(2, *BOAT, "--mask", tmp_path / "mask.png")
    assert "does not exist" in await teammate.ended(2, *BOAT, "-i", tmp_path / "nothing.png")


async def test_any_parameter_can_be_sent(teammate: Teammate, tmp_path: Path) -> None:
    """As JSON where it is some, else as text; twice is a mistake, and the gateway tells what it does not know."""
    words = ("--param", "user=ana", "--param", "output_compression=80", "--param", "moderation=low")
    await teammate.made(*BOAT, *words, "--output-format", "webp", "-o", tmp_path / "boat.webp")
    body = json.loads(teammate.gateway.simulator.received[-1].body)

    assert (body["user"], body["output_compression"], body["moderation"]) == ("ana", 80, "low")
    assert "NAME=VALUE" in await teammate.ended(2, *BOAT, "--param", "seed")
    assert "says what another option says" in await teammate.ended(2, *BOAT, "--param", "size=auto")
    assert "'nothing'" in await teammate.ended(1, *BOAT, "--param", "nothing=1", "-o", tmp_path / "x.png")


async def test_the_price_is_asked_for(gateway: Gateway, tmp_path: Path) -> None:
    """Nothing is bought, also for an edit; what would be in the way is told."""
    team = await gateway.new_team(Limits(budget=Budget(Money(1))))
    teammate = Teammate(gateway, await gateway.new_key(team))
    done = await teammate.made(*BOAT, "--quote")
    assert done.stdout.startswith("1 picture of gpt-image-2: at most $0.005008, probably from $0.004712.")
    assert "Changed" not in done.stdout
    assert "It would be refused now" in done.stdout
    assert "budget" in done.stdout
    Image.new("RGB", (64, 64)).save(tmp_path / "boat.png")
    told = json.loads((await teammate.made(*BOAT, "-i", tmp_path / "boat.png", "--quote", "--json")).stdout)
    assert told["operation"] == "edits"
    assert gateway.simulator.exchanges == 0
    refused = await teammate.ended(1, *BOAT, "-o", tmp_path / "no.png")
    assert "`imagegate usage --mine` shows what is left" in refused
    assert not (tmp_path / "no.png").exists()


@asynccontextmanager
async def cutting(address: str, cuts: int) -> AsyncIterator[str]:
    """A proxy that passes everything on, and hangs up instead of the first ``cuts`` answers."""
    port, left = int(address.rpartition(":")[2]), cuts

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(65536):
            writer.write(piece)
            await writer.drain()

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal left
        behind, ahead = await asyncio.open_connection("127.0.0.1", port)
        up = asyncio.create_task(carry(reader, ahead))
        try:
            first = await behind.read(65536)
            if left > 0:
                left -= 1
                return
            writer.write(first)
            await carry(behind, writer)
        finally:
            up.cancel()
            ahead.close()
            writer.close()

    async with await asyncio.start_server(meet, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_a_cut_connection_buys_nothing_twice(teammate: Teammate, tmp_path: Path) -> None:
    """The proxy hangs up twice, once of them after the purchase: the same purchase is gone on with."""
    async with cutting(teammate.gateway.address, 2) as proxy:
        await teammate.made(*BOAT, "-o", tmp_path / "boat.png", IMAGEGATE_URL=proxy)
    assert size_of(tmp_path / "boat.png") == (1024, 1024)
    assert teammate.gateway.simulator.pictures == 1


async def test_nobody_knows_is_an_exit_code_of_its_own(teammate: Teammate, tmp_path: Path) -> None:
    """Where no answer ever comes the command says how to go on, and going on so buys nothing twice."""
    async with cutting(teammate.gateway.address, 99) as proxy:
        words = (*BOAT, "-o", tmp_path / "boat.png", "--patience", "0.1")
        told = await teammate.ended(3, *words, IMAGEGATE_URL=proxy)
    assert "nobody knows what became of the request" in told
    cure = told.split("The same command with ")[1].split()[:2]
    await teammate.made(*BOAT, *cure, "-o", tmp_path / "boat.png")
    assert teammate.gateway.simulator.pictures == 1


async def test_without_a_gateway_nothing_has_happened(teammate: Teammate) -> None:
    """Where no connection comes about that is certain, so it is an ordinary failure, told at once."""
    told = await teammate.ended(1, *BOAT, IMAGEGATE_URL="http://127.0.0.1:1")
    assert "cannot be reached" in told
    assert "--url or IMAGEGATE_URL" in told


@pytest.mark.parametrize("url", ["localhost:8080", "ftp://127.0.0.1", "http://", "http://127.0.0.1:port"])
async def test_what_is_no_address_is_told_at_once(teammate: Teammate, url: str) -> None:
    """It is not tried again; no more than a name of a purchase that no header can carry."""
    assert "is no address of a gateway" in await teammate.ended(2, *BOAT, "--url", url)
    assert "printable" in await teammate.ended(2, *BOAT, "--idempotency-key", "Übung")


async def test_an_unknown_outcome_is_told_as_such(teammate: Teammate, tmp_path: Path) -> None:
    """The upstream hung up: the picture may have been made and is charged."""
    teammate.gateway.simulator.next(Scenario(fault=Fault.RESET_BEFORE_HEADERS))
    told = await teammate.ended(3, *BOAT, "-o", tmp_path / "boat.png")
    assert "It is charged; its request is req_" in told
    assert not (tmp_path / "boat.png").exists()


async def test_a_refusal_is_told_in_the_gateways_words(teammate: Teammate, tmp_path: Path) -> None:
    """Whether the gateway or the upstream refuses; and what can be done."""
    out = ("-o", tmp_path / "boat.png")
    assert "divisible by 16" in await teammate.ended(1, "image", "x", "--size", "17x9", *out)
    assert "`imagegate models`" in await teammate.ended(1, "image", "x", "--model", "no-model", *out)
    teammate.gateway.simulator.next(Scenario(code="moderation_blocked"))
    assert "safety system" in await teammate.ended(1, *BOAT, *out)
    assert "Your virtual key is missing" in await teammate.ended(2, *BOAT, *out, "--key", "", IMAGEGATE_KEY="")
    assert "Say what the picture is to show" in await teammate.ended(2, "image")


async def test_the_key_of_another_service_is_sent_nowhere(teammate: Teammate, tmp_path: Path) -> None:
    """OPENAI_API_KEY is read where nothing else is set, and used only if it is a virtual key; ours stays here."""
    out = ("-o", tmp_path / "boat.png")
    told = await teammate.ended(2, *BOAT, *out, "--key", "sk-proj-of-openai")
    assert "not a virtual key" in told
    terminal = Terminal(teammate.gateway)
    with socket.create_server(("127.0.0.1", 0)) as openai:
        openai.setblocking(False)
        elsewhere = f"http://127.0.0.1:{openai.getsockname()[1]}/v1"
        words = map(str, (*BOAT, *out))
        done = await terminal.run(*words, IMAGEGATE_URL="", IMAGEGATE_KEY=teammate.key, OPENAI_BASE_URL=elsewhere)
        assert done.exit_code == 1
        with pytest.raises(BlockingIOError):  # nobody has come
            openai.accept()
    done = await terminal.run(
        *map(str, (*BOAT, *out)),
        IMAGEGATE_URL="",
        OPENAI_BASE_URL=teammate.gateway.base_url,
        OPENAI_API_KEY=teammate.key,
    )
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize("is_taken", [False, True])
async def test_a_file_that_cannot_be_written_can_be_fetched(
    teammate: Teammate, tmp_path: Path, *, is_taken: bool
) -> None:
    """The folder went, or somebody took the name, while the picture was made: the message says how to get it."""
    simulator = teammate.gateway.simulator
    folder = tmp_path / "pictures"
    folder.mkdir()
    simulator.next(Scenario(withhold=True))
    running = asyncio.create_task(teammate.ended(1, *BOAT, "-o", folder / "boat.png"))
    await simulator.waiting(1)
    if is_taken:
        (folder / "boat.png").write_text("mine", encoding="utf-8")
    else:
        folder.rmdir()
    simulator.release()
    told = await running
    request = told.split("--fetch ")[1].split()[0]
    await teammate.made("image", "--fetch", request, "-o", tmp_path / "boat.png")

    assert "Cannot write" in told
    assert size_of(tmp_path / "boat.png") == (1024, 1024)
    assert simulator.pictures == 1
    if is_taken:
        assert (folder / "boat.png").read_text(encoding="utf-8") == "mine"
        assert len(list(folder.iterdir())) == 1


async def test_what_an_sdk_bought_is_fetched_too(teammate: Teammate, tmp_path: Path) -> None:
    """An answer in base64 and a stream of events; what is no request, or not kept any more, is told."""
    http = teammate.gateway.http(teammate.key)
    boat = {"model": "gpt-image-2", "prompt": "a paper boat", "size": "1024x1024", "quality": "low"}
    async with http:
        plain = (await http.post("/v1/images/generations", json=boat)).headers["x-request-id"]
        stream = (await http.post("/v1/images/generations", json=boat | {"stream": True})).headers["x-request-id"]
        for request in (plain, stream):
            done = await teammate.made("image", "--fetch", request, "-o", tmp_path)
            assert f"{tmp_path}/{request}.png: " in done.stdout
        await http.delete(f"/v1/images/requests/{plain}")
    assert len(files_in(tmp_path)) == 2
    assert "takes no prompt" in await teammate.ended(2, *BOAT, "--fetch", plain)
    assert "bought nothing under this id" in await teammate.ended(1, "image", "--fetch", "req_of_nobody")
    assert "not kept" in await teammate.ended(1, "image", "--fetch", plain)


async def test_where_nothing_is_kept_the_answer_is_waited_for(
    redis_url: str, tmp_path: Path, simulator: Simulator
) -> None:
    """A gateway that keeps no answers gives it at once."""
    async with running_gateway(redis_url, tmp_path / "data", simulator, result_seconds=0) as gateway:
        teammate = Teammate(gateway, await gateway.new_key(await gateway.new_team()))
        await teammate.made(*BOAT, "-o", tmp_path / "boat.png")
        simulator.next(Scenario(fault=Fault.RESET_BEFORE_HEADERS))
        await teammate.ended(3, *BOAT, "-o", tmp_path / "boat2.png")
    assert files_in(tmp_path) == ["boat.png"]


def own_environment(teammate: Teammate) -> dict[str, str]:
    """The environment of a process at the gateway."""
    own = {"IMAGEGATE_URL": teammate.gateway.address, "IMAGEGATE_KEY": teammate.key, "NO_PROXY": "*"}
    return clean_environment("OPENAI_") | own


async def started(teammate: Teammate, words: Sequence[str | Path], stderr: int) -> asyncio.subprocess.Process:
    """The command as a process of its own."""
    command = (sys.executable, "-m", "app", *map(str, words))
    return await asyncio.create_subprocess_exec(
        *command, env=own_environment(teammate), stdout=asyncio.subprocess.PIPE, stderr=stderr
    )


async def test_a_terminal_shows_the_seconds(teammate: Teammate, tmp_path: Path) -> None:
    """On its own line, taken away at the end; what is printed stays clean."""
    simulator = teammate.gateway.simulator
    simulator.next(Scenario(withhold=True))
    ours, theirs = pty.openpty()
    process = await started(teammate, (*BOAT, "-o", tmp_path / "boat.png"), theirs)
    os.close(theirs)
    shown = await asyncio.to_thread(os.read, ours, 1000)
    await simulator.waiting(1)
    simulator.release()
    printed, _ = await process.communicate()
    os.close(ours)

    assert process.returncode == 0
    assert b"Making it, 0 s" in shown
    assert printed.decode().count("\n") == 2
    assert "\r" not in printed.decode()


async def test_whoever_stops_waiting_can_fetch_it(teammate: Teammate, tmp_path: Path) -> None:
    """Ctrl-C ends the wait, not the purchase; the message says how to get the picture."""
    simulator = teammate.gateway.simulator
    simulator.next(Scenario(withhold=True))
    process = await started(teammate, (*BOAT, "-o", tmp_path / "boat.png"), asyncio.subprocess.PIPE)
    await simulator.waiting(1)

    async def asks() -> bool:
        """Whether it has its 202 and asks for the end."""
        return teammate.gateway.connections > 0

    await until(asks)
    process.send_signal(signal.SIGINT)
    _, told = await process.communicate()
    simulator.release()

    assert process.returncode == 3
    assert b"You stopped waiting" in told
    await simulator.quiet()
    again = told.decode().split("--idempotency-key ")
    words = [*BOAT, "--idempotency-key", again[1].split()[0]] if len(again) > 1 else []
    words = words or ["image", "--fetch", told.decode().split("--fetch ")[1].split("`")[0]]
    await teammate.made(*words, "-o", tmp_path / "boat.png")
    assert simulator.pictures == 1
