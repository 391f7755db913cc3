"""A real cluster of three masters: calls find their node, redirections are followed, one master away harms no other."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest
import redis

from app.datastore.address import parse_address
from app.datastore.call import Call
from app.datastore.connector import Connector
from app.datastore.datastore import Datastore
from app.datastore.node import Node
from app.datastore.opening import open_datastore
from app.datastore.script import Script
from app.datastore.servers import Nodes
from app.errors import StoreUnavailable
from tests.datastore.patience import answer, refusal, refused_at_last
from tests.datastore.pretended import pretended_server
from tests.support.redis_cluster import RedisCluster

TEAMS = [f"team{number}" for number in range(12)]
"""Enough for every master to have some."""

ONCE = Script(
    "once",
    "if redis.call('SADD', KEYS[1], ARGV[1]) == 1 then redis.call('INCR', KEYS[2]) end "
    "return redis.call('GET', KEYS[2])",
)


def keys(team: str) -> list[str]:
    return [f"{{{team}}}:done", f"{{{team}}}:count"]


@pytest.fixture
async def datastore(cluster_url: str) -> AsyncIterator[Datastore]:
    opened = open_datastore(cluster_url, timeout_seconds=10)
    yield opened
    await opened.aclose()


async def test_calls_of_many_teams_go_to_their_masters(datastore: Datastore, redis_cluster: RedisCluster) -> None:
    """Scripts and commands of teams on all masters, asked at once, each get their own reply; one write to each."""
    assert len({redis_cluster.master_of(f"{{{team}}}") for team in TEAMS}) == 3
    runs = [datastore.run(ONCE, keys(team), [request]) for team in TEAMS for request in range(5)]
    assert await asyncio.gather(*runs) == [str(count).encode() for _ in TEAMS for count in range(1, 6)]
    counts = await datastore.commands([("GET", keys(team)[1]) for team in TEAMS])
    assert counts == [b"5"] * len(TEAMS)
    assert datastore.errors == 0


async def test_calls_of_one_tick_are_one_write_to_each_master(
    datastore: Datastore, redis_cluster: RedisCluster
) -> None:
    """However many teams ask at once, each master reads once."""
    await datastore.commands([("GET", f"{{{team}}}") for team in TEAMS])
    observers = [redis.Redis(unix_socket_path=str(node.socket)) for node in redis_cluster.masters]
    before = [_reads(observer) for observer in observers]
    await datastore.commands([("GET", f"{{{team}}}") for team in TEAMS * 5])
    after = [_reads(observer) for observer in observers]
    for observer in observers:
        observer.close()
    its_own = 1
    assert [late - early - its_own for early, late in zip(before, after, strict=True)] == [1, 1, 1]


def _reads(observer: redis.Redis) -> int:
    return int(observer.info("stats")["total_reads_processed"])


async def test_a_team_that_moved_is_followed(datastore: Datastore, redis_cluster: RedisCluster) -> None:
    """The old master says MOVED; the same call goes on to the new one, and the next goes there at once."""
    assert await datastore.command("INCR", "{mover}:n") == 1
    source = redis_cluster.master_of("{mover}")
    onto = redis_cluster.other_than(source)
    await asyncio.to_thread(redis_cluster.migrate, "{mover}", onto)
    assert await datastore.command("INCR", "{mover}:n") == 2
    source.ask("CONFIG", "RESETSTAT")
    assert await datastore.run(ONCE, keys("mover"), ["r"]) == b"1"
    assert "errorstat_MOVED" not in source.ask("INFO", "errorstats")


async def test_a_slot_on_its_way_answers_at_its_new_place(datastore: Datastore, redis_cluster: RedisCluster) -> None:
    """ASK: what is not at the old master any more is asked for at the new one, by text where it knows no script yet."""
    await datastore.run(ONCE, keys("asked"), ["r0"])
    onto = redis_cluster.other_than(redis_cluster.master_of("{asked}"))
    onto.ask("SCRIPT", "FLUSH")
    source = redis_cluster.begin_migration("{asked}", onto)
    while redis_cluster.move_keys("{asked}", source, onto):
        pass
    assert await datastore.run(ONCE, keys("asked"), ["r1"]) == b"2"
    assert await datastore.commands([("GET", keys("asked")[1]), ("SCARD", keys("asked")[0])]) == [b"2", 2]
    redis_cluster.finish_migration("{asked}", onto)
    assert await datastore.run(ONCE, keys("asked"), ["r2"]) == b"3"


async def test_a_torn_slot_is_refused_in_time_and_waited_for(cluster_url: str, redis_cluster: RedisCluster) -> None:
    """TRYAGAIN: keys at both masters. Nothing runs; within the time it is tried again, after it the caller is told."""
    async with (
        aclosing(open_datastore(cluster_url, timeout_seconds=1.2)) as hasty,
        aclosing(open_datastore(cluster_url, timeout_seconds=20)) as patient,
    ):
        await patient.run(ONCE, keys("torn"), ["r0"])
        onto = redis_cluster.other_than(redis_cluster.master_of("{torn}"))
        source = redis_cluster.begin_migration("{torn}", onto)
        assert redis_cluster.move_keys("{torn}", source, onto) == 1
        refused = await refusal(lambda: hasty.run(ONCE, keys("torn"), ["r1"]))
        assert not refused.may_have_happened
        assert "TRYAGAIN" in refused.detail
        waiting = asyncio.create_task(patient.run(ONCE, keys("torn"), ["r1"]))
        while redis_cluster.move_keys("{torn}", source, onto):
            pass
        assert await waiting == b"2"
        redis_cluster.finish_migration("{torn}", onto)
        assert hasty.errors == patient.errors == 0, "a slot on its way is nobody's failure"


async def test_traffic_over_a_moving_slot_is_counted_exactly(cluster_url: str, redis_cluster: RedisCluster) -> None:
    """While a team moves to and fro nothing is lost or doubled: a refusal on the way means that it did not run.

    Plain increments are asked for again after a refusal, and still each counts once; so do scripts idempotent by id.
    """
    async with aclosing(open_datastore(cluster_url, timeout_seconds=10)) as datastore:
        moving = True

        async def worker(number: int) -> int:
            sent = 0
            while moving or sent < 20:
                request = f"{number}:{sent}"
                await answer(lambda: datastore.command("INCR", "{busy}:plain"), certain=True)
                await answer(lambda: datastore.run(ONCE, keys("busy"), [request]))  # noqa: B023 - awaited before it changes
                sent += 1
            return sent

        await datastore.commands([("SET", f"{{busy}}:filler:{number}", 1) for number in range(100)])
        for node in redis_cluster.masters:
            node.ask("CONFIG", "RESETSTAT")
        workers = [asyncio.create_task(worker(number)) for number in range(8)]
        for _ in range(4):
            onto = redis_cluster.other_than(redis_cluster.master_of("{busy}"))
            await asyncio.to_thread(redis_cluster.migrate, "{busy}", onto)
        moving = False
        sent = sum(await asyncio.gather(*workers))
        counts = await datastore.commands(
            [("GET", "{busy}:plain"), ("GET", keys("busy")[1]), ("SCARD", keys("busy")[0])]
        )
        assert counts == [str(sent).encode(), str(sent).encode(), sent]
    redirections = {name for node in redis_cluster.masters for name in node.ask("INFO", "errorstats")}
    assert {"errorstat_MOVED", "errorstat_ASK", "errorstat_TRYAGAIN"} <= redirections, "it was worth following"


async def test_one_master_away_harms_no_team_on_another(own_cluster: RedisCluster) -> None:
    """Frozen, then dead: its teams are refused in time, all others are served, and readiness stays; then it is back."""
    async with aclosing(open_datastore(own_cluster.url, timeout_seconds=1.5)) as datastore:
        away = own_cluster.master_of("{away}")
        others = [f"{{{team}}}:n" for team in TEAMS if own_cluster.master_of(f"{{{team}}}") is not away]
        await datastore.commands([("SET", key, 0) for key in ("{away}:n", *others)])
        away.pause()
        assert (await refusal(lambda: datastore.command("INCR", "{away}:n"))).may_have_happened
        for count in range(1, 6):
            assert await datastore.commands([("INCR", key) for key in others]) == [count] * len(others)
            refused = await refusal(lambda: datastore.command("GET", "{away}:n"))
            assert not refused.may_have_happened, "no new connection was greeted"
            await datastore.ping()
        away.resume()
        await answer(lambda: datastore.command("GET", "{away}:n"))
        away.kill()
        assert not (await refused_at_last(lambda: datastore.command("INCR", "{away}:n"))).may_have_happened
        assert await datastore.commands([("INCR", key) for key in others]) == [6] * len(others)
        away.start()
        assert await answer(lambda: datastore.command("INCR", "{away}:n")) == 1, "this server keeps nothing on disk"


async def test_a_cluster_that_wants_every_slot_tells(redis_cluster: RedisCluster, cluster_url: str) -> None:
    """CLUSTERDOWN: readiness and calls are refused, nothing happened, and it serves again by itself."""
    async with aclosing(open_datastore(cluster_url, timeout_seconds=2)) as datastore:
        await datastore.ping()
        away = redis_cluster.master_of("{away}")
        served = next(team for team in TEAMS if redis_cluster.master_of(f"{{{team}}}") is not away)
        away.kill()
        try:
            refused = await refused_at_last(lambda: datastore.command("INCR", f"{{{served}}}:n"))
            assert "CLUSTERDOWN" in refused.detail
            assert not refused.may_have_happened
            assert "cluster_state:fail" in (await refused_at_last(datastore.ping)).detail
        finally:
            away.start()
        await answer(datastore.ping)
        await answer(lambda: datastore.command("INCR", f"{{{served}}}:n"))
        await asyncio.to_thread(redis_cluster.await_, redis_cluster.serves)


async def test_a_replica_that_was_promoted_is_found() -> None:
    """A master dies, its replica takes over: calls find it by themselves, and the history of writes is another one."""
    with RedisCluster(replicas=1) as cluster:
        async with aclosing(open_datastore(cluster.url, timeout_seconds=1.5)) as datastore:
            await datastore.command("SET", "{heir}:n", 41)
            before = await datastore.replication_ids()
            assert len(before) == 3
            master = cluster.master_of("{heir}")
            assert master.ask("WAIT", 1, 5000) == 1 or await datastore.command("GET", "{heir}:n") == b"41"
            master.kill()
            assert await answer(lambda: datastore.command("GET", "{heir}:n")) == b"41"
            assert await answer(lambda: datastore.command("INCR", "{heir}:n")) == 42
            assert len(await datastore.replication_ids() - before) == 1


async def test_keys_of_two_teams_are_never_mixed(datastore: Datastore) -> None:
    """CROSSSLOT: a script over two slots runs nowhere; that is a mistake of ours and no failure of a server."""
    refused = await refusal(lambda: datastore.run(ONCE, ["{one}:done", "{two}:count"], ["r"]))
    assert "CROSSSLOT" in refused.detail
    assert not refused.may_have_happened
    assert datastore.errors == 0


async def test_any_node_leads_to_the_others(redis_cluster: RedisCluster, cluster_url: str) -> None:
    """One address is enough, and dead ones among several do no harm; where none answers that is said."""
    dead = "127.0.0.1:1"
    some = f"redis+cluster://{dead},127.0.0.1:{redis_cluster.masters[1].port}"
    async with aclosing(open_datastore(some, timeout_seconds=10)) as datastore:
        await datastore.commands([("SET", f"{{{team}}}:n", 1) for team in TEAMS])
    async with aclosing(open_datastore(f"redis+cluster://{dead}", timeout_seconds=1)) as datastore:
        refused = await refusal(lambda: datastore.command("GET", "n"))
    assert "127.0.0.1:1" in refused.detail
    assert not refused.may_have_happened


async def test_a_map_found_late_leaves_the_rest_of_the_time() -> None:
    """Reading the map and the call together take no longer than one call may; then the caller is told."""

    async def slots_and_nothing_else(came: bytes) -> bytes:
        if b"SLOTS" not in came:
            await asyncio.Event().wait()
        await asyncio.sleep(0.3)  # what a busy node takes
        return b"*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n+127.0.0.1\r\n:%d\r\n" % port

    async with (
        pretended_server(slots_and_nothing_else) as port,
        aclosing(open_datastore(f"redis+cluster://127.0.0.1:{port}", timeout_seconds=1)) as datastore,
    ):
        refused = await refusal(lambda: datastore.command("GET", "n"))
    assert "found too late" in refused.detail


async def test_nodes_that_left_are_let_go() -> None:
    """What is neither a master nor named at first is closed after a look; its failures stay counted."""
    address = parse_address("redis+cluster://127.0.0.1:2")
    connector = Connector(address)
    nodes = Nodes(lambda host: Node(connector.server(host), timeout_seconds=5))
    gone, kept = nodes.at(("127.0.0.1", 1)), nodes.at(address.hosts[0])
    with pytest.raises(StoreUnavailable):
        await gone.submit(Call(("PING",)))
    await nodes.keep({address.hosts[0]})
    assert list(nodes.all()) == [kept]
    assert nodes.errors == 1
    await nodes.aclose()


async def test_a_single_server_is_no_cluster(redis_url: str, redis_cluster: RedisCluster) -> None:
    """Either way round, the refusal says what to write in IMAGEGATE_REDIS_URL."""
    port = redis_cluster.masters[0].port
    async with aclosing(open_datastore(f"redis://127.0.0.1:{port}", timeout_seconds=10)) as datastore:
        foreign = next(team for team in TEAMS if redis_cluster.master_of(f"{{{team}}}").port != port)
        refused = await refusal(lambda: datastore.command("GET", f"{{{foreign}}}"))
        assert "redis+cluster://" in refused.detail
        assert not refused.may_have_happened
