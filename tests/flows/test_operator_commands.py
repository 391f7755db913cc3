"""The operator's commands against a running gateway: limits and their changes, credits, CometAPI's account."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.support.gateway import Gateway
from tests.support.terminal import Terminal

BOAT = {"model": "gpt-image-2", "prompt": "a paper boat", "size": "1024x1024", "quality": "low"}
KEY = "sk-upstream-of-the-tests"


@pytest.fixture
def terminal(gateway: Gateway) -> Terminal:
    return Terminal(gateway)


@pytest.fixture
async def buyer(terminal: Terminal) -> AsyncIterator[httpx.AsyncClient]:
    """A teammate of the team `design`, made at the terminal."""
    await terminal.told("teams", "create", "design", "--budget", "250")
    key = await terminal.told("keys", "create", "--team", "design", "--alias", "ana")
    async with terminal.gateway.http(key["key"]) as client:
        yield client


async def test_every_limit_has_its_option(terminal: Terminal) -> None:
    """As written, so it stands; alerts come in any order."""
    words = ["--budget", "$250", "--period", "month", "--reset-day", "15", "--timezone", "Europe/Berlin"]
    words += ["--alert", "80", "--alert", "50", "--alert", "80", "--requests-per-minute", "60"]
    words += ["--images-per-minute", "0", "--tokens-per-minute", "1000", "--concurrent-images", "none"]
    words += ["--images-per-day", "40"]
    expected = {
        "requests_per_minute": 60,
        "images_per_minute": 0,
        "tokens_per_minute": 1000,
        "concurrent_images": None,
        "images_per_day": 40,
        "budget": {
            "limit": "250.00",
            "period": "month",
            "timezone": "Europe/Berlin",
            "reset_day": 15,
            "alerts": [50, 80],
        },
    }
    assert (await terminal.told("teams", "create", "design", *words))["limits"] == expected
    key = await terminal.told("keys", "create", "--team", "design", "--alias", "ana", *words)
    assert key["limits"] == expected
    shown = (await terminal.run("teams", "show", "design")).stdout
    assert "$250.00 a month (Europe/Berlin, from day 15), alerts at 50 % and 80 %, 60 requests a minute" in shown
    assert "A new key gets: no budget." in shown


async def test_changes_touch_what_they_name(terminal: Terminal) -> None:
    """A count, a part of the budget, none of a limit; the rest stays."""
    words = ("--budget", "250", "--images-per-day", "40", "--alert", "50")
    made = await terminal.told("teams", "create", "design", *words)
    changed = await terminal.told("teams", "update", "design", "--images-per-minute", "5", "--period", "week")
    budget = made["limits"]["budget"] | {"period": "week"}
    assert changed["limits"] == made["limits"] | {"images_per_minute": 5, "budget": budget}
    changed = await terminal.told("teams", "update", "design", "--images-per-day", "none", "--no-alerts")
    budget["alerts"] = []
    assert changed["limits"] == made["limits"] | {"images_per_minute": 5, "images_per_day": None, "budget": budget}
    changed = await terminal.told("teams", "update", "design", "--no-budget")
    assert changed["limits"]["budget"] is None


async def test_key_defaults_are_for_new_keys(terminal: Terminal) -> None:
    """Set on the team, taken by a new key where it is told nothing, overruled by `none` and --no-budget."""
    await terminal.told("teams", "create", "design", "--no-budget")
    before = await terminal.told("keys", "create", "--team", "design", "--alias", "old")
    words = ("teams", "set-key-defaults", "design", "--images-per-minute", "5", "--budget", "20", "--period", "week")
    defaults = (await terminal.told(*words))["key_limits"]
    new = await terminal.told("keys", "create", "--team", "design", "--alias", "new")
    own = ("--images-per-minute", "none", "--no-budget", "--images-per-day", "9")
    overruled = await terminal.told("keys", "create", "--team", "design", "--alias", "own", *own)

    nothing = dict.fromkeys(defaults)
    assert new["limits"] == defaults
    assert (defaults["images_per_minute"], defaults["budget"]["period"]) == (5, "week")
    assert overruled["limits"] == nothing | {"images_per_day": 9}
    assert (await terminal.told("keys", "list", "--team", "design"))[0]["limits"] == before["limits"] == nothing


async def test_a_key_is_changed_by_its_alias(terminal: Terminal, buyer: httpx.AsyncClient) -> None:
    """Limits, models, expiry and how its requests are read, there and back."""
    ana = ("keys", "update", "ana", "--team", "design")
    words = ("--model", "gpt-image-2", "--expires", "2100-01-01", "--strict", "--unknown-fields", "pass", "--fan-out")
    changed = await terminal.told(*ana, *words, "--heartbeat", "20", "--budget", "5")
    assert changed["models"] == ["gpt-image-2"]
    assert changed["expires_at"].startswith("2100-01-01")
    assert (changed["strict"], changed["unknown_fields"], changed["fan_out"]) == (True, "pass", True)
    assert changed["heartbeat_seconds"] == 20
    assert changed["limits"]["budget"]["limit"] == "5.00"
    assert "gpt-image-2, until 2100-01-01" in (await terminal.run(*ana, "--alert", "50")).stdout
    back = ("--all-models", "--never-expires", "--as-the-gateway", "--no-fan-out", "--no-heartbeat", "--no-budget")
    changed = await terminal.told(*ana, *back)
    named = ("models", "expires_at", "strict", "unknown_fields", "fan_out", "heartbeat_seconds")
    assert [changed[name] for name in named] == [None, None, None, None, False, None]
    assert changed["limits"]["budget"] is None
    assert (await buyer.get("/v1/models")).status_code == 200


@pytest.mark.usefixtures("buyer")
async def test_keys_are_listed_with_what_binds_them(terminal: Terminal) -> None:
    """Limits and options in short; a dash where there are none."""
    options = ("--strict", "--fan-out", "--unknown-fields", "pass", "--heartbeat", "20")
    words = ("--budget", "5", "--images-per-minute", "3", *options)
    await terminal.told("keys", "create", "--team", "design", "--alias", "ci", *words)
    listed = (await terminal.run("keys", "list", "--team", "design")).stdout.splitlines()
    (ana,) = [line for line in listed if line.startswith("ana")]
    (ci,) = [line for line in listed if line.startswith("ci")]
    assert ana.split()[-3:-1] == ["-", "-"]
    assert "$5.00 a month (UTC), 3 images a minute  strict, unknown fields: pass, fan-out, heartbeat: 20 s" in ci


async def test_a_team_made_here_says_where_its_books_are(terminal: Terminal, tmp_path: Path) -> None:
    """Without --url the books are in a folder of this machine, which is named; with it they are the gateway's."""
    here = await terminal.run("teams", "create", "x", "--no-budget", "--data-dir", f"{tmp_path}/x", IMAGEGATE_URL="")
    there = await terminal.run("teams", "create", "x", "--no-budget")
    assert here.exit_code == 0, here.output
    assert f"Its books are in {tmp_path}/x." in here.stdout
    assert there.exit_code == 0, there.output
    assert "books" not in there.stdout


async def test_an_address_of_several_servers_is_checked_too(terminal: Terminal) -> None:
    """`imagegate check` reads IMAGEGATE_REDIS_URL as the gateway will, without connecting to anything."""
    told = await terminal.refused("check", IMAGEGATE_REDIS_URL="redis+cluster://:secret@h/1")
    assert "IMAGEGATE_REDIS_URL: " in told
    assert "a cluster has only 0" in told
    assert "secret" not in told
    own_redis = {"IMAGEGATE_REDIS_URL": "redis+cluster://:secret@h", "IMAGEGATE_REPLICAS": "1"}
    assert (await terminal.run("check", **own_redis)).exit_code == 0


CANNOT_BE = (
    (("teams", "create", "x"), "--budget DOLLARS, or --no-budget"),
    (("teams", "create", "x", "--no-budget", "--budget", "5"), "opposite"),
    (("teams", "create", "x", "--period", "week"), "amount is missing"),
    (("keys", "create", "--team", "design", "--alias", "x", "--alert", "5"), "amount is missing"),
    (("teams", "create", "x", "--budget", "5", "--alert", "5", "--no-alerts"), "opposite"),
    (("teams", "create", "x", "--budget", "5", "--reset-day", "29"), "1<=x<=28"),
    (("teams", "create", "x", "--budget", "5", "--period", "week", "--reset-day", "8"), "week is 1 to 7"),
    (("teams", "create", "x", "--budget", "5", "--images-per-day", "-1"), "x>=0"),
    (("teams", "create", "x", "--budget", "5", "--images-per-day", "many"), "many"),
    (("teams", "create", "x", "--budget", "twelve"), "'--budget': an amount of dollars is wanted"),
    (("teams", "update", "design", "--budget", "-5"), "'--budget': an amount of dollars is wanted"),
    (("ledger", "credit", "design", "one", "--reason", "x"), "'DOLLARS': an amount of dollars is wanted"),
    (("teams", "update", "design"), "Say what is to change"),
    (("teams", "set-key-defaults", "design"), "Say what is to change"),
    (("keys", "update", "ana", "--team", "design"), "Say what is to change"),
    (("keys", "update", "ana", "--team", "design", "--all-models", "--model", "x"), "--all-models contradicts"),
    (("keys", "update", "ana", "--team", "design", "--strict", "--as-the-gateway"), "contradicts"),
    (("keys", "update", "ana", "--team", "design", "--heartbeat", "5", "--no-heartbeat"), "contradicts"),
    (("keys", "update", "ana", "--team", "design", "--heartbeat", "0"), "1<=x<=600"),
    (("keys", "update", "ana", "--team", "design", "--heartbeat", "nan"), "--heartbeat"),
    (("keys", "update", "ana", "--team", "design", "--expires", "2020-01-01"), "in the past"),
    (("ledger", "credit", "design", "1", "--reason", "x", "--yes"), "At most $0.00 can be credited"),
    (("ledger", "credit", "design", "0", "--reason", "x", "--yes"), "a credit of nothing"),
    (("ledger", "credit", "design", "1", "--reason", "two\nlines", "--yes"), "one line"),
    (("ledger", "credit", "req_" + "0" * 20, "1", "--reason", "x", "--yes"), "No team's ledger has a request"),
    (("ledger", "credit", "r", "1", "--team", "design", "--reason", "x", "--yes"), "has no request 'r'"),
    (("ledger", "credit", "nobody", "1", "--reason", "x", "--yes"), "no team 'nobody'"),
)
"""Commands, and what they say."""


@pytest.mark.usefixtures("buyer")
async def test_what_cannot_be_is_said(terminal: Terminal) -> None:
    """In words, with a status that is not 0, and without a trace."""
    for words, told in CANNOT_BE:
        assert told in await terminal.refused(*words), words
    assert [team["name"] for team in await terminal.told("teams", "list")] == ["design"]
    assert (await terminal.told("keys", "list", "--team", "design"))[0]["models"] is None


async def test_a_picture_is_credited_by_its_request_id(terminal: Terminal, buyer: httpx.AsyncClient) -> None:
    """The id that came with the answer is enough; the ledger verifies, the usage shows what is left."""
    answer = await buyer.post("/v1/images/generations", json=BOAT)
    request_id = answer.headers["x-request-id"]
    cost = (await terminal.told("usage", "--team", "design"))["cost"]
    too_much = await terminal.refused("ledger", "credit", request_id, "1", "--reason", "blurred", "--yes")
    done = await terminal.run("ledger", "credit", request_id, cost, "--reason", "blurred", "--yes")
    usage = await terminal.told("usage", "--team", "design")
    (_, entry) = await terminal.gateway.entries((await terminal.told("teams", "show", "design"))["id"])

    assert f"At most ${cost} can be credited" in too_much
    assert f"${cost} credited to team design for {request_id}" in done.stdout
    assert (usage["cost"], usage["rows"][0]["requests"]) == ("0.00", 1)
    assert "$0.00 spent of" in (await terminal.run("usage", "--team", "design")).stdout
    assert (entry.request, entry.note["reason"]) == (request_id, "blurred")
    assert "2 entries, 0 differences" in (await terminal.run("ledger", "verify")).stdout


async def test_a_team_is_credited_and_a_repeat_is_none(terminal: Terminal, buyer: httpx.AsyncClient) -> None:
    """What asks first can be declined; with the same id the second time changes nothing and says so."""
    await buyer.post("/v1/images/generations", json=BOAT)
    words = ("ledger", "credit", "design", "0.001", "--reason", "goodwill", "--id", "credit_of_the_tests")
    declined = await terminal.refused(*words)
    first = await terminal.run(*words, "--yes")
    again = await terminal.run(*words, "--yes")
    rows = (await terminal.told("usage", "--team", "design"))["rows"]
    table = (await terminal.run("usage", "--team", "design")).stdout

    assert "Give $0.001 back to team design?" in declined
    assert "$0.001 credited to team design (credit_of_the_tests)" in first.stdout
    assert "was credited before" in again.stdout
    assert [(row["key"], row["cost"]) for row in rows if row["requests"] == 0] == [("-", "-0.001")]
    assert "-$0.001" in table
    assert "2 entries, 0 differences" in (await terminal.run("ledger", "verify")).stdout


async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Take a request, and go without a word."""
    await reader.read(1)
    writer.close()


async def test_a_change_without_an_answer_is_told_as_such(terminal: Terminal) -> None:
    """An exit code of its own where it may have come about; of a credit, the id that makes the repeat harmless."""
    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        there = {"IMAGEGATE_URL": f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"}
        credit = await terminal.run("ledger", "credit", "design", "1", "--reason", "x", "--yes", **there)
        made = await terminal.run("teams", "create", "design", "--no-budget", **there)
        looked = await terminal.run("teams", "list", **there)
    assert re.search(r"with --id credit_[0-9A-Za-z]{16} it is not given twice", credit.stderr)
    assert [done.exit_code for done in (credit, made, looked)] == [3, 3, 1]
    unreached = await terminal.run("teams", "create", "x", "--no-budget", IMAGEGATE_URL="http://127.0.0.1:1")
    assert unreached.exit_code == 1


@pytest.mark.parametrize("url", ["localhost:8080", "ftp://127.0.0.1/", "http://127.0.0.1:port"])
async def test_what_is_no_address_is_refused(terminal: Terminal, url: str) -> None:
    """A slip of the hand, told as such: nothing is sent anywhere."""
    done = await terminal.run("teams", "list", IMAGEGATE_URL=url)
    assert (done.exit_code, f"{url} is no address of a gateway" in done.stderr) == (2, True)


async def test_our_days_stand_beside_cometapis(terminal: Terminal, buyer: httpx.AsyncClient) -> None:
    """Without faults no difference; a picture that was billed and given back makes one; the key is not printed."""
    simulator = terminal.gateway.simulator
    asked = {"COMETAPI_KEY": f"{KEY},another-key"}  # the first one is asked with
    words = ("reconcile", "--balance-url", f"{simulator.origin}/user/quota", "--days", "3")
    for _ in range(3):
        assert (await buyer.post("/v1/images/generations", json=BOAT)).status_code == 200
    even = await terminal.told(*words, **asked)
    await terminal.run("ledger", "credit", "design", "0.001", "--reason", "goodwill", "--yes")
    odd = await terminal.run(*words, **asked)

    assert len(even) == 3
    assert {day["difference"] for day in even} == {"0.00"}
    assert sum(float(day["ours"]) for day in even) > 0
    assert odd.exit_code == 0
    assert odd.stdout.splitlines()[0].split() == ["DAY", "OURS", "COMETAPI", "DIFFERENCE"]
    assert "-$0.001" in odd.stdout
    assert "counts everything that was done with the account" in odd.stdout
    assert KEY not in odd.output
    assert [request.path for request in simulator.received].count("/user/quota") == 2
    only = await terminal.told(*words, "--key-name", "simulator", **asked)
    assert [day["theirs"] for day in only] == [day["theirs"] for day in even]
    unknown = await terminal.refused(*words, "--key-name", "other", **asked)
    assert "no key named 'other' in this time, only of: simulator" in unknown


@pytest.mark.parametrize(
    ("given", "url", "told"),
    [
        ({}, "{origin}/user/quota", "IMAGEGATE_BALANCE_KEY or COMETAPI_KEY is not set"),
        ({"COMETAPI_KEY": KEY, "IMAGEGATE_BALANCE_KEY": "wrong"}, "{origin}/user/quota", "the key is refused"),
        ({"COMETAPI_KEY": "wrong"}, "{origin}/user/quota", "tells no balance: the key is refused (status 401)"),
        ({"COMETAPI_KEY": KEY}, "{origin}/nowhere", "the answer has status 301"),
        ({"COMETAPI_KEY": KEY}, "{origin}/api/models", "not a balance in the documented form"),
        ({"COMETAPI_KEY": KEY}, "http://127.0.0.1:1/", "cannot be reached"),
        ({"COMETAPI_KEY": KEY}, "http://127.0.0.1:port/", "--balance-url is no address"),
    ],
)
async def test_an_account_that_tells_nothing_is_an_error(
    terminal: Terminal, given: dict[str, str], url: str, told: str
) -> None:
    """Said in one sentence, without the key."""
    address = url.format(origin=terminal.gateway.simulator.origin)
    said = await terminal.refused("reconcile", "--balance-url", address, **given)
    assert told in said
    assert KEY not in said
