"""The token buckets of an admission: filled evenly by the server's clock, fractions kept, never above their limit."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.accounts.models import Limits
from app.datastore.datastore import Datastore
from app.ledger.models import Verdict
from tests.ledger.scene import FUTURE_MS, Scene, fill, now_ms, open_scene


async def bucket(scene: Scene, field: str) -> tuple[float, int]:
    """Level and time of the team's bucket."""
    level, at = await scene.datastore.command("HMGET", scene.names.named("buckets:team"), field, f"{field}:at")
    return float(level), int(at)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    limit=st.integers(1, 1000), level=st.floats(0, 1000), passed_ms=st.integers(0, 60_000), amount=st.integers(1, 10)
)
async def test_a_bucket_gains_exactly_what_the_time_is_worth(
    datastore: Datastore, limit: int, level: float, passed_ms: int, amount: int
) -> None:
    """After any pause the level is the old one plus the time's share of the limit, no fraction of it lost."""
    scene = await open_scene(datastore, Limits(images_per_minute=limit))
    level = min(level, limit)
    at = await now_ms(datastore) - passed_ms
    await fill(scene, "images", level, at)

    admission = await scene.admit("r", images=amount)

    have = min(limit, level + (admission.now_ms - at) * limit / 60_000)
    assert (admission.verdict is Verdict.ADMITTED) is (have >= amount)
    expected = (have - amount, admission.now_ms) if have >= amount else (level, at)
    assert await bucket(scene, "images") == expected


async def test_a_clock_that_steps_back_adds_nothing_and_takes_nothing(datastore: Datastore) -> None:
    """A bucket last written an hour from now (the clock was set back) has its old level, and goes on from now."""
    scene = await open_scene(datastore, Limits(requests_per_minute=600))
    await fill(scene, "requests", 1.25, await now_ms(datastore) + 3_600_000)

    admitted = await scene.admit("a")

    assert admitted.verdict is Verdict.ADMITTED
    assert await bucket(scene, "requests") == (0.25, admitted.now_ms)


async def test_a_bucket_never_holds_more_than_its_limit(datastore: Datastore) -> None:
    """Neither a long pause nor a limit that was lowered leaves more than one minute's worth."""
    scene = await open_scene(datastore, Limits(requests_per_minute=3))
    await fill(scene, "requests", 500, 1)
    await scene.admit("a")
    level, _ = await bucket(scene, "requests")
    assert level == 2


@pytest.mark.parametrize("limit", [1, 7, 60, 1000])
async def test_waiting_as_told_is_enough(datastore: Datastore, limit: int) -> None:
    """After the wait a refusal names, the request is admitted; a millisecond of rounding is all it adds."""
    scene = await open_scene(datastore, Limits(requests_per_minute=limit))
    await fill(scene, "requests", 0.3, FUTURE_MS)
    refused = await scene.admit("a")
    assert refused.reason.retry_after_ms == pytest.approx(0.7 * 60_000 / limit, abs=1)

    await fill(scene, "requests", 0.3, await now_ms(datastore) - refused.reason.retry_after_ms)
    assert (await scene.admit("b")).verdict is Verdict.ADMITTED


async def test_the_tightest_of_team_and_key_is_told_for_the_headers(datastore: Datastore) -> None:
    """Limit, whole remaining requests and images, and the time until they are full again; none without a limit."""
    scene = await open_scene(
        datastore, Limits(requests_per_minute=60, images_per_minute=5), Limits(requests_per_minute=10)
    )
    await fill(scene, "requests", 4.5, FUTURE_MS)

    admission = await scene.admit("a", images=2)

    requests, images = admission.tightest("requests"), admission.tightest("images")
    assert requests is not None
    assert images is not None
    assert (requests.limit, requests.remaining) == (60, 3)
    assert requests.reset_ms == 56_500
    assert (images.limit, images.remaining, images.reset_ms) == (5, 3, 24_000)

    free = await (await open_scene(datastore)).admit("a")
    assert free.tightest("requests") is None
    assert free.tightest("images") is None


async def test_buckets_vanish_when_nobody_asks(datastore: Datastore) -> None:
    """A bucket is full again after a minute, so it need not live longer than two."""
    scene = await open_scene(datastore, Limits(requests_per_minute=5), Limits(images_per_minute=5))
    await scene.admit("a")
    for scope in ("team", f"key:{scene.keys[0].id}"):
        left_ms = await datastore.command("PTTL", scene.names.named(f"buckets:{scope}"))
        assert 60_000 < left_ms <= 120_000


async def test_a_drained_bucket_fills_again_behind_a_clock_that_stepped_back(datastore: Datastore) -> None:
    """Written an hour from now and empty: the first refusal sets its time right, so that it fills from now on."""
    scene = await open_scene(datastore, Limits(requests_per_minute=60))
    await fill(scene, "requests", 0, await now_ms(datastore) + 3_600_000)

    refused = await scene.admit("a")

    assert refused.verdict is Verdict.REFUSED
    assert await bucket(scene, "requests") == (0, refused.now_ms)
