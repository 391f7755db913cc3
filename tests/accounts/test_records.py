"""Teams and virtual keys as values, and their form in Redis."""

import dis
import hmac
from datetime import UTC, datetime, timedelta, timezone

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from app.accounts.models import (
    PERIODS,
    Budget,
    KeyOptions,
    KeyState,
    Limits,
    PreviousSecret,
    Principal,
    Team,
    VirtualKey,
)
from app.money import MAX_MONEY, Money

counts = st.none() | st.integers(0, 10**9)
limits = st.builds(
    Limits,
    requests_per_minute=counts,
    images_per_minute=counts,
    tokens_per_minute=counts,
    concurrent_images=counts,
    images_per_day=counts,
    budget=st.none()
    | st.builds(
        Budget,
        limit=st.integers(0, MAX_MONEY).map(Money),
        period=st.sampled_from(PERIODS),
        timezone=st.sampled_from(("UTC", "Asia/Kolkata")),
        reset_day=st.integers(1, 28),
        alerts=st.lists(st.integers(1, 100), max_size=3).map(tuple),
    ),
)
INDIA = timezone(timedelta(hours=5, minutes=30))
times = st.datetimes(timezones=st.sampled_from((UTC, INDIA)))
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
teams = st.builds(
    Team, id=texts, name=texts, created_at=times, limits=limits, key_limits=limits, version=st.integers(1, 2**53)
)
keys = st.builds(
    VirtualKey,
    id=texts,
    team_id=texts,
    alias=texts,
    secret_sha256=texts,
    created_at=times,
    limits=limits,
    models=st.none() | st.lists(texts, max_size=3).map(tuple),
    expires_at=st.none() | times,
    revoked_at=st.none() | times,
    disabled_at=st.none() | times,
    previous=st.lists(st.builds(PreviousSecret, sha256=texts, until=times), max_size=3).map(tuple),
    metadata=st.lists(st.tuples(texts, texts), max_size=3).map(tuple),
    options=st.builds(
        KeyOptions,
        strict=st.none() | st.booleans(),
        unknown_fields=st.sampled_from((None, "refuse", "pass")),
        fan_out=st.booleans(),
        heartbeat_seconds=st.none() | st.floats(1, 600),
    ),
    version=st.integers(1, 2**53),
)


@given(teams)
def test_a_team_survives_its_document(team: Team) -> None:
    """Written and read back it is equal; the version stands beside the document, not in it."""
    assert Team.from_document(team.document(), team.version) == team
    assert "version" not in orjson.loads(team.document())


@given(keys)
def test_a_virtual_key_survives_its_document(key: VirtualKey) -> None:
    """No limit and a limit of 0, every model and no model, stay what they are."""
    assert VirtualKey.from_document(key.document(), key.version) == key
    assert "version" not in orjson.loads(key.document())


def test_records_of_other_versions_are_read() -> None:
    """What a newer replica wrote besides is passed over; what an older one did not write is as it always was."""
    then = {"images_per_minute": 5, "budget": {"limit": 100, "period": "day", "timezone": "UTC"}}
    old = {"id": "T", "name": "design", "created_at": "2026-11-22T12:00:00+00:00", "limits": then}
    limits = Limits(images_per_minute=5, budget=Budget(Money(100), "day"))
    expected = Team("T", "design", datetime(2026, 11, 22, 12, tzinfo=UTC), limits, version=3)
    assert Team.from_document(orjson.dumps(old), 3) == expected
    newer = orjson.loads(expected.document()) | {"colour": "blue"}
    newer["limits"] |= {"pixels_per_minute": 1, "budget": newer["limits"]["budget"] | {"rollover": True}}
    assert Team.from_document(orjson.dumps(newer), 3) == expected


NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_keys_of_other_versions_are_read() -> None:
    """A key made before it had options, or some of them, has what it always had; a newer one's are passed over."""
    key = VirtualKey("K", "T", "a", "x", NOW, Limits(), options=KeyOptions(strict=True, fan_out=True))
    document = orjson.loads(key.document())
    older = document | {"options": {"strict": True, "fan_out": True}}
    later = ("options", "disabled_at", "previous", "metadata")
    oldest = {name: value for name, value in document.items() if name not in later}
    newer = document | {"options": document["options"] | {"colour": "blue"}}
    assert VirtualKey.from_document(orjson.dumps(older), 1) == key
    assert VirtualKey.from_document(orjson.dumps(oldest), 1) == replace(key, options=KeyOptions())
    assert VirtualKey.from_document(orjson.dumps(newer), 1) == key


def a_key(**given: datetime | str | tuple[str, ...]) -> VirtualKey:
    fields = {"id": "K", "team_id": "T", "alias": "a", "secret_sha256": "x", "created_at": NOW, "limits": Limits()}
    return VirtualKey(**{**fields, **given})  # type: ignore[arg-type]  # a test's own shorthand


@pytest.mark.parametrize(
    ("key", "state"),
    [
        (a_key(), "active"),
        (a_key(expires_at=NOW + timedelta(microseconds=1)), "active"),
        (a_key(expires_at=NOW), "expired"),
        (a_key(revoked_at=NOW - timedelta(days=1)), "revoked"),
        (a_key(revoked_at=NOW, expires_at=NOW, disabled_at=NOW), "revoked"),
        (a_key(expires_at=NOW, disabled_at=NOW), "expired"),
        (a_key(disabled_at=NOW), "disabled"),
    ],
)
def test_a_key_is_open_until_it_expires_or_is_revoked(key: VirtualKey, state: KeyState) -> None:
    """Expired from the named moment on; a revoked key is called revoked whatever else it is."""
    assert key.state(NOW) == state


def test_a_key_knows_its_secrets() -> None:
    """The one it has, and those before until their grace is over; nothing else, and not the emptiness."""
    soon = NOW + timedelta(microseconds=1)
    rotated = replace(a_key(), previous=(PreviousSecret("y", NOW), PreviousSecret("z", soon)))
    assert [rotated.knows(text, NOW) for text in ("x", "y", "z", "w", "")] == ["good", "over", "good", None, None]
    assert [a_key().knows(text, NOW) for text in ("x", "")] == ["good", None]
    assert (rotated.previous_until, a_key().previous_until) == (soon, None)


def test_secrets_are_compared_in_constant_time() -> None:
    """The comparison is hmac's, which takes as long for a near miss as for a far one; no other is in the code."""
    names = [call.argval for call in dis.get_instructions(VirtualKey.knows)]
    assert names.count("compare_digest") == 1
    assert "==" not in names[: names.index("compare_digest")]
    assert VirtualKey.knows.__globals__["hmac"] is hmac


def test_the_public_id_is_the_part_before_the_secret() -> None:
    """What may be shown names team and key."""
    assert a_key().public_id == "sk-ig-T-K"


def test_an_allow_list_allows_what_it_lists() -> None:
    """No list allows every model, an empty one none."""
    team = Team("T", "team", NOW, Limits())
    assert Principal(team, a_key()).may_use("any")
    assert Principal(team, a_key(models=("a", "b"))).may_use("b")
    assert not Principal(team, a_key(models=("a", "b"))).may_use("c")
    assert not Principal(team, a_key(models=())).may_use("a")
