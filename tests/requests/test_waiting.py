"""Whoever waits for a request is told when it has ended, and is kept no longer than it wants."""

import asyncio
from collections.abc import Awaitable

import pytest

from app.datastore.datastore import Datastore
from app.errors import StoreUnavailable
from app.requests.models import RequestRecord
from app.requests.waiting import Waiter
from app.web.middleware import new_request_id
from tests.requests.scene import Scene, open_scene
from tests.support.datastore import datastore_on
from tests.support.redis_server import RedisServer
from tests.support.waiting import until


@pytest.fixture
def scene(datastore: Datastore) -> Scene:
    return open_scene(datastore)


async def wait(
    scene: Scene, waiter: Waiter, request_id: str, seconds: float = 60, *, left: bool = False, stopping: bool = False
) -> RequestRecord | None:
    """Wait, as somebody who stays or has left, at a gateway that goes on or stops."""
    return await waiter.until_ended(
        scene.team_id,
        scene.key_id,
        request_id,
        seconds=seconds,
        gives_up=lambda: left or stopping,
    )


async def in_progress(scene: Scene) -> str:
    """A request under way."""
    request_id = await scene.write("in_progress")
    await scene.hold(request_id)
    return request_id


def state_of(record: RequestRecord | None) -> str:
    """The state of a request that was found."""
    assert record is not None
    return record.state


async def works(asked: Awaitable[object]) -> bool:
    """Whether Redis answered."""
    try:
        await asked
    except StoreUnavailable:
        return False
    return True


async def fails(asked: Awaitable[object]) -> bool:
    """Whether it did not."""
    return not await works(asked)


async def test_the_end_is_told_to_all_by_one_look(scene: Scene) -> None:
    """Two who wait for the same request share who asks for it; one who comes when it is over does not wait."""
    request_id = await in_progress(scene)
    waiter = Waiter(scene.register)
    waiting = [asyncio.create_task(wait(scene, waiter, request_id)) for _ in range(2)]
    assert state_of(await wait(scene, waiter, request_id, seconds=0.3)) == "in_progress"
    await scene.deliver(request_id)
    first, second = await asyncio.gather(*waiting)
    assert state_of(first) == "delivered"
    assert first is second
    assert state_of(await wait(scene, waiter, request_id)) == "delivered"


async def test_nobody_waits_who_does_not_want_to(scene: Scene) -> None:
    """No time, a client that has gone, a gateway that stops: the request is told as it stands."""
    request_id = await in_progress(scene)
    waiter = Waiter(scene.register)
    assert state_of(await wait(scene, waiter, request_id, seconds=0)) == "in_progress"
    assert state_of(await wait(scene, waiter, request_id, left=True)) == "in_progress"
    assert state_of(await wait(scene, waiter, request_id, stopping=True)) == "in_progress"
    assert await wait(scene, waiter, new_request_id()) is None


async def test_who_is_cancelled_leaves_the_others_waiting(scene: Scene) -> None:
    """The look they share goes on as long as one of them is there, and nothing is left running when none is."""
    request_id = await in_progress(scene)
    waiter = Waiter(scene.register)
    before = asyncio.all_tasks()
    gone, stays = [asyncio.create_task(wait(scene, waiter, request_id)) for _ in range(2)]
    assert state_of(await wait(scene, waiter, request_id, seconds=0)) == "in_progress"
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    await scene.deliver(request_id)
    assert state_of(await stays) == "delivered"
    assert asyncio.all_tasks() == before


async def test_an_outage_is_waited_out(own_redis: RedisServer) -> None:
    """Redis stands still during the wait, and is back before its end; where it is not, that is told."""
    datastore = datastore_on(own_redis.url, timeout_seconds=1.5, failures_to_open=1000)
    try:
        scene = open_scene(datastore)
        request_id = await in_progress(scene)
        waiter = Waiter(scene.register)
        waiting = asyncio.create_task(wait(scene, waiter, request_id))
        assert state_of(await wait(scene, waiter, request_id, seconds=0)) == "in_progress"
        own_redis.pause()
        await until(lambda: fails(wait(scene, waiter, request_id, seconds=0.5)))
        own_redis.resume()
        await until(lambda: works(scene.deliver(request_id)))
        assert state_of(await waiting) == "delivered"
    finally:
        await datastore.aclose()
