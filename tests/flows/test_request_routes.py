"""What became of a request, its answer once more, and forgetting it: the public routes over a real socket."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.accounts.credentials import read_credential
from app.assets.results import ResultKind
from app.money import dollars
from app.requests.models import StoredError
from app.simulator.scenario import Scenario
from app.simulator.server import Simulator
from app.web.middleware import new_request_id
from tests.requests.scene import ADMITTED_MS, Scene, open_scene
from tests.support.gateway import ADMIN_TOKEN, Gateway, running_gateway
from tests.support.waiting import until

ROUTE = "/v1/images/requests"
BOAT = {"model": "gpt-image-2", "prompt": "a paper boat", "size": "1024x1024", "quality": "low"}
BODY = b'{"created":1800000000,"data":[{"b64_json":"aGVsbG8="}]}'


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and the requests it has sent."""

    gateway: Gateway
    client: httpx.AsyncClient
    scene: Scene

    async def get(self, request_id: str, **query: str) -> httpx.Response:
        """Ask for one request."""
        return await self.client.get(f"{ROUTE}/{request_id}", params=query)

    async def keep(self, name: str, *chunks: bytes) -> None:
        """Put an answer away."""
        results = self.gateway.services.results
        draft = results.open_draft()
        assert draft is not None
        for chunk in chunks:
            await draft.write(chunk)
        assert await results.keep(name, draft)
        await draft.aclose()

    async def delivered(self, *chunks: bytes, kind: ResultKind = "json") -> str:
        """A request whose answer is kept."""
        name = self.gateway.services.results.new_name(kind)
        await self.keep(name, *chunks)
        return await self.scene.deliver(result=name)

    async def promised(self, resolved_ms: int) -> tuple[str, str]:
        """A request whose answer is said to be kept, and is not there; with its name."""
        name = self.gateway.services.results.new_name("json")
        return await self.scene.deliver(admitted=resolved_ms - 1000, resolved=resolved_ms, result=name), name

    async def in_progress(self) -> str:
        """A request under way."""
        request_id = await self.scene.write("in_progress")
        await self.scene.hold(request_id)
        return request_id


@pytest.fixture
async def caller(gateway: Gateway) -> AsyncIterator[Caller]:
    async with calling(gateway) as opened:
        yield opened


@asynccontextmanager
async def calling(gateway: Gateway) -> AsyncIterator[Caller]:
    """A caller with a key of its own."""
    key = await gateway.new_key(await gateway.new_team())
    credential = read_credential(key)
    assert credential is not None
    scene = open_scene(gateway.services.datastore, credential.team_id, credential.key_id)
    async with gateway.http(key) as client:
        yield Caller(gateway, client, scene)


def now_ms() -> int:
    """The machine has one clock, for us and for the server."""
    return int(time.time() * 1000)


async def somebody_looks() -> bool:
    """Whether a task of the gateway asks again and again how a request stands."""
    return any("_Watch._ask" in repr(task.get_coro()) for task in asyncio.all_tasks())


async def nobody_looks() -> bool:
    """Whether there is none."""
    return not await somebody_looks()


@pytest.mark.parametrize("wishes", [{}, {"stream": True, "partial_images": 1}, {"response_format": "url"}])
async def test_a_picture_that_was_bought_is_had_again(caller: Caller, wishes: dict[str, Any]) -> None:
    """Byte for byte what the client was given, under the id it was given it with, at the cost the ledger has."""
    first = await caller.client.post("/v1/images/generations", json=BOAT | wishes)
    assert first.status_code == 200
    again = await caller.get(first.headers["x-request-id"], wait="60")
    assert again.status_code == 200
    assert again.content == first.content
    assert again.headers["content-type"].split(";")[0] == first.headers["content-type"].split(";")[0]
    (entry,) = await caller.gateway.entries(caller.scene.team_id)
    assert again.headers["x-imagegate-cost"] == dollars(entry.cost)
    assert len(caller.gateway.simulator.received) == 1


async def test_a_request_that_was_refused_upstream_is_known(caller: Caller) -> None:
    """Its state has the error the client was told, and that it cost nothing."""
    caller.gateway.simulator.next(Scenario(code="moderation_blocked"))
    first = await caller.client.post("/v1/images/generations", json=BOAT)
    assert first.status_code == 400
    told = (await caller.get(first.headers["x-request-id"])).json()
    assert (told["status"], told["cost"], told["error"]) == ("failed", "0.00", first.json()["error"])


@pytest.mark.parametrize(
    ("kind", "content_type"), [("json", "application/json"), ("sse", "text/event-stream; charset=utf-8")]
)
async def test_an_answer_is_had_again_as_it_was(caller: Caller, kind: ResultKind, content_type: str) -> None:
    """GET gives every byte of it, with what it cost; HEAD the same without the bytes; and both as often as wanted."""
    chunks = [os.urandom(700_000) for _ in range(3)]
    request_id = await caller.delivered(*chunks, kind=kind)
    for method in ("GET", "HEAD", "GET"):
        got = await caller.client.request(method, f"{ROUTE}/{request_id}")
        assert got.status_code == 200
        assert got.content == (b"".join(chunks) if method == "GET" else b"")
        expected = {
            "content-type": content_type,
            "content-length": "2100000",
            "x-imagegate-request-status": "delivered",
            "x-imagegate-cost": "0.0412",
            "cache-control": "private, no-store",
            "x-content-type-options": "nosniff",
        }
        assert expected.items() <= dict(got.headers).items()


async def test_the_state_of_a_delivered_request(caller: Caller) -> None:
    """With view=state there is a document instead of the answer."""
    name = caller.gateway.services.results.new_name("json")
    about = '{"stages":{"forward":12.3},"normalized":["style;dropped"],"upstream_id":"x"}'
    request_id = await caller.scene.deliver(result=name, about=about)
    got = await caller.get(request_id, view="state")
    assert got.status_code == 200
    assert got.headers["cache-control"] == "private, no-store"
    assert got.json() == {
        "object": "image.request",
        "id": request_id,
        "status": "delivered",
        "model": "gpt-image-2",
        "operation": "generations",
        "created_at": ADMITTED_MS // 1000,
        "finished_at": ADMITTED_MS // 1000 + 12,
        "seconds": 12.345,
        "cost": "0.0412",
        "quote": "0.05",
        "images": 1,
        "result": {"kept": True, "expires_at": int(name[:10])},
        "error": None,
        "stages": {"forward": 12.3},
        "normalized": ["style;dropped"],
    }


async def test_a_request_under_way(caller: Caller) -> None:
    """202 with where and when to ask again; HEAD tells it too."""
    request_id = await caller.in_progress()
    got = await caller.get(request_id)
    assert got.status_code == 202
    assert got.headers["location"] == f"{ROUTE}/{request_id}"
    assert got.headers["retry-after"] == "2"
    told = got.json()
    assert (told["status"], told["cost"], told["finished_at"], told["seconds"]) == ("in_progress", None, None, None)
    assert (await caller.client.head(f"{ROUTE}/{request_id}")).headers["x-imagegate-request-status"] == "in_progress"
    waiting = await caller.scene.write("waiting")
    await caller.scene.ask_for_turn(waiting)
    got = await caller.get(waiting)
    assert (got.status_code, got.json()["status"]) == (202, "waiting")


async def test_waiting_for_the_answer(caller: Caller) -> None:
    """A long poll comes back with the answer when it is there, and with the state when it takes longer than allowed."""
    request_id = await caller.in_progress()
    assert (await caller.get(request_id, wait="0.2")).status_code == 202
    asking = asyncio.create_task(caller.get(request_id, wait="60"))
    name = caller.gateway.services.results.new_name("json")
    await caller.keep(name, BODY)
    await caller.scene.deliver(request_id, result=name)
    got = await asking
    assert (got.status_code, got.content) == (200, BODY)
    assert (await caller.get(request_id, wait="60", view="state")).json()["status"] == "delivered"


@pytest.mark.parametrize("state", ["refused", "failed", "unknown"])
async def test_a_request_without_an_answer(caller: Caller, state: str) -> None:
    """What went wrong is told in a 200, because the question was answered; with what it cost."""
    error = {"message": "no", "type": "server_error", "param": None, "code": "upstream_failed"}
    stored = StoredError(502, {"error": error}).as_json()
    cost = 50_000_000 if state == "unknown" else 0
    request_id = await caller.scene.write(state, resolved=ADMITTED_MS + 1000, cost=cost, images=0, error=stored)
    got = await caller.get(request_id, wait="60")
    assert got.status_code == 200
    told = got.json()
    assert (told["status"], told["error"]) == ("unknown" if cost else "failed", error)
    assert (told["cost"], told["seconds"], told["result"]) == ("0.05" if cost else "0.00", 1.0, None)


async def test_an_answer_that_is_just_being_put_away(caller: Caller) -> None:
    """It is waited for; who does not want to wait is told to come again, rather than that it is gone."""
    request_id, name = await caller.promised(now_ms())
    got = await caller.get(request_id, wait="0")
    assert (got.status_code, got.json()["status"]) == (202, "delivered")
    assert got.headers["location"] == f"{ROUTE}/{request_id}"
    asking = asyncio.create_task(caller.get(request_id, wait="60"))
    await caller.keep(name, BODY)
    got = await asking
    assert (got.status_code, got.content) == (200, BODY)


async def test_an_answer_whose_keep_fails_is_waited_for_no_longer(caller: Caller) -> None:
    """The gateway takes the name back, and whoever waits is told at once."""
    request_id, _ = await caller.promised(now_ms())
    asking = asyncio.create_task(caller.get(request_id, wait="60"))
    await caller.scene.register.forget_result(caller.scene.team_id, caller.scene.key_id, request_id)
    got = await asking
    assert (got.status_code, got.json()["error"]["code"]) == (410, "result_expired")


async def test_an_answer_that_is_not_kept_any_more(caller: Caller) -> None:
    """Never kept, forgotten, made room or past its end: 410, which no SDK tries again; the state can still be had."""
    never = await caller.scene.deliver()
    made_room, _ = await caller.promised(now_ms() - 180_000)
    ended = await caller.scene.deliver(result="1700000000-0123456789abcdefghijKL.json", resolved=now_ms())
    for request_id in (never, made_room, ended):
        got = await caller.get(request_id)
        assert (got.status_code, got.json()["error"]["code"]) == (410, "result_expired")
        assert got.headers["x-should-retry"] == "false"
        told = await caller.get(request_id, view="state")
        assert (told.status_code, told.json()["status"]) == (200, "delivered")
    assert (await caller.get(ended, view="state")).json()["result"] is None


async def test_forgetting_a_picture(caller: Caller) -> None:
    """The answer is gone from the store, the charge is not; twice is as good as once."""
    request_id = await caller.delivered(BODY)
    name = (await caller.scene.find(request_id)).result or ""
    for _ in range(2):
        got = await caller.client.delete(f"{ROUTE}/{request_id}")
        assert got.status_code == 200
        assert got.json() == {"object": "image.request.deleted", "id": request_id, "deleted": True}
    assert await caller.gateway.services.results.open(name) is None
    assert (await caller.get(request_id)).status_code == 410
    told = (await caller.get(request_id, view="state")).json()
    assert (told["status"], told["cost"], told["result"]) == ("delivered", "0.0412", None)


async def test_nothing_is_forgotten_that_is_being_made(caller: Caller) -> None:
    """409, not to be retried; the request goes on."""
    request_id = await caller.in_progress()
    got = await caller.client.delete(f"{ROUTE}/{request_id}")
    assert (got.status_code, got.headers["x-should-retry"]) == (409, "false")
    assert "still being made" in got.json()["error"]["message"]


async def test_the_newest_requests_are_listed(caller: Caller) -> None:
    """The newest first, as many as asked for, each as its own document."""
    ids = [await caller.scene.deliver(admitted=ADMITTED_MS + number) for number in range(3)]
    got = (await caller.client.get(ROUTE)).json()
    assert got["object"] == "list"
    assert [told["id"] for told in got["data"]] == ids[::-1]
    assert got["data"][0] == (await caller.get(ids[2], view="state")).json()
    assert [told["id"] for told in (await caller.client.get(ROUTE, params={"limit": "1"})).json()["data"]] == ids[2:]


async def test_a_request_is_seen_by_its_own_key_only(caller: Caller) -> None:
    """For any other key, of the same team or not, for the operator's token and for nobody, there is no such request."""
    request_id = await caller.delivered(BODY)
    team = await caller.gateway.services.accounts.team(caller.scene.team_id)
    assert team is not None
    for other_team in (team, await caller.gateway.new_team()):
        async with caller.gateway.http(await caller.gateway.new_key(other_team)) as other:
            for method in ("GET", "HEAD", "DELETE"):
                assert (await other.request(method, f"{ROUTE}/{request_id}")).status_code == 404
            assert (await other.get(ROUTE)).json()["data"] == []
    for key in (None, ADMIN_TOKEN):
        async with caller.gateway.http(key) as stranger:
            for path in (ROUTE, f"{ROUTE}/{request_id}"):
                assert (await stranger.get(path)).status_code == 401
    for unheard in (new_request_id(), "req_", "x"):
        got = await caller.get(unheard)
        assert (got.status_code, got.json()["error"]["code"]) == (404, "not_found")
    assert (await caller.get(request_id)).content == BODY


@pytest.mark.parametrize(
    ("path", "name", "values"),
    [
        (f"{ROUTE}/req_00000000000000000000", "wait", ["61", "-1", "", "soon", "1e1", "٣"]),
        (f"{ROUTE}/req_00000000000000000000", "view", ["", "picture", "STATE"]),
        (ROUTE, "limit", ["0", "101", "-1", "1.5", "", "all", "٣"]),
    ],
)
async def test_a_question_that_makes_no_sense(caller: Caller, path: str, name: str, values: list[str]) -> None:
    """400 naming the parameter; others that mean nothing here are left alone."""
    for value in values:
        got = await caller.client.get(path, params={name: value})
        assert (got.status_code, got.json()["error"]["param"]) == (400, name)
    assert (await caller.client.get(ROUTE, params={"api-version": "1"})).status_code == 200


async def test_other_methods_are_told_which_there_are(caller: Caller) -> None:
    """405 with what the route takes."""
    got = await caller.client.post(f"{ROUTE}/{new_request_id()}")
    assert got.status_code == 405
    assert {method.strip() for method in got.headers["allow"].split(",")} == {"GET", "HEAD", "DELETE"}


async def test_a_client_that_goes_is_waited_for_no_longer(caller: Caller) -> None:
    """Who hangs up in a long poll leaves nobody behind who asks on its behalf."""
    request_id = await caller.in_progress()
    asking = asyncio.create_task(caller.get(request_id, wait="60"))
    await until(somebody_looks)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    await until(nobody_looks)


async def test_a_gateway_that_stops_lets_nobody_wait(caller: Caller) -> None:
    """A long poll is answered at once with what is known, and the client comes back to another replica."""
    request_id = await caller.in_progress()
    asking = asyncio.create_task(caller.get(request_id, wait="60"))
    await until(somebody_looks)
    caller.gateway.services.turnstile.close()
    assert (await asking).status_code == 202


async def test_a_reader_that_takes_nothing_is_cut(redis_url: str, tmp_path: Path, simulator: Simulator) -> None:
    """After the time allowed it finds the answer cut, and holds neither us nor the store."""
    async with running_gateway(redis_url, tmp_path, simulator, send_seconds=0.1) as gateway, calling(gateway) as caller:
        request_id = await caller.delivered(*[os.urandom(1_000_000)] * 30)
        async with caller.client.stream("GET", f"{ROUTE}/{request_id}") as got:
            body = got.aiter_raw()
            await anext(body)

            async def nobody_is_served() -> bool:
                return gateway.connections == 0

            await until(nobody_is_served)  # and meanwhile nothing is read
            with pytest.raises(httpx.RemoteProtocolError):
                async for _ in body:
                    pass
