"""The operator's commands about credentials: admin tokens, and keys that are rotated, disabled and enabled."""

import pytest

from tests.support.gateway import Gateway
from tests.support.terminal import Terminal

AT_DESIGN = ("--team", "design")


@pytest.fixture
def terminal(gateway: Gateway) -> Terminal:
    return Terminal(gateway)


@pytest.fixture
async def ana(terminal: Terminal) -> str:
    """A teammate's virtual key."""
    await terminal.told("teams", "create", "design", "--budget", "250")
    text: str = (await terminal.told("keys", "create", *AT_DESIGN, "--alias", "ana"))["key"]
    return text


async def status(terminal: Terminal, key: str) -> int:
    """What the public door answers a key."""
    async with terminal.gateway.http(key) as client:
        return (await client.get("/v1/models")).status_code


async def test_tokens_are_made_listed_and_revoked(terminal: Terminal) -> None:
    """A viewer's token opens the commands that look; the list shows no secret; a revoked one opens nothing."""
    made = await terminal.run("tokens", "create", "ana")
    text = made.stdout.strip()
    assert text.startswith("sk-ig-admin-")
    assert "(viewer), shown this once" in made.stderr
    assert (await terminal.run("teams", "list", IMAGEGATE_TOKEN=text)).exit_code == 0
    refused = await terminal.refused("teams", "create", "design", "--no-budget", IMAGEGATE_TOKEN=text)
    assert "a viewer's" in refused
    listed = await terminal.run("tokens", "list")
    assert text.rpartition("-")[2] not in listed.stdout
    assert "viewer" in listed.stdout
    assert (await terminal.told("tokens", "list"))[0]["name"] == "ana"
    assert (await terminal.run("tokens", "me", IMAGEGATE_TOKEN=text)).stdout == "ana (viewer)\n"
    assert (await terminal.told("tokens", "me"))["role"] == "owner"
    revoked = await terminal.run("tokens", "revoke", "ana", "--yes")
    assert revoked.stdout.endswith(" is revoked.\n")
    assert "not known" in await terminal.refused("teams", "list", IMAGEGATE_TOKEN=text)
    assert "There is no admin token 'ana'" in await terminal.refused("tokens", "revoke", "ana", "--yes")


async def test_an_owners_token_makes_teams(terminal: Terminal) -> None:
    """As the one of the settings does."""
    owner = await terminal.told("tokens", "create", "ben", "--role", "owner")
    made = await terminal.told("teams", "create", "design", "--no-budget", IMAGEGATE_TOKEN=owner["token"])
    assert made["name"] == "design"


async def test_a_key_is_rotated(terminal: Terminal, ana: str) -> None:
    """The new one is printed once and works; the old one works while its grace lasts."""
    made = await terminal.run("keys", "rotate", "ana", *AT_DESIGN, "--yes")
    renewed = made.stdout.strip()
    assert "Older ones work until" in made.stderr
    assert [await status(terminal, key) for key in (ana, renewed)] == [200, 200]
    last = await terminal.told("keys", "rotate", "ana", *AT_DESIGN, "--grace", "0", "--yes")
    assert [await status(terminal, key) for key in (ana, renewed, last["key"])] == [401, 401, 200]
    assert (await terminal.run("keys", "rotate", "ana", *AT_DESIGN, "--grace", "604801", "--yes")).exit_code == 2


async def test_a_key_is_disabled_and_enabled(terminal: Terminal, ana: str) -> None:
    """Its state is in the list."""
    off = await terminal.run("keys", "disable", "ana", *AT_DESIGN, "--yes")
    assert off.stdout.endswith(" is disabled.\n")
    assert await status(terminal, ana) == 401
    assert " disabled " in (await terminal.run("keys", "list", *AT_DESIGN)).stdout
    on = await terminal.told("keys", "enable", "ana", *AT_DESIGN)
    assert on["state"] == "active"
    assert await status(terminal, ana) == 200


async def test_notes_of_a_key(terminal: Terminal, ana: str) -> None:
    """Set when it is made or later, taken away by nothing behind the sign."""
    made = await terminal.told(
        "keys", "create", *AT_DESIGN, "--alias", "ben", "--metadata", "for=ads", "--metadata", "a=b=c"
    )
    assert made["metadata"] == {"for": "ads", "a": "b=c"}
    changed = await terminal.told("keys", "update", "ben", *AT_DESIGN, "--metadata", "for=", "--metadata", "x=y")
    assert changed["metadata"] == {"a": "b=c", "x": "y"}
    assert "NAME=TEXT" in await terminal.refused("keys", "update", "ben", *AT_DESIGN, "--metadata", "for")


async def test_the_audit_log_is_told(terminal: Terminal, ana: str) -> None:
    """Who, what, of what, and which fields, those taken away too; page by page as JSON."""
    await terminal.told("teams", "update", "design", "--budget", "300", "--images-per-day", "5")
    await terminal.told("tokens", "create", "ben")
    shown = (await terminal.run("audit")).stdout.splitlines()
    assert [line.split()[2:5] for line in shown[1:]] == [
        ["bootstrap", "token.create", "ben"],
        ["bootstrap", "team.change", "design"],
        ["bootstrap", "key.create", "ana"],
        ["bootstrap", "team.create", "design"],
    ]
    assert shown[2].endswith("limits.images_per_day, limits.budget.limit")
    page = await terminal.told("audit", "--team", "design", "--limit", "1")
    (entry,) = page["entries"]
    assert (entry["action"], entry["after"]["limits"]["budget"]["limit"]) == ("team.change", "300.00")
    behind = await terminal.told("audit", "--team", "design", "--cursor", page["next_cursor"])
    assert [entry["action"] for entry in behind["entries"]] == ["key.create", "team.create"]
    await terminal.told("keys", "update", "ana", *AT_DESIGN, "--metadata", "desk=4")
    await terminal.told("keys", "update", "ana", *AT_DESIGN, "--metadata", "desk=")
    taken, given = (await terminal.run("audit", "--limit", "2")).stdout.splitlines()[1:]
    assert (taken.split()[-1], given.split()[-1]) == ("metadata.desk", "metadata.desk")


@pytest.mark.parametrize(
    "words", [("keys", "rotate", "ana", *AT_DESIGN), ("keys", "disable", "ana", *AT_DESIGN), ("tokens", "revoke", "x")]
)
async def test_what_takes_away_asks_first(terminal: Terminal, ana: str, words: tuple[str, ...]) -> None:
    """Without an answer nothing happens."""
    asked = await terminal.run(*words)
    assert asked.exit_code == 1
    assert "[y/N]" in asked.stderr
    assert await status(terminal, ana) == 200


async def test_a_whole_key_names_itself(terminal: Terminal, ana: str) -> None:
    """Who pastes a leaked key to revoke it revokes it; its secret is in no address, no answer and no error."""
    refused = await terminal.refused("keys", "disable", ana, "--team", "nowhere", "--yes")
    assert ana[-32:] not in refused
    revoked = await terminal.run("keys", "revoke", ana, *AT_DESIGN, "--yes")
    assert revoked.stdout.endswith(" is revoked.\n")
    assert await status(terminal, ana) == 401
    unknown = await terminal.refused("keys", "enable", f"sk-ig-nobodyst-nokey123-{'x' * 32}", *AT_DESIGN)
    assert "has no key 'sk-ig-nobodyst-nokey123'" in unknown


async def test_what_a_teammate_wrote_moves_no_cursor(terminal: Terminal, ana: str) -> None:
    """`user` is theirs to choose, and is shown to an operator letter by letter: no escape, no row of its own."""
    body = {"model": "gpt-image-2", "prompt": "a boat", "quality": "low", "user": "\x1b]0;title\x07\n\u202ered"}
    async with terminal.gateway.http(ana) as client:
        assert (await client.post("/v1/images/generations", json=body)).status_code == 200
    for words in (("usage", "--by", "user"), ("ledger", "list", *AT_DESIGN)):
        shown = (await terminal.run(*words)).stdout
        assert not {"\x1b", "\x07", "\u202e"} & set(shown)
    assert r"\x1b]0;title\x07\n\u202ered" in (await terminal.run("usage", "--by", "user")).stdout
