"""Both doors are asked what their OpenAPI document promises: no 500, no answer that is not in it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.contract.promises import DOORS, Scene, Statuses, ask, open_scene, operations

pytestmark = pytest.mark.slow


@pytest.fixture
async def scene(redis_url: str, tmp_path: Path) -> AsyncIterator[Scene]:
    """A gateway of the test's own."""
    async with open_scene(redis_url, tmp_path) as opened:
        yield opened


async def answers(scene: Scene, paths: str, credential: str, *options: str) -> Statuses:
    """How each operation at these paths answered, once no fault is found; the same questions every time."""
    asked = await ask(scene, paths, credential, "--generation-deterministic", *options)
    assert asked.is_sound, asked.told
    return asked.statuses


@pytest.mark.parametrize("door", DOORS)
async def test_whoever_may_is_answered_as_the_document_says(scene: Scene, door: str) -> None:
    """Every operation is asked with examples, at its edges and at random, and each succeeds at least once."""
    statuses = await answers(scene, DOORS[door], scene.credential(door), "--max-examples", "8")
    unproven = [name for name, found in statuses.items() if not any(200 <= status < 300 for status in found)]
    assert unproven == []
    assert statuses.keys() == operations(scene, DOORS[door]).keys()


async def test_whoever_may_not_is_refused_as_the_document_says(scene: Scene) -> None:
    """A wrong credential is told 401 at either door, whatever else may be wrong; above none is sent, too."""
    statuses = await answers(scene, "^", "sk-ig-of-nobody", "--max-examples", "2", "--phases", "examples,fuzzing")
    asked = operations(scene, "^")
    assert statuses.keys() == asked.keys()
    closed = [name for name, route in asked.items() if route["security"] and {} not in route["security"]]
    assert {name: set(statuses[name]) for name in closed} == {name: {401} for name in closed}
