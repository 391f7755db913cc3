"""A Redis Cluster: each call goes to the node of its slot, follows redirections, and minds only that node's breaker."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

from redis.exceptions import AskError, MovedError, TryAgainError

from app.datastore.address import Host
from app.datastore.call import Call
from app.datastore.node import Node
from app.datastore.replies import unavailable
from app.datastore.search import Search
from app.datastore.servers import REPLICATION, Nodes, replication_id
from app.datastore.slots import SlotMap, located, read_slots, slot_of
from app.errors import StoreUnavailable

_REDIRECTED_SHARE = 0.75
"""How much of its time a call may spend being redirected: what is left is for the answer, so that it seldom ends in the
middle of a round trip, where nobody knows what happened."""

_FAST_HOPS = 3
_PAUSE_SECONDS = 0.025
"""A slot on its way has its keys at two places (TRYAGAIN): it is asked for again after this long."""


class Cluster:
    """Calls by slot. A redirection says that a call did not run, so following it repeats nothing.

    redis-py's own pipeline for clusters is not used: it fails all calls when one node fails, sends everything again
    after a timeout, and follows redirections one by one.
    """

    def __init__(
        self,
        seeds: Sequence[Host],
        connect: Callable[[Host, Callable[[], None]], Node],
        *,
        timeout_seconds: float,
    ) -> None:
        self._seeds = tuple(seeds)
        self._timeout_seconds = timeout_seconds
        self._search = Search(self._look)
        self._nodes = Nodes(lambda host: connect(host, self._search.soon))
        self._map = SlotMap()

    @property
    def nodes(self) -> Iterable[Node]:
        """Every master, and the nodes that were named at first."""
        return self._nodes.all()

    @property
    def errors(self) -> int:
        """Failed round trips to every node there was."""
        return self._nodes.errors

    def submit(self, call: Call) -> Awaitable[Any]:
        """Send a call to the node of its key's slot; one without a key to any."""
        return self._submit(call)

    async def ping(self) -> None:
        """Ask the cluster whether it serves. Whether one uncovered slot is a no, is a setting of its own.

        That setting is ``cluster-require-full-coverage``. So one master away takes from readiness only what the
        operator lets it take: teams on other masters are served.
        """
        replies = await self._ask_masters(Call(("CLUSTER", "INFO")))
        states = [_state(reply) for reply in replies]
        if "ok" not in states:
            raise unavailable(f"cluster_state:{', '.join(sorted(set(states)))}", may_have_happened=False)

    async def replication_ids(self) -> frozenset[str]:
        """The ids of all masters that answer."""
        return frozenset(replication_id(reply) for reply in await self._ask_masters(REPLICATION))

    async def aclose(self) -> None:
        """Wait for what is under way, then close every connection."""
        await self._search.aclose()
        await self._nodes.aclose()

    async def _submit(self, call: Call) -> Any:
        loop = asyncio.get_running_loop()
        started = loop.time()
        give_up = started + _REDIRECTED_SHARE * self._timeout_seconds
        deadline = self._first_deadline()
        host = await self._host_of(call)
        asking, hops = False, 0
        while True:
            try:
                return await self._sent(call, host, asking=asking, deadline=deadline)
            except StoreUnavailable as refused:
                redirection = refused.__cause__
                if not isinstance(redirection, AskError | TryAgainError) or loop.time() > give_up:
                    raise
            hops, deadline = hops + 1, started + self._timeout_seconds
            if hops > _FAST_HOPS or isinstance(redirection, TryAgainError):
                await asyncio.sleep(_PAUSE_SECONDS)
            asking = isinstance(redirection, AskError) and not isinstance(redirection, MovedError)
            host = await self._redirected(call, host, redirection)

    async def _sent(self, call: Call, host: Host, *, asking: bool, deadline: float | None) -> Any:
        """One round trip, within what is left of the time where some was spent before."""
        try:
            async with asyncio.timeout_at(deadline):
                return await self._nodes.at(host).submit(call, asking=asking)
        except TimeoutError:
            raise unavailable("found too late, or redirected until the time was up", may_have_happened=True) from None

    def _first_deadline(self) -> float | None:
        """When a call that begins now must end where the map is read before; None: the node's own time counts."""
        now = asyncio.get_running_loop().time()
        return None if self._map.masters_known else now + self._timeout_seconds

    async def _redirected(self, call: Call, asked: Host, redirection: AskError | TryAgainError) -> Host:
        """Whom to ask next. A move is noted, and the whole map read again: slots seldom move alone."""
        if not isinstance(redirection, AskError):
            return await self._host_of(call)
        host = located(redirection.host, redirection.port, asked)
        if isinstance(redirection, MovedError):
            self._map.move(redirection.slot_id, host)
            self._search.soon()
        return host

    async def _host_of(self, call: Call) -> Host:
        """Who answers for a call by the map, which is read first where there is none yet."""
        if not self._map.masters_known:
            await self._search.finished(self._timeout_seconds)
            if not self._map.masters_known:
                why = self._search.failure or "no node of the cluster answers in time"
                raise unavailable(why, may_have_happened=False)
        if call.key is None:
            return min(self._map.masters, key=self._trust)
        slot = slot_of(call.key)
        host = self._map.host(slot)
        if host is None:
            self._search.soon()
            raise unavailable(f"no node of the cluster answers for slot {slot}", may_have_happened=False)
        return host

    async def _ask_masters(self, call: Call) -> list[Any]:
        """What those masters reply that answer; the failure of one where none does."""
        deadline = self._first_deadline()
        await self._host_of(call)
        asked = [self._sent(call, host, asking=False, deadline=deadline) for host in self._map.masters]
        replies = await asyncio.gather(*asked, return_exceptions=True)
        answers = [reply for reply in replies if not isinstance(reply, BaseException)]
        if not answers and isinstance(replies[0], BaseException):
            raise replies[0]
        return answers

    async def _look(self) -> None:
        """Read the map from whoever gives it, those with the fewest failures first."""
        known = [host for host in self._map.masters if host not in self._seeds]
        reasons = []
        for host in sorted((*known, *self._seeds), key=self._trust):
            try:
                reply = await self._nodes.at(host).submit(Call(("CLUSTER", "SLOTS")))
            except StoreUnavailable as error:
                reasons.append(error.detail)
                continue
            found = read_slots(reply, host)
            if found.masters_known:
                self._map = found
                await self._nodes.keep({*found.masters, *self._seeds})
                return
            reasons.append(f"{host[0]}:{host[1]} knows of no slots")
        raise unavailable("; ".join(reasons), may_have_happened=False)

    def _trust(self, host: Host) -> tuple[int, float]:
        return self._nodes.at(host).breaker.failures, random.random()  # noqa: S311 - spreads load, keeps no secret


def _state(info: Any) -> str:
    text = info.decode() if isinstance(info, bytes) else str(info)
    return next((line.partition(":")[2] for line in text.splitlines() if line.startswith("cluster_state:")), "unknown")
