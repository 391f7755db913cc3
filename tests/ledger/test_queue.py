"""The queue for slots: who waits, who goes first, who is forgotten."""

from app.accounts.models import Limits, Principal
from app.datastore.datastore import Datastore
from app.ledger.models import Admission, Mode, Verdict
from tests.ledger.scene import Scene, delivered, now_ms, open_scene, quote

ONE_SLOT = Limits(concurrent_images=1)
FREE = Limits()


async def wait(scene: Scene, request_id: str, *, key: int = 0, images: int = 1, mode: Mode = Mode.WAIT) -> Admission:
    """Ask, ready to wait."""
    principal = Principal(scene.team, scene.keys[key])
    return await scene.books.admit(principal, request_id, "model", quote(1, images), {}, mode)


async def let_ticket_die(scene: Scene, datastore: Datastore, request_id: str) -> None:
    """Move its last call six seconds into the past."""
    tickets = scene.names.named("tickets")
    text = (await datastore.command("HGET", tickets, request_id)).decode()
    long_ago = await now_ms(datastore) - 6000
    await datastore.command("HSET", tickets, request_id, f"{int(long_ago)}|{text.partition('|')[2]}")


async def waiting(scene: Scene, datastore: Datastore) -> list[str]:
    """Who waits, in order."""
    return [name.decode() for name in await datastore.command("ZRANGE", scene.names.named("queue"), 0, -1)]


async def test_first_come_first_served(datastore: Datastore) -> None:
    """A slot that comes free goes to who has waited longest, however often the others ask, newcomers included."""
    scene = await open_scene(datastore, ONE_SLOT, FREE)
    hold = await scene.hold("a")
    assert [(await wait(scene, name)).place for name in "bcd"] == [0, 1, 2]
    await scene.books.settle(hold, delivered(1))

    assert (await wait(scene, "d")).verdict is Verdict.QUEUED
    assert (await wait(scene, "e")).verdict is Verdict.QUEUED
    assert (await scene.admit("f")).reason.code == "concurrent_images"
    assert (await wait(scene, "b")).verdict is Verdict.ADMITTED
    assert await waiting(scene, datastore) == ["c", "d", "e"]


async def test_who_waits_for_a_slot_of_its_key_holds_up_nobody_else(datastore: Datastore) -> None:
    """A key at its own limit queues for itself; another key of the team walks past."""
    scene = await open_scene(datastore, Limits(concurrent_images=5), ONE_SLOT, ONE_SLOT)
    await scene.hold("a", key=0)
    assert (await wait(scene, "b", key=0)).verdict is Verdict.QUEUED

    assert (await wait(scene, "c", key=1)).verdict is Verdict.ADMITTED
    assert (await wait(scene, "d", key=0)).place == 1


async def test_a_large_request_at_the_head_is_not_overtaken(datastore: Datastore) -> None:
    """Three slots wanted, two free: smaller ones that would fit wait behind it, so that it ever gets its turn."""
    scene = await open_scene(datastore, Limits(concurrent_images=3), FREE)
    hold = await scene.hold("a")
    assert (await wait(scene, "large", images=3)).verdict is Verdict.QUEUED
    assert (await wait(scene, "small")).verdict is Verdict.QUEUED
    await scene.books.settle(hold, delivered(1))

    assert (await wait(scene, "small")).verdict is Verdict.QUEUED
    assert (await wait(scene, "large", images=3)).verdict is Verdict.ADMITTED


async def test_a_ticket_that_is_not_renewed_dies(datastore: Datastore) -> None:
    """A process that vanished does not hold up the queue; who comes back too late stands at the end."""
    scene = await open_scene(datastore, ONE_SLOT, FREE)
    hold = await scene.hold("a")
    await wait(scene, "dead")
    await wait(scene, "b")
    await let_ticket_die(scene, datastore, "dead")
    await scene.books.settle(hold, delivered(1))

    assert (await wait(scene, "b")).verdict is Verdict.ADMITTED
    assert (await wait(scene, "dead")).verdict is Verdict.QUEUED
    assert await waiting(scene, datastore) == ["dead"]


async def test_only_a_slot_is_waited_for(datastore: Datastore) -> None:
    """What lacks money too, or more than all slots, is refused at once; and a ticket that comes to lack it is taken."""
    limits = Limits(concurrent_images=1, images_per_minute=2)
    scene = await open_scene(datastore, limits, FREE)
    await scene.hold("a")
    assert (await wait(scene, "b")).verdict is Verdict.QUEUED
    assert (await wait(scene, "too many", images=2)).reason.code == "too_many_concurrent_images"
    await datastore.command("HSET", scene.names.named("buckets:team"), "images", "0", "images:at", 8 * 10**12)

    assert (await wait(scene, "b")).reason.code == "images_per_minute"
    assert await waiting(scene, datastore) == []


async def test_the_queue_is_not_longer_than_it_may_be(datastore: Datastore) -> None:
    """A hundred wait; the next one is refused, and told to come back."""
    scene = await open_scene(datastore, ONE_SLOT, FREE)
    await scene.hold("a")
    for number in range(100):
        assert (await wait(scene, f"w{number}")).verdict is Verdict.QUEUED
    refused = await wait(scene, "one too many")

    assert (refused.reason.code, refused.reason.retry_after_ms) == ("concurrent_images", 1000)
    assert len(await waiting(scene, datastore)) == 100


async def test_leaving_frees_the_place_and_stops_a_late_admission(datastore: Datastore) -> None:
    """Who gives up is out of the queue, and a call of it still under way comes to nothing."""
    scene = await open_scene(datastore, ONE_SLOT, FREE)
    await scene.hold("a")
    await wait(scene, "b")
    await scene.release("b", "refused")

    assert await waiting(scene, datastore) == []
    assert (await wait(scene, "b")).reason.code == "resolved"


async def test_a_quote_changes_nothing(datastore: Datastore) -> None:
    """Asking what would happen leaves every key of the team as it was, the queue included."""
    scene = await open_scene(datastore, Limits(concurrent_images=1, images_per_day=5, tokens_per_minute=9), FREE)
    await scene.hold("a")
    await wait(scene, "b")
    keys = sorted(await datastore.command("KEYS", f"ig:{{{scene.team.id}}}:*"))
    before = [await datastore.command("DUMP", key) for key in keys]
    quoted = await wait(scene, "c", mode=Mode.QUOTE)

    assert (quoted.verdict, quoted.reason.code) == (Verdict.REFUSED, "concurrent_images")
    assert {standing.what for standing in quoted.standings} == {"concurrent_images", "images_per_day", "tokens"}
    assert [await datastore.command("DUMP", key) for key in keys] == before
    assert sorted(await datastore.command("KEYS", f"ig:{{{scene.team.id}}}:*")) == keys


async def test_a_clock_that_is_set_back_forgets_tickets_of_the_future(datastore: Datastore) -> None:
    """A dead ticket written by a clock an hour ahead does not hold up the team for that hour."""
    scene = await open_scene(datastore, ONE_SLOT, FREE)
    hold = await scene.hold("a")
    await wait(scene, "dead")
    later = await now_ms(datastore) + 3_600_000
    await datastore.command("HSET", scene.names.named("tickets"), "dead", f"{int(later)}|[team]")
    await scene.books.settle(hold, delivered(1))

    assert (await wait(scene, "b")).verdict is Verdict.ADMITTED
