"""The image routes of the public door: raw ASGI, because FastAPI would read the body before we know who is asking."""

from starlette.types import Receive, Scope, Send

from app.errors import GatewayError
from app.gateway.pipeline import Pipeline
from app.web.door import DoorLimits, HttpDoor


class GenerateImages:
    """``POST /v1/images/generations``."""

    def __init__(self, pipeline: Pipeline, limits: DoorLimits) -> None:
        self._pipeline = pipeline
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; an answer that fails after its 200 is left unfinished, which closes the connection."""
        door = HttpDoor(scope, receive, send, self._limits)
        try:
            await self._pipeline.generate(door)
        except GatewayError as error:
            await door.refuse(error)
        finally:
            await door.close()
