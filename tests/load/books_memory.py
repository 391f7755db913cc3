"""How much memory of Redis the books take, by kind of key: requests are admitted and settled as the gateway does it.

python -m tests.load.books_memory [ENTRIES [KEYS]]
"""

import asyncio
import re
import sys
from collections import Counter

from app.accounts.models import Limits
from app.catalog.pricing import TokenUsage
from app.datastore.datastore import Datastore
from app.datastore.opening import open_datastore
from app.ledger.models import Ending, Identity
from app.web.middleware import new_request_id
from tests.ledger.scene import Scene, budget, delivered, open_scene, quote
from tests.support.redis_server import RedisServer

_AT_ONCE = 200
_COST = 41_200_000
NOTE = {
    "prices": {
        "text_input": 5000,
        "image_input": 8000,
        "text_output": 10000,
        "image_output": 30000,
        "per_image": 0,
        "source": "https://openai.com/api/pricing",
    },
    "catalog": "0123456789ab",
}
"""What an entry of gpt-image-2 keeps of its prices."""
ABOUT = {
    "stages": {"authenticate": 0.05, "normalise": 0.3, "quote": 0.02, "admit": 0.7, "forward": 21432.2},
    "first_byte_seconds": 21.4,
}


async def fill(scene: Scene, number: int) -> None:
    """Admit and settle so many requests, by all keys in turn."""
    usage = TokenUsage(text_input=32, image_input=0, text_output=0, image_output=1372)

    async def one(at: int) -> None:
        key = at % len(scene.keys)
        request_id, fingerprint = new_request_id(), f"{at:032x}"
        identity = Identity(operation="generations", fingerprint=fingerprint)
        principal = scene.principal(key)
        asked = quote(_COST * 2, 1, 4000)
        admission = await scene.books.admit(principal, request_id, "gpt-image-2", asked, dict(NOTE), identity=identity)
        assert admission.hold is not None, admission
        ending = Ending(attended=True, about=ABOUT)
        await scene.books.settle(admission.hold, delivered(_COST, usage=usage), ending)

    for start in range(0, number, _AT_ONCE):
        await asyncio.gather(*[one(at) for at in range(start, min(start + _AT_ONCE, number))])
        if start % 20_000 == 0:
            print(f"{start:,} of {number:,}", file=sys.stderr)


async def by_kind(datastore: Datastore) -> dict[str, tuple[int, int]]:
    """How many keys there are of each kind, and the bytes they take."""
    numbers, sizes, cursor = Counter[str](), Counter[str](), b"0"
    while True:
        cursor, names = await datastore.command("SCAN", cursor, "COUNT", 1000)
        for name, size in zip(
            names, await datastore.commands([("MEMORY", "USAGE", name, "SAMPLES", 5) for name in names]), strict=True
        ):
            kind = re.sub(r"^ig:\{[^}]+\}:", "", name.decode()).partition(":")[0]
            numbers[kind] += 1
            sizes[kind] += size
        if int(cursor) == 0:
            return {kind: (numbers[kind], sizes[kind]) for kind in numbers}


async def main(number: int, keys: int) -> None:
    """Fill the books, and print what they take."""
    with RedisServer({"maxmemory-policy": "noeviction"}) as server:
        datastore = open_datastore(server.url, timeout_seconds=60)
        before = await datastore.memory()
        scene = await open_scene(datastore, budget(10**15), *[Limits()] * keys)
        await fill(scene, number)
        after = await datastore.memory()
        each = (after.used_bytes - before.used_bytes) / number
        print(f"{number:,} requests by {keys} keys: {each:.0f} bytes each, all kinds together")
        print("| kind | keys | bytes | bytes for each request |\n|---|---|---|---|")
        for kind, (of, size) in sorted((await by_kind(datastore)).items(), key=lambda item: -item[1][1]):
            print(f"| `{kind}` | {of:,} | {size:,} | {size / number:.1f} |")
        await datastore.aclose()


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:]]
    asyncio.run(main(*given, *(100_000, 50)[len(given) :]))
