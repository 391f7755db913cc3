"""The image routes of the public door: raw ASGI, because FastAPI would read the body before we know who is asking."""

from starlette.types import Receive, Scope, Send

from app.catalog.order import Operation
from app.errors import GatewayError
from app.gateway.pipeline import Pipeline
from app.web.door import HttpDoor
from app.web.order_reader import OrderReader


class ImageRoute:
    """``POST /v1/images/<operation>``; ``send_seconds`` is how long a client may take none of its answer."""

    def __init__(self, pipeline: Pipeline, operation: Operation, reader: OrderReader, send_seconds: float) -> None:
        self._pipeline = pipeline
        self._operation: Operation = operation
        self._reader = reader
        self._send_seconds = send_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; an answer that fails after its 200 is left unfinished, which closes the connection."""
        door = HttpDoor(
            scope, receive, send, operation=self._operation, reader=self._reader, send_seconds=self._send_seconds
        )
        try:
            await self._pipeline.serve(door)
        except GatewayError as error:
            await door.refuse(error)
        finally:
            await door.close()
