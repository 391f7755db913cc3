"""Stage 5: the exchanges of a purchase with the upstream; one, or under fan-out one for each picture, at once."""

import asyncio
import logging
import time

from app.errors import ClientGone, GatewayError, InternalError
from app.gateway.delivery import Delivery
from app.gateway.door import Door
from app.gateway.purchase import Purchase
from app.gateway.record import Record
from app.upstream.client import UpstreamClient
from app.upstream.failure import ExchangeFailed
from app.upstream.trail import Trail

log = logging.getLogger(__name__)


class Forward:
    """Sends a purchase upstream and gives what comes back to its delivery."""

    def __init__(self, upstream: UpstreamClient, door: Door, record: Record, delivery: Delivery) -> None:
        self._upstream = upstream
        self._door = door
        self._record = record
        self._delivery = delivery

    async def all(self, purchase: Purchase) -> None:
        """Run every exchange to its end.

        Raises:
            GatewayError: one of the failures, when no exchange brought its pictures.

        """
        if len(purchase.parts) == 1:
            failures = [await self._one(purchase, 0)]
        else:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._one(purchase, number)) for number in range(len(purchase.parts))]
            failures = [task.result() for task in tasks]
        failed = [(failure, part) for failure, part in zip(failures, purchase.parts, strict=True) if failure]
        if len(failed) == len(failures):
            # What may have been billed says most, that the client has gone the least.
            raise min(failed, key=lambda one: (not one[1].resolution.charged, isinstance(one[0], ClientGone)))[0]

    async def _one(self, purchase: Purchase, number: int) -> GatewayError | None:
        """One exchange; what it failed with is given back, because its neighbours may do better."""
        part, trace = purchase.parts[number], self._record.trace
        trail = Trail(self._record.request_id, trace.next() if trace else None)
        self._record.exchanges.append((trail, part))

        def dispatched() -> None:
            if self._door.is_left:
                raise ClientGone("The client hung up before the request was sent.")
            part.dispatched()

        try:
            async with self._upstream.exchange(purchase.request, dispatched, part.taken_back, trail) as exchange:
                if self._record.first_byte_seconds is None:
                    self._record.first_byte_seconds = exchange.first_byte_seconds
                await self._delivery.take(number, exchange)
        except ExchangeFailed as failure:
            part.fell(failure)
            trail.fell(failure)
            return failure.error
        except GatewayError as error:
            trail.error = error.code
            return error
        except Exception as error:
            trail.error = InternalError.code
            if len(purchase.parts) == 1:
                raise
            log.exception("an exchange of a fan-out failed", extra={"request_id": self._record.request_id})
            return InternalError(
                "The gateway failed to serve this request; it has been logged.", detail=type(error).__name__
            )
        finally:
            trail.ended = time.perf_counter()
        return None
