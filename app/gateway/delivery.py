"""How the answer to a purchase reaches its client: passed on as it comes, or collected first where it has to change."""

import time
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Protocol

from app.assets.spool import Spool
from app.errors import GatewayError
from app.gateway.answer import Item, as_events, as_json
from app.gateway.collection import Collection
from app.gateway.conversion import Converter
from app.gateway.door import Door
from app.gateway.event_relay import EventRelay
from app.gateway.heads import event_head, json_head
from app.gateway.purchase import Part, Purchase
from app.gateway.relay import Relay
from app.upstream.exchange import Exchange
from app.upstream.scanner import Answer, PictureKind, Segment
from app.upstream.writer import AnswerWriter


class Delivery(Protocol):
    """Takes the answer of every exchange of a purchase, and finishes when they are settled."""

    async def take(self, number: int, exchange: Exchange) -> None:
        """Take the answer of the exchange of this number, and tell its part when it is whole.

        Raises:
            ExchangeFailed: it does not become whole.

        """

    async def finish(self) -> int:
        """Everything is settled: let the last bytes go, and say how many there were in all."""

    async def tell(self, error: GatewayError) -> None:
        """Say in the answer that it ends here, where its form allows that and its status cannot say so any more."""

    async def aclose(self) -> None:
        """Forget what was collected."""


class Sink(Protocol):
    """Where the segments of an answer go."""

    async def take(self, segments: Sequence[Segment]) -> None:
        """Take what came."""

    async def end(self, answer: Answer) -> None:
        """The answer is whole."""


@dataclass(frozen=True, slots=True)
class Deliveries:
    """What every delivery works with."""

    spool: Spool
    converter: Converter
    keepalive_seconds: float

    def of(self, door: Door, purchase: Purchase) -> Delivery:
        """The delivery this purchase asks for."""
        collection = Collection(purchase.request, self.spool, self.converter)
        if purchase.request.stream:
            return EventDelivery(door, purchase, collection, self.keepalive_seconds)
        return JsonDelivery(door, purchase, collection)


class JsonDelivery:
    """One JSON answer."""

    def __init__(self, door: Door, purchase: Purchase, collection: Collection) -> None:
        self._door = door
        self._purchase = purchase
        self._collection = collection
        self._relay: Relay | None = None

    async def take(self, number: int, exchange: Exchange) -> None:
        """Pass the answer on where its pictures may stay as they are."""
        request = self._purchase.request

        def sink(kind: PictureKind) -> Sink:
            if request.exchanges > 1 or request.response_format not in (None, kind):
                return self._collection.begin(number)
            self._relay = Relay(self._door, json_head(self._purchase))
            return _Passing(self._relay)

        await _read(exchange, self._purchase.parts[number], sink)

    async def finish(self) -> int:
        """Let the last piece go, or everything that was collected."""
        relay = self._relay or await self._composed()
        await relay.finish()
        return relay.passed_bytes

    async def tell(self, error: GatewayError) -> None:
        """JSON has no place for an error behind its beginning: whoever has begun it cuts it."""

    async def aclose(self) -> None:
        """Forget what was collected."""
        await self._collection.aclose()

    async def _composed(self) -> Relay:
        wanted = self._purchase.request.response_format
        items = await self._collection.items(wanted, self._door)
        relay = Relay(self._door, json_head(self._purchase, _kept(items, wanted)))
        async for piece in as_json(items, self._collection.fields()):
            await relay.pass_on(piece)
        return relay


class EventDelivery:
    """A stream of events: the upstream's own, or made of its JSON answer."""

    def __init__(self, door: Door, purchase: Purchase, collection: Collection, keepalive_seconds: float) -> None:
        self._door = door
        self._purchase = purchase
        self._collection = collection
        self._kept: str | None = None
        self._relay = EventRelay(
            door,
            lambda: event_head(purchase, self._kept),
            expected=purchase.request.n,
            keepalive_seconds=keepalive_seconds,
        )

    async def take(self, number: int, exchange: Exchange) -> None:
        """Pass a stream on; collect JSON."""
        part = self._purchase.parts[number]
        if not exchange.is_stream or len(self._purchase.parts) > 1:
            await _read(exchange, part, lambda _: self._collection.begin(number))
            return
        events = exchange.events
        async with aclosing(exchange.pieces(self._purchase.request.n)) as stream:
            async for pieces in stream:
                await self._relay.pass_on(pieces, at_boundary=events.at_boundary)
        part.arrived(events.usages, events.completed)

    async def finish(self) -> int:
        """Let the last line go, or all events of what was collected."""
        if self._collection:
            items = await self._collection.items("b64_json", self._door)
            self._kept = _kept(items, "b64_json")
            async for piece in as_events(items, self._collection.fields(), self._purchase.request.operation):
                await self._relay.add(piece)
        await self._relay.finish()
        return self._relay.passed_bytes

    async def tell(self, error: GatewayError) -> None:
        """An event of its own."""
        await self._relay.tell(error)

    async def aclose(self) -> None:
        """Stop the comments, and forget what was collected."""
        await self._relay.aclose()
        await self._collection.aclose()


class _Passing:
    """Writes the answer anew as it passes."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._writer = AnswerWriter(created=int(time.time()))

    async def take(self, segments: Sequence[Segment]) -> None:
        """Pass on what came."""
        if out := self._writer.write(segments):
            await self._relay.pass_on(out[0] if len(out) == 1 else b"".join(out))

    async def end(self, answer: Answer) -> None:
        """Close the JSON; the relay keeps these bytes for now."""
        await self._relay.pass_on(self._writer.end(answer))


def _kept(items: Sequence[Item], wanted: PictureKind | None) -> PictureKind | None:
    """The container in which pictures stayed although another was wanted."""
    return next((item.shown.kind for item in items if wanted not in (None, item.shown.kind)), None)


async def _read(exchange: Exchange, part: Part, choose: Callable[[PictureKind], Sink]) -> None:
    """Read a JSON answer into the sink that its first picture asks for."""
    sink: Sink | None = None
    async with aclosing(exchange.segments()) as answer:
        async for segments in answer:
            kind = next((segment.start.kind for segment in segments if segment.start), None)
            if sink is None and kind is not None:
                sink = choose(kind)
            if sink is not None:
                await sink.take(segments)
    if exchange.answer is None or sink is None:
        raise RuntimeError("an exchange without an answer ends in ExchangeFailed")
    part.arrived([exchange.answer.document.get("usage")], exchange.answer.delivered)
    await sink.end(exchange.answer)
