"""Many clients at once, at a moderate pace: they send orders, ask again where they may, and keep all answers."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from random import Random

from tests.soak.client import Client
from tests.soak.errands import Wanted, wanted
from tests.soak.facts import Answer, Order

IN_FLIGHT = 80
"""At once, at most; behind that the clients wait for each other."""
_AGAIN_SECONDS = (0.1, 1.5)
"""Between two tries of one order."""
_TRIES = 4
_LOOKS = 60
"""At an order that was taken: more than a lease takes."""

Key = Mapping[str, str]


class Traffic:
    """Everything that is asked, and all that is answered."""

    def __init__(
        self, seed: int, clients: Sequence[Client], keys: Sequence[Key], clock: Callable[[], float], in_flight: int
    ) -> None:
        self._seed = seed
        self._clients = tuple(clients)
        self._keys = tuple(keys)
        self._clock = clock
        self._room = asyncio.Semaphore(in_flight)
        self.orders: dict[int, Order] = {}
        self.answers: list[Answer] = []

    async def run(self, seconds: float, per_second: float) -> None:
        """Send orders for so long, and wait for the end of all of them."""
        random = Random(f"{self._seed}-pace")
        async with asyncio.TaskGroup() as orders:
            while self._clock() < seconds:
                await asyncio.sleep(random.expovariate(per_second))
                await self._room.acquire()
                orders.create_task(self._place(len(self.orders)))

    async def _place(self, number: int) -> None:
        order = wanted(self._seed, number)
        self.orders[number] = order.order
        choice = Random(f"{self._seed}-{number}-client")
        key = choice.choice(self._keys)
        try:
            _, path = await self._order(choice, order, key, 0)
        finally:
            self._room.release()
        if path:
            await self._fetch(choice, order, key, path)
        if order.order.is_named:
            await self._repeat(choice, order, key)

    async def _order(self, choice: Random, wanted: Wanted, key: Key, attempt: int) -> tuple[Answer, str]:
        answer, path = await choice.choice(self._clients).order(wanted, key, attempt)
        self.answers.append(answer)
        return answer, path

    async def _repeat(self, choice: Random, wanted: Wanted, key: Key) -> None:
        """The same order under the same name: once more at least, and until there is a whole answer."""
        for attempt in range(1, _TRIES):
            await asyncio.sleep(choice.uniform(*_AGAIN_SECONDS))
            answer, path = await self._order(choice, wanted, key, attempt)
            if path:
                await self._fetch(choice, wanted, key, path)
            if answer.digest or path:
                return

    async def _fetch(self, choice: Random, wanted: Wanted, key: Key, path: str) -> None:
        """Look at an order that was taken, at either replica, until something became of it."""
        for attempt in range(1, _LOOKS):
            answer = await choice.choice(self._clients).fetch(wanted, key, attempt, path)
            self.answers.append(answer)
            if answer.status in (200, 410):
                return
            await asyncio.sleep(choice.uniform(*_AGAIN_SECONDS))
