"""How the answer to a purchase reaches its client: passed on as it comes, or collected first where it has to change."""

import time
from collections.abc import Callable, Sequence
from contextlib import aclosing
from typing import Protocol

from msgspec import Struct

from app.assets.spool import Spool
from app.errors import GatewayError
from app.gateway.answer import Item, as_events, as_json
from app.gateway.collection import Collection
from app.gateway.conversion import Converter
from app.gateway.door import Door
from app.gateway.event_relay import EventRelay
from app.gateway.heads import event_head, json_head
from app.gateway.keeping import Keeping
from app.gateway.pulse import COMMENT, WHITE_SPACE, Pulse
from app.gateway.purchase import Part, Purchase
from app.gateway.relay import Relay
from app.gateway.telling import tell_in_body
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

    async def can_tell(self) -> bool:
        """Be silent from here on; whether the client can still be told of an error.

        One whose answer is cut tries again, to learn of it.
        """

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


class Deliveries(Struct, frozen=True):
    """What every delivery works with."""

    spool: Spool
    converter: Converter
    keepalive_seconds: float

    def of(self, door: Door, purchase: Purchase, keeping: Keeping, heartbeat_seconds: float | None) -> Delivery:
        """The delivery this purchase asks for; ``heartbeat_seconds`` is for JSON, which no client expects it in."""
        collection = Collection(purchase.request, self.spool, self.converter)
        if purchase.request.stream:
            return EventDelivery(door, purchase, collection, keeping, self.keepalive_seconds)
        return JsonDelivery(door, purchase, collection, keeping, heartbeat_seconds)


class JsonDelivery:
    """One JSON answer."""

    def __init__(
        self,
        door: Door,
        purchase: Purchase,
        collection: Collection,
        keeping: Keeping,
        heartbeat_seconds: float | None,
    ) -> None:
        self._door = door
        self._purchase = purchase
        self._collection = collection
        self._keeping = keeping
        self._kept: PictureKind | None = None
        beats = heartbeat_seconds is not None
        self._pulse = Pulse(
            door,
            lambda: json_head(purchase, self._kept, beats=beats),
            beat=WHITE_SPACE,
            seconds=heartbeat_seconds,
        )
        self._relay = Relay(self._pulse, keeping)

    async def take(self, number: int, exchange: Exchange) -> None:
        """Pass the answer on where its pictures may stay as they are."""
        request = self._purchase.request

        def sink(kind: PictureKind) -> Sink:
            if request.exchanges > 1 or request.response_format not in (None, kind):
                return self._collection.begin(number)
            return _Passing(self._relay)

        await _read(exchange, self._purchase.parts[number], sink)

    async def finish(self) -> int:
        """Let the last piece go, or put together what was collected."""
        if self._collection:
            wanted = self._purchase.request.response_format
            items = await self._collection.items(wanted, is_wanted=self._keeping.is_on or not self._door.is_left)
            self._kept = _kept(items, wanted)
            async for piece in as_json(items, self._collection.fields()):
                await self._relay.pass_on(piece)
        self._keeping.complete()
        await self._relay.finish()
        return self._pulse.sent_bytes

    async def can_tell(self) -> bool:
        """Before the 200, or where the body can hold it."""
        await self._pulse.stop()
        return not self._door.is_open or not (self._pulse.has_spoken or self._door.wishes.is_sdk)

    async def tell(self, error: GatewayError) -> None:
        """The error takes the place of an answer of which there was nothing but heartbeats; any other has to be cut.

        So has that of an SDK, which would take the error for its answer: it tries again, and is told then.
        """
        await tell_in_body(self._door, self._pulse, error)

    async def aclose(self) -> None:
        """Stop the heart, and forget what was collected."""
        await self._pulse.aclose()
        await self._collection.aclose()


class EventDelivery:
    """A stream of events: the upstream's own, or made of its JSON answer."""

    def __init__(
        self, door: Door, purchase: Purchase, collection: Collection, keeping: Keeping, keepalive_seconds: float
    ) -> None:
        self._door = door
        self._purchase = purchase
        self._collection = collection
        self._keeping = keeping
        self._kept: PictureKind | None = None
        self._pulse = Pulse(door, lambda: event_head(purchase, self._kept), beat=COMMENT, seconds=keepalive_seconds)
        self._relay = EventRelay(door, self._pulse, keeping, expected=purchase.request.n)

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
        """Let the last line go, or make events of what was collected."""
        if self._collection:
            items = await self._collection.items("b64_json", is_wanted=self._keeping.is_on or not self._door.is_left)
            self._kept = _kept(items, "b64_json")
            self._relay.expect(len(items))
            async for piece in as_events(items, self._collection.fields(), self._purchase.request.operation):
                await self._relay.pass_on([piece], at_boundary=piece.ends_completed)
        self._keeping.complete()
        await self._relay.finish()
        return self._pulse.sent_bytes

    async def can_tell(self) -> bool:
        """Before the 200, or between two events."""
        return await self._relay.is_between_events() or not self._door.is_open

    async def tell(self, error: GatewayError) -> None:
        """An event of its own."""
        await self._relay.tell(error)

    async def aclose(self) -> None:
        """Stop the comments, and forget what was collected."""
        await self._pulse.aclose()
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
