"""Both doors under schemathesis, as the contract test asks them, but at random and for as long as there is time."""

import random
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from tests.contract.promises import DOORS, Asked, Scene, ask, open_scene
from tests.fuzz.finding import Finding
from tests.support.redis_server import RedisServer

Tell = Callable[[str], None]


async def fuzz_doors(seconds: float, tell: Tell) -> list[Finding]:
    """Half of the time for each door of a gateway of its own; what broke its promise."""
    found = []
    for door in DOORS:
        with RedisServer() as redis, tempfile.TemporaryDirectory() as folder:
            async with open_scene(redis.url, Path(folder)) as scene:
                found += await _fuzz_door(scene, door, seconds / len(DOORS), tell)
    return found


async def _fuzz_door(scene: Scene, door: str, seconds: float, tell: Tell) -> list[Finding]:
    seed = random.SystemRandom().randrange(2**32)
    limits = ("--max-time", str(max(1, round(seconds))), "--seed", str(seed))
    asked = await ask(scene, DOORS[door], scene.credential(door), *limits, "--phases", "fuzzing,stateful")
    tell(f"the {door} door: {_counts(asked)}")
    if asked.is_sound:
        return []
    return [Finding(f"the {door} door", asked.told, f"--seed {seed}; each fault above has a command of its own")]


def _counts(asked: Asked) -> str:
    """How many requests got which status."""
    statuses: Counter[int] = sum(asked.statuses.values(), Counter())
    counts = ", ".join(f"{count} x {status}" for status, count in sorted(statuses.items()))
    return f"{statuses.total()} requests at {len(asked.statuses)} operations ({counts})"
