"""As a user who may do little: the documented least is enough, and where scripts are forbidden the cure is named."""

import re
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path

import pytest

from app.datastore.opening import open_datastore
from app.datastore.script import Script
from app.simulator.server import Simulator
from tests.datastore.patience import answer, refusal
from tests.support.gateway import running_gateway
from tests.support.ports import free_port
from tests.support.redis_cluster import RedisCluster
from tests.support.redis_sentinel import WatchedRedis
from tests.support.redis_server import RedisServer

GUIDE = Path(__file__).parents[2] / "docs" / "operations" / "redis.md"
COUNT = Script("count", "return redis.call('INCRBY', KEYS[1], ARGV[1])")


def documented(trade: str) -> list[str]:
    """The ACL command that the guide gives for ``servers`` or ``sentinels``, as words."""
    lines = re.findall(r"^    (ACL SETUSER .*)$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE)
    chosen = next(line for line in lines if ("+sentinel" in line) == (trade == "sentinels"))
    return str(chosen).split()


@pytest.fixture
def guarded() -> Iterator[RedisServer]:
    """A server over TCP with a user of ours; everybody else is still its master."""
    with RedisServer({"port": str(free_port())}) as server:
        server.ask(*documented("servers"))
        yield server


def url_of(server: RedisServer) -> str:
    return f"redis://imagegate:PASSWORD@127.0.0.1:{server.port}"


async def test_the_documented_least_is_enough(guarded: RedisServer, tmp_path: Path) -> None:
    """A gateway starts as that user, sells a picture, reports, verifies its books, and is never refused anything."""
    async with Simulator() as simulator, running_gateway(url_of(guarded), tmp_path, simulator) as gateway:
        team = await gateway.new_team()
        key = await gateway.new_key(team)
        made = await gateway.sdk(key).images.generate(model="gpt-image-2", prompt="a boat", size="1024x1024")
        assert made.data
        assert len(await gateway.entries(team.id)) == 1
        async with gateway.http() as client:
            assert (await client.get("/readyz")).status_code == 200
        assert await gateway.services.datastore.replication_ids()
    assert "NOPERM" not in str(guarded.ask("INFO", "errorstats"))
    assert guarded.ask("ACL", "LOG") == []


async def test_the_documented_least_is_little(guarded: RedisServer) -> None:
    """Other people's keys, and everything dangerous, are refused: a mistake of ours, not the server's failure."""
    async with aclosing(open_datastore(url_of(guarded), timeout_seconds=10)) as datastore:
        for words in (("FLUSHALL",), ("CONFIG", "GET", "*"), ("GET", "others"), ("KEYS", "*"), ("SHUTDOWN",)):
            refused = await refusal(lambda: datastore.command(*words))  # noqa: B023 - awaited before it changes
            assert "lacks a permission" in refused.detail, words
            assert not refused.may_have_happened
        await datastore.ping()
        assert datastore.errors == 0


async def test_the_documented_least_is_enough_in_a_cluster(cluster_url: str, redis_cluster: RedisCluster) -> None:
    """The map is read, and a slot on its way followed, as that user on every node."""
    for node in redis_cluster.nodes:
        node.ask(*documented("servers"))
    url = cluster_url.replace("://", "://imagegate:PASSWORD@")
    async with aclosing(open_datastore(url, timeout_seconds=10)) as datastore:
        assert await datastore.run(COUNT, ["ig:{guarded}:n"], [1]) == 1
        onto = redis_cluster.other_than(redis_cluster.master_of("{guarded}"))
        source = redis_cluster.begin_migration("{guarded}", onto)
        while redis_cluster.move_keys("{guarded}", source, onto):
            pass
        assert await datastore.run(COUNT, ["ig:{guarded}:n"], [1]) == 2
        redis_cluster.finish_migration("{guarded}", onto)
        await datastore.ping()
        assert len(await datastore.replication_ids()) == 3
    assert [node.ask("ACL", "LOG") for node in redis_cluster.nodes] == [[], [], []]


async def test_sentinels_have_users_of_their_own() -> None:
    """As the documented user the master is found; as nobody, or with a wrong password, it is said why not."""
    with WatchedRedis(replicas=0, sentinels=1) as servers:
        sentinel = servers.sentinels[0]
        sentinel.ask(*documented("sentinels"))
        servers.servers[0].ask(*documented("servers"))
        url = servers.url.replace("://", "://imagegate:PASSWORD@") + "?sentinel_username=imagegate&sentinel_password="
        async with aclosing(open_datastore(url + "PASSWORD", timeout_seconds=10)) as datastore:
            assert await datastore.run(COUNT, ["ig:n"], [1]) == 1
        async with aclosing(open_datastore(url + "wrong", timeout_seconds=10)) as datastore:
            assert "WRONGPASS" in (await refusal(datastore.ping)).detail
        assert sentinel.ask("ACL", "LOG")[0][3] == "auth"


async def test_where_sha_is_forbidden_the_text_is_sent(guarded: RedisServer) -> None:
    """EVALSHA is not for us: every call is one EVAL more, and runs once."""
    guarded.ask("ACL", "SETUSER", "imagegate", "-evalsha")
    async with aclosing(open_datastore(url_of(guarded), timeout_seconds=10)) as datastore:
        for expected in (1, 2, 3):
            assert await datastore.run(COUNT, ["ig:n"], [1]) == expected
        assert datastore.errors == 0


async def test_where_a_proxy_hides_sha_the_text_is_sent() -> None:
    """So it is where the command is not even known, as behind some proxies."""
    with RedisServer({"rename-command": 'EVALSHA ""'}) as server:
        async with aclosing(open_datastore(server.url, timeout_seconds=10)) as datastore:
            assert await datastore.run(COUNT, ["n"], [1]) == 1


async def test_where_scripts_are_forbidden_the_cure_is_named(guarded: RedisServer) -> None:
    """Nothing happened, commands beside it are served, and once scripts are permitted they run."""
    guarded.ask("ACL", "SETUSER", "imagegate", "-eval", "-evalsha")
    async with aclosing(open_datastore(url_of(guarded), timeout_seconds=10)) as datastore:
        refused = await refusal(lambda: datastore.run(COUNT, ["ig:n"], [1]))
        assert "permit EVAL and EVALSHA" in refused.detail
        assert not refused.may_have_happened
        assert await datastore.command("GET", "ig:n") is None
        guarded.ask("ACL", "SETUSER", "imagegate", "+eval", "+evalsha")
        assert await datastore.run(COUNT, ["ig:n"], [1]) == 1


async def test_a_wrong_password_is_told_as_one(guarded: RedisServer) -> None:
    """Nothing was sent, the log says what to look at and no password, and once it is right everything goes on."""
    url = url_of(guarded).replace("PASSWORD", "guessed")
    async with aclosing(open_datastore(url, timeout_seconds=10)) as datastore:
        refused = await refusal(lambda: datastore.command("INCR", "ig:n"))
        assert "WRONGPASS" in refused.detail
        assert "password in IMAGEGATE_REDIS_URL is wrong" in refused.detail
        assert "guessed" not in refused.detail
        assert not refused.may_have_happened
        assert datastore.errors == 1, "no command can be served like this"
        guarded.ask("ACL", "SETUSER", "imagegate", ">guessed")
        assert await answer(lambda: datastore.command("INCR", "ig:n")) == 1


async def test_a_missing_password_is_told_as_one() -> None:
    """The same where the server wants one and the address has none."""
    with RedisServer({"requirepass": "PASSWORD"}) as server:
        async with aclosing(open_datastore(server.url, timeout_seconds=10)) as datastore:
            refused = await refusal(lambda: datastore.command("INCR", "n"))
            assert "NOAUTH" in refused.detail
            assert not refused.may_have_happened
        right = server.url.replace("://", "://:PASSWORD@")
        async with aclosing(open_datastore(right, timeout_seconds=10)) as datastore:
            assert await datastore.command("INCR", "n") == 1
