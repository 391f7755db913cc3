"""What a client is told of whatever ended its request, and how, where its answer has begun."""

import asyncio
import logging

from app.errors import GatewayError, InternalError
from app.gateway.door import Door
from app.gateway.pulse import Pulse
from app.gateway.record import Record
from app.gateway.refusals import stopped
from app.logs import redacted_json

log = logging.getLogger(__name__)


def told_of(error: BaseException, record: Record) -> GatewayError:
    """The refusal itself; a word of ours for a cancellation, and for a fault, which is logged here."""
    if isinstance(error, GatewayError):
        return error
    if isinstance(error, asyncio.CancelledError):
        return stopped(record.resolution)
    log.error("image request failed", extra={"request_id": record.request_id}, exc_info=error)
    return InternalError("The gateway failed to serve this request; it has been logged.")


async def tell_in_body(door: Door, pulse: Pulse, error: GatewayError) -> None:
    """Put an error where the answer would have been, if only heartbeats went before it and its client can read it.

    That of an SDK would take it for its answer: cut off, it tries again, and is told then.
    """
    await pulse.stop()
    if door.is_open and not pulse.has_spoken and not door.wishes.is_sdk:
        await pulse.finish(redacted_json(error.envelope()))


def error_event(error: GatewayError) -> bytes:
    """The error as the last event of a stream."""
    return b"event: error\ndata: %b\n\n" % redacted_json(error.envelope())


async def tell_behind_beats(door: Door, error: GatewayError, record: Record) -> None:
    """A refusal of one whose wait for an earlier request has promised a 200 already, by a heartbeat or a comment."""
    if not door.is_open or record.request is None:
        return
    if record.request.stream:
        await door.finish(error_event(error))
    elif not door.wishes.is_sdk:
        await door.finish(redacted_json(error.envelope()))
