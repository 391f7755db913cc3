"""The image routes of the public door: raw ASGI, because FastAPI would read the body before we know who is asking."""

import asyncio
import logging

from starlette.types import Receive, Scope, Send

from app.errors import ClientGone, GatewayError, InternalError, Overloaded
from app.gateway.pipeline import Pipeline
from app.web.door import HttpDoor
from app.web.errors import send_refusal

log = logging.getLogger(__name__)


class InFlight:
    """Counts image requests under way, and says when there are enough."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.number = 0

    @property
    def is_full(self) -> bool:
        """Whether another one must be refused."""
        return self.number >= self._most


class GenerateImages:
    """``POST /v1/images/generations``."""

    def __init__(self, pipeline: Pipeline, in_flight: InFlight, *, max_body_bytes: int, body_seconds: float) -> None:
        self._pipeline = pipeline
        self._in_flight = in_flight
        self._max_body_bytes = max_body_bytes
        self._body_seconds = body_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; an answer that fails after its 200 is left unfinished, which closes the connection."""
        if self._in_flight.is_full:
            error = Overloaded("This gateway has as many requests in flight as it may carry.", retry_after_seconds=2)
            await send_refusal(scope, send, error)
            return
        door = HttpDoor(scope, receive, send, max_body_bytes=self._max_body_bytes, body_seconds=self._body_seconds)
        self._in_flight.number += 1
        try:
            await self._pipeline.generate(door)
        except ClientGone:
            log.debug("client gone", extra={"request_id": door.request_id})
        except GatewayError as error:
            await door.refuse(error)
        except asyncio.CancelledError:
            await door.refuse(Overloaded("This gateway is stopping.", should_retry=False))
            raise
        except Exception:
            log.exception("image request failed", extra={"request_id": door.request_id})
            await door.refuse(InternalError("The gateway failed to serve this request; it has been logged."))
        finally:
            self._in_flight.number -= 1
            await door.close()
