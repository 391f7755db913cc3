"""What a failover forgot is sent again, once."""

from collections.abc import Awaitable, Callable
from functools import partial

import pytest

from app.datastore.datastore import Datastore, unavailable
from app.errors import StoreUnavailable
from app.ledger.recent import KEEP_SECONDS, Recent
from tests.ledger.scene import Scene, budget, delivered, open_scene


class Servers:
    """Names of the books' servers, and a clock, that a test sets."""

    def __init__(self) -> None:
        self.names = frozenset({"first"})
        self.now = 0.0
        self.is_away = False
        self.recent = Recent(self._identities, lambda: self.now, self._again)
        self._sent: dict[bytes, Callable[[], Awaitable[object]]] = {}

    def keep(self, send: Callable[[], Awaitable[object]]) -> None:
        """Have a resolution remembered that was sent like this."""
        record = b"%d" % len(self._sent)
        self._sent[record] = send
        self.recent.keep(record)

    async def _again(self, record: bytes) -> object:
        return await self._sent[record]()

    async def _identities(self) -> frozenset[str]:
        if self.is_away:
            raise unavailable("no master", may_have_happened=False)
        return self.names


async def settled(scene: Scene, servers: Servers, name: str) -> None:
    """A request bought and remembered."""
    hold, resolution = await scene.hold(name, 100), delivered(60)
    await scene.books.settle(hold, resolution)
    servers.keep(partial(scene.books.settle, hold, resolution))


async def copy_of_books(scene: Scene) -> dict[bytes, bytes]:
    """All keys of the team as they are."""
    keys = await scene.datastore.command("KEYS", f"ig:{{{scene.team.id}}}:*")
    return {key: await scene.datastore.command("DUMP", key) for key in keys}


async def go_back_to(scene: Scene, books: dict[bytes, bytes]) -> None:
    """What a failover does: the books are those of a moment ago."""
    for key in await scene.datastore.command("KEYS", f"ig:{{{scene.team.id}}}:*"):
        await scene.datastore.command("DEL", key)
    for key, value in books.items():
        await scene.datastore.command("RESTORE", key, 0, value)


async def test_forgotten_resolutions_are_sent_again_and_kept_ones_change_nothing(datastore: Datastore) -> None:
    """Of two settlements the second is forgotten; behind the failover both are there once, and the books add up."""
    scene = await open_scene(datastore, budget(1000))
    servers = Servers()
    await servers.recent.look()
    await settled(scene, servers, "a")
    behind = await copy_of_books(scene)
    await settled(scene, servers, "b")
    await go_back_to(scene, behind)
    servers.names = frozenset({"second"})
    await servers.recent.look()

    assert sorted(entry.request for entry in await scene.entries()) == ["a", "b"]
    assert await scene.spent() == 120
    await scene.assert_books_agree()


async def test_nothing_is_sent_while_the_servers_are_the_same(datastore: Datastore) -> None:
    """Without a failover the books are left alone; nor is anything sent that is older than two minutes."""
    scene = await open_scene(datastore, budget(1000))
    servers = Servers()
    await servers.recent.look()
    await settled(scene, servers, "a")
    await go_back_to(scene, {})
    await servers.recent.look()
    assert await scene.entries() == []
    servers.now = KEEP_SECONDS + 1
    await servers.recent.look()
    servers.names = frozenset({"second"})
    await servers.recent.look()

    assert await scene.entries() == []
    assert len(servers.recent) == 0


async def test_a_server_has_a_name(datastore: Datastore) -> None:
    """The real server tells who it is, and says the same twice."""
    (name,) = await datastore.replication_ids()

    assert name
    assert await datastore.replication_ids() == {name}


async def test_nothing_is_forgotten_while_redis_is_away(datastore: Datastore) -> None:
    """An outage longer than the two minutes that ends in a failover: what was resolved before it is still sent."""
    scene = await open_scene(datastore, budget(1000))
    servers = Servers()
    await servers.recent.look()
    await settled(scene, servers, "a")
    await go_back_to(scene, {})
    servers.now = KEEP_SECONDS * 3
    servers.is_away = True
    with pytest.raises(StoreUnavailable):
        await servers.recent.look()
    servers.is_away, servers.names = False, frozenset({"second"})
    await servers.recent.look()

    assert [entry.request for entry in await scene.entries()] == ["a"]


async def test_one_server_that_is_away_keeps_no_other_from_its_own(datastore: Datastore) -> None:
    """What could not be sent is tried at the next look, and only that."""
    scene = await open_scene(datastore, budget(1000))
    servers = Servers()
    await servers.recent.look()
    tries = 0

    async def to_the_dead() -> None:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise unavailable("this master is away", may_have_happened=False)

    servers.keep(to_the_dead)
    await settled(scene, servers, "a")
    await go_back_to(scene, {})
    servers.names = frozenset({"second"})
    for _ in range(5):
        await servers.recent.look()

    assert [entry.request for entry in await scene.entries()] == ["a"]
    assert tries == 3
