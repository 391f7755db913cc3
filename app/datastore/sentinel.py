"""One master that Sentinel watches over: found through the sentinels, and found anew when it stops serving."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

from app.datastore.address import Host
from app.datastore.call import Call
from app.datastore.connector import Way
from app.datastore.node import Node
from app.datastore.replies import Unanswered, refusal, unavailable
from app.datastore.search import Search
from app.datastore.servers import REPLICATION, Nodes, replication_id

_ASK_AGAIN_SECONDS = 10.0
"""A master that lost touch with the others goes on taking writes, which are lost; so even a happy one is looked up."""


class WatchedServer:
    """The master of a service. When it fails the sentinels are asked; the next call goes to whom they name."""

    def __init__(
        self,
        sentinels: Sequence[Way],
        service: str,
        connect: Callable[[Host, Callable[[], None]], Node],
        *,
        timeout_seconds: float,
        ask_again_seconds: float = _ASK_AGAIN_SECONDS,
    ) -> None:
        self._sentinels = sentinels
        self._service = service
        self._timeout_seconds = timeout_seconds
        self._ask_again_seconds = ask_again_seconds
        self._search = Search(self._look)
        self._nodes = Nodes(lambda host: connect(host, self._search.soon))
        self._master: Node | None = None

    @property
    def nodes(self) -> Iterable[Node]:
        """The master; until it is found, nobody."""
        return self._nodes.all()

    @property
    def errors(self) -> int:
        """Failed round trips to every master there was."""
        return self._nodes.errors

    def submit(self, call: Call) -> Awaitable[Any]:
        """Send a call to the master."""
        if self._master is None:
            return self._submit_when_found(call)
        if self._search.age_seconds > self._ask_again_seconds:
            self._search.soon()
        return self._master.submit(call)

    async def ping(self) -> None:
        """Ask whether the master is there."""
        await self.submit(Call(("PING",)))

    async def replication_ids(self) -> frozenset[str]:
        """The master's replication id; a failover brings another."""
        return frozenset((replication_id(await self.submit(REPLICATION)),))

    async def aclose(self) -> None:
        """Wait for what is under way, then close every connection."""
        await self._search.aclose()
        await self._nodes.aclose()

    async def _submit_when_found(self, call: Call) -> Any:
        deadline = asyncio.get_running_loop().time() + self._timeout_seconds
        await self._search.finished(self._timeout_seconds)
        if self._master is None:
            why = self._search.failure or "no sentinel answers in time"
            raise unavailable(why, may_have_happened=False)
        try:
            async with asyncio.timeout_at(deadline):
                return await self._master.submit(call)
        except TimeoutError:
            raise unavailable("the master was found too late for an answer", may_have_happened=True) from None

    async def _look(self) -> None:
        """Ask all sentinels at once; of the first majority to answer believe the one with the latest failover."""
        asked = [asyncio.create_task(self._ask(sentinel)) for sentinel in self._sentinels]
        answers: list[tuple[int, Host]] = []
        reasons: list[str] = []
        try:
            for finished in asyncio.as_completed(asked):
                answer = await finished
                if isinstance(answer, str):
                    reasons.append(answer)
                else:
                    answers.append(answer)
                if len(answers) > len(asked) // 2:
                    break
        finally:
            for task in asked:
                task.cancel()
            await asyncio.gather(*asked, return_exceptions=True)
        if not answers:
            raise unavailable(f"no sentinel knows {self._service}: {'; '.join(reasons)}", may_have_happened=False)
        host = max(answers)[1]
        self._master = self._nodes.at(host)
        await self._nodes.keep({host})

    async def _ask(self, sentinel: Way) -> tuple[int, Host] | str:
        """The epoch of the last failover and the master's address; or why there is no answer."""
        try:
            async with asyncio.timeout(self._timeout_seconds):
                reply = await sentinel.ask("SENTINEL", "MASTER", self._service)
        except Exception as error:  # noqa: BLE001 - whatever it is, this one does not answer
            return refusal(Unanswered(error, sent=True)).detail
        told = {_text(name): _text(value) for name, value in reply.items()}
        return int(told["config-epoch"]), (told["ip"], int(told["port"]))


def _text(word: bytes | str) -> str:
    return word.decode() if isinstance(word, bytes) else word
