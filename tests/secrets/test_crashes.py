"""A crash leaves no memory behind: no core file of a gateway or of its Redis, and nothing told on its way out."""

import asyncio
import signal
from pathlib import Path

import pytest

from app.simulator.scenario import Scenario
from app.simulator.server import Simulator
from tests.faults.traffic import SMALL
from tests.secrets.answers import Answers
from tests.secrets.markers import Markers
from tests.secrets.needles import contents, search_all
from tests.secrets.replica import Replica, children, core_limits, replica
from tests.secrets.slips import GENERATIONS
from tests.support.ports import free_port
from tests.support.process import clean_environment

pytestmark = pytest.mark.slow

NO_CORE = ["0", "0"]


def environment(markers: Markers, simulator: Simulator) -> dict[str, str]:
    """A gateway with a Redis of its own, that tells where it was when it crashed."""
    return clean_environment() | {
        "COMETAPI_KEY": markers.upstream_keys[0],
        "COMETAPI_BASE_URL": simulator.url,
        "IMAGEGATE_ADMIN_TOKEN": markers.admin_token,
        "IMAGEGATE_LOG_LEVEL": "debug",
        "IMAGEGATE_PORT": str(free_port()),
        "IMAGEGATE_SIGNING_KEY": markers.signing_key,
        "PYTHONFAULTHANDLER": "1",
    }


async def key_of(running: Replica, markers: Markers, answers: Answers) -> str:
    """A virtual key of a new team."""
    async with answers.client(running.address, markers.admin_token) as door:
        assert (await door.post("/admin/v1/teams", json={"name": "design"})).status_code == 201
        key: str = (await door.post("/admin/v1/teams/design/keys", json={"alias": "ana"})).json()["key"]
    return markers.made.setdefault("virtual key", key)


@pytest.mark.parametrize("number", [signal.SIGABRT, signal.SIGSEGV], ids=lambda number: number.name)
async def test_a_crash_leaves_nothing_behind(tmp_path: Path, number: signal.Signals) -> None:
    """It crashes with a request under way: no core file, and neither its last words nor its folder has a secret.

    It was started with core files allowed, and has forbidden them itself, for the Redis beside it as well.
    """
    markers, answers = Markers(), Answers()
    async with Simulator() as simulator, replica(tmp_path / "crashed", environment(markers, simulator)) as running:
        key = await key_of(running, markers, answers)
        (redis,) = children(running.process.pid)
        limits = [core_limits(running.proc("limits", pid)) for pid in (running.process.pid, redis)]
        places = {"command line": running.proc("cmdline"), "command line of Redis": running.proc("cmdline", redis)}
        places["environment of Redis"] = running.proc("environ", redis)
        simulator.default = Scenario(withhold=True)
        async with answers.client(running.address, key) as client:
            body = SMALL | {"prompt": markers.prompt("a crash")}
            under_way = asyncio.create_task(client.post(GENERATIONS, json=body))
            await simulator.waiting(1)
            running.process.send_signal(number)
            assert await running.process.wait() == -number
            await asyncio.gather(under_way, return_exceptions=True)
        simulator.default = Scenario()
        crashed = running

    assert limits == [NO_CORE, NO_CORE]
    assert list(crashed.work.iterdir()) == []
    assert not list(crashed.data.rglob("core*"))
    assert b"Fatal Python error" in crashed.said["crashed/stderr"]
    places |= contents(tmp_path) | answers.kept
    assert any(b"ig:{" in content for place, content in places.items() if "appendonlydir" in place)
    assert search_all(places, [*markers.needles, *markers.prompts]) == []
