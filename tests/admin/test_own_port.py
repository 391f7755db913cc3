"""The operator's door at an address of its own: open there, closed elsewhere, whatever a request says of itself."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from app.admin.guard import OwnAddress
from app.cli.main import main
from app.simulator.server import Simulator
from tests.support.gateway import ADMIN_TOKEN
from tests.support.ports import free_port
from tests.support.process import command, environment
from tests.support.waiting import until

OPERATOR = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
SERVES = re.compile(r"serves (http://\S+)/v1")
DOOR = re.compile(r"operator's door is at (http://\S+)/admin/v1")


@asynccontextmanager
async def serving(tmp_path: Path, redis_url: str, **given: str) -> AsyncIterator[tuple[str, str]]:
    """`imagegate serve` as a process; the addresses of both doors, as it says them."""
    said = tmp_path / "said"
    async with Simulator() as simulator:
        settings = {
            "IMAGEGATE_REDIS_URL": redis_url,
            "IMAGEGATE_ADMIN_TOKEN": ADMIN_TOKEN,
            "IMAGEGATE_LOG_FORMAT": "text",
            "IMAGEGATE_PORT": "0",
        }
        with said.open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "app", "serve"),
                env=environment(tmp_path, simulator, **settings | given),
                stderr=log,
            )
        try:

            async def addresses() -> tuple[str, str] | None:
                assert process.returncode is None, said.read_text()
                text = said.read_text()
                serves, door = SERVES.search(text), DOOR.search(text)
                return (serves[1], door[1]) if serves and door else None

            told = await until(addresses, seconds=30)
            assert told is not None
            yield told
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(process.wait(), 30) == 0


async def doors(address: str, **headers: str) -> tuple[int, int]:
    """How the operator's and the public door answer an admin token there."""
    async with httpx.AsyncClient(base_url=address, headers=OPERATOR | headers) as client:
        operators, public = await client.get("/admin/v1/me"), await client.get("/v1/models")
        if operators.status_code == 404:
            assert operators.headers["content-type"] == "application/problem+json"
            assert "address of its own" in operators.json()["detail"]
        return operators.status_code, public.status_code


async def absolute_form(address: str, place: str) -> bytes:
    """The first line of the answer to a request whose target names another place, as a request to a proxy does."""
    host, _, port = address.removeprefix("http://").rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    words = f"GET http://{place}/admin/v1/me HTTP/1.1\r\nHost: {place}\r\nAuthorization: Bearer {ADMIN_TOKEN}\r\n\r\n"
    writer.write(words.encode())
    line = await asyncio.wait_for(reader.readline(), 10)
    writer.close()
    await writer.wait_closed()
    return line


async def test_two_ports(tmp_path: Path, redis_url: str) -> None:
    """The public port has one door, the admin port both; no header makes the one into the other."""
    async with serving(tmp_path, redis_url, IMAGEGATE_ADMIN_PORT="0") as (public, own):
        assert public != own
        assert await doors(own) == (200, 401)
        assert await doors(public) == (404, 401)
        async with httpx.AsyncClient(base_url=own, headers=OPERATOR) as operator:
            assert (await operator.get("/admin/v1/me")).json()["base_url"] == f"{public}/v1"
        place = own.removeprefix("http://")
        port = place.rpartition(":")[2]
        forged = {"Host": place, "X-Forwarded-Host": place, "X-Forwarded-Port": port, "Forwarded": f"host={place}"}
        assert await doors(public, **forged) == (404, 401)
        assert await doors(own, Host=public.removeprefix("http://")) == (200, 401)
        async with httpx.AsyncClient(base_url=public) as stranger:
            assert (await stranger.get("/admin/v1/me")).status_code == 404  # not even that a token is wanted
        assert (await absolute_form(public, place)).startswith(b"HTTP/1.1 404 ")
        for address in (public, own):
            async with httpx.AsyncClient(base_url=address) as client:
                assert (await client.get("/readyz")).status_code == 200


async def test_one_port_at_two_addresses(tmp_path: Path, redis_url: str) -> None:
    """Where only the address differs, it is the address that counts."""
    port = str(free_port())
    given = {"IMAGEGATE_PORT": port, "IMAGEGATE_ADMIN_PORT": port, "IMAGEGATE_ADMIN_HOST": "127.0.0.2"}
    async with serving(tmp_path, redis_url, **given) as (public, own):
        assert (public, own) == (f"http://127.0.0.1:{port}", f"http://127.0.0.2:{port}")
        assert await doors(own) == (200, 401)
        assert await doors(public, Host=f"127.0.0.2:{port}") == (404, 401)


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
async def test_one_address_for_two_doors_is_refused(tmp_path: Path, redis_url: str, host: str) -> None:
    """Nobody could tell them apart; the message names the setting."""
    port = str(free_port())
    given = {"IMAGEGATE_PORT": port, "IMAGEGATE_ADMIN_PORT": port, "IMAGEGATE_ADMIN_HOST": host}
    async with Simulator() as simulator:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "app", "serve"),
            env=environment(tmp_path, simulator, IMAGEGATE_REDIS_URL=redis_url, **given),
            stderr=asyncio.subprocess.PIPE,
        )
        _, said = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 1
    assert b"IMAGEGATE_ADMIN_PORT" in said


async def test_commands_work_beside_it(tmp_path: Path, redis_url: str) -> None:
    """A command without --url opens the door in its own process, whatever port the door has elsewhere."""
    async with Simulator() as simulator:
        given = environment(tmp_path, simulator, IMAGEGATE_REDIS_URL=redis_url, IMAGEGATE_ADMIN_PORT=str(free_port()))
        await command(given, "teams", "create", "design", "--no-budget")
        assert "design" in await command(given, "teams", "list")


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"IMAGEGATE_ADMIN_HOST": "10.8.0.5"}, "IMAGEGATE_ADMIN_HOST does nothing without IMAGEGATE_ADMIN_PORT"),
        ({"IMAGEGATE_ADMIN_PORT": "8080"}, "IMAGEGATE_ADMIN_PORT is IMAGEGATE_PORT"),
        ({"IMAGEGATE_ADMIN_PORT": "8080", "IMAGEGATE_ADMIN_HOST": "::"}, "IMAGEGATE_ADMIN_PORT is IMAGEGATE_PORT"),
        ({"IMAGEGATE_ADMIN_PORT": "8080", "IMAGEGATE_ADMIN_HOST": "10.8.0.5"}, None),
        ({"IMAGEGATE_ADMIN_PORT": "9080"}, None),
    ],
)
def test_a_check_tells_of_it_before(given: dict[str, str], fault: str | None) -> None:
    """`imagegate check` names what would not work, and reminds of the token without which nobody gets in."""
    ours = dict.fromkeys(name for name in os.environ if name.startswith(("IMAGEGATE_", "COMETAPI_")))
    checked = CliRunner().invoke(main, ["check"], env=ours | given)
    assert checked.exit_code == (1 if fault else 0), checked.output
    assert (fault or "IMAGEGATE_ADMIN_TOKEN is not set") in checked.output


@pytest.mark.parametrize(
    ("own", "server", "is_there"),
    [
        (OwnAddress("127.0.0.1", 9000, 8080), ("127.0.0.1", 9000), True),
        (OwnAddress("0.0.0.0", 9000, 8080), ("10.0.0.5", 9000), True),
        (OwnAddress("::", 9000, 8080), ("2001:db8::5", 9000), True),
        (OwnAddress("127.0.0.1", 9000, 8080), ("127.0.0.1", 8080), False),
        (OwnAddress("::1", 8080, 8080), ("::1", 8080), True),
        (OwnAddress("::1", 8080, 8080), ("127.0.0.1", 8080), False),
        (OwnAddress("fe80::1", 8080, 8080), ("fe80::1%lo", 8080), True),
        (OwnAddress("127.0.0.1", 9000, 8080), ("/run/imagegate.sock", None), False),
        (OwnAddress("127.0.0.1", 9000, 8080), None, False),
    ],
)
def test_the_socket_decides(own: OwnAddress, server: Any, is_there: bool) -> None:
    """By its port, by its address too where both doors have the same port; what is not known was not there."""
    assert own.is_of({"type": "http", "server": server}) is is_there
