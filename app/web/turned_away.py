"""What the server refuses before the application has seen a request: answered, logged and counted all the same."""

import logging
from typing import Final

import orjson

from app.metrics import Metrics
from app.web.middleware import SAFE, new_request_id

log = logging.getLogger("imagegate.request")

_SAFE: Final = b"".join(b"%b: %b\r\n" % header for header in SAFE)
_LINES: Final = {
    400: b"400 Bad Request\r\n",
    408: b"408 Request Timeout\r\n",
    431: b"431 Request Header Fields Too Large\r\n",
    503: b"503 Service Unavailable\r\nretry-after: 1\r\n",
}


class TurnedAway:
    """Answers them. Whose they were is not known, and where they came from is the proxy's to say."""

    def __init__(self, metrics: Metrics) -> None:
        self._counter = metrics.http_requests

    def answer(self, status: int, message: str, code: str) -> bytes:
        """The whole answer to one, in the envelope; the connection is to be closed behind it."""
        request_id = new_request_id()
        self._counter.labels("other", status).inc()
        fields = {"request_id": request_id, "code": code, "status": status, "outcome": "refused"}
        log.info("no request", extra={"fields": fields})
        kind = "invalid_request_error" if status < 500 else "server_error"
        error = {"message": message, "type": kind, "param": None, "code": code}
        body = orjson.dumps({"error": error})
        head = (
            b"HTTP/1.1 %bx-request-id: %b\r\n%bcontent-type: application/json\r\n"
            b"content-length: %d\r\nconnection: close\r\n\r\n"
        )
        return head % (_LINES[status], request_id.encode(), _SAFE, len(body)) + body
