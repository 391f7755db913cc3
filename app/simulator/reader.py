"""Turn the bytes of a connection into whole requests: content length or chunked, pipelined, under caps."""

import httptools

from app.simulator.answer import ReceivedRequest

MAX_HEAD_BYTES = 64 * 1024


class UnreadableError(Exception):
    """These bytes are no request we take; ``status`` says why, and the connection is of no further use."""

    def __init__(self, status: int) -> None:
        super().__init__(f"unreadable request: {status}")
        self.status = status


class RequestReader:
    """One connection's parser. The ``on_`` methods are httptools' callbacks and called by nobody else."""

    def __init__(self, max_body_bytes: int) -> None:
        self._max_body_bytes = max_body_bytes
        self._parser = httptools.HttpRequestParser(self)
        self._complete: list[ReceivedRequest] = []
        self._refusal: int | None = None
        self.wants_continue = False
        """The client waits for a ``100 Continue`` before it sends its body; whoever answers it clears this."""
        self._begin()

    def _begin(self) -> None:
        self._target = b""
        self._headers: list[tuple[str, str]] = []
        self._body = bytearray()
        self._head_bytes = 0

    def feed(self, data: bytes) -> list[ReceivedRequest]:
        """Take what arrived and return the requests it completed.

        Raises:
            UnreadableError: 400 for bytes that are not HTTP, 413 or 431 for too many of them.

        """
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            pass  # an upgrade is not taken: the request itself is complete and answered as HTTP/1.1
        except httptools.HttpParserError:
            raise UnreadableError(400) from None
        if self._refusal is not None:
            raise UnreadableError(self._refusal)
        complete, self._complete = self._complete, []
        return complete

    def on_message_begin(self) -> None:
        """A new request starts."""
        self._begin()

    def on_url(self, url: bytes) -> None:
        """A part of the request target."""
        self._target += url
        self._count_head(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        """One whole header."""
        self._headers.append((name.decode("latin-1"), value.decode("latin-1")))
        self._count_head(len(name) + len(value))

    def on_headers_complete(self) -> None:
        """The body, if any, comes next."""
        self.wants_continue = any(
            name.lower() == "expect" and value.lower() == "100-continue" for name, value in self._headers
        )

    def on_body(self, body: bytes) -> None:
        """A part of the body, already freed of its chunk framing."""
        if len(self._body) + len(body) > self._max_body_bytes:
            self._refusal = self._refusal or 413
        else:
            self._body += body

    def on_message_complete(self) -> None:
        """The request is whole."""
        path, _, query = self._target.decode("latin-1").partition("?")
        self._complete.append(
            ReceivedRequest(
                method=self._parser.get_method().decode("ascii"),
                path=path,
                query=query,
                headers=self._headers,
                body=bytes(self._body),
                keep_alive=self._parser.should_keep_alive(),
            )
        )
        self.wants_continue = False

    def _count_head(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > MAX_HEAD_BYTES:
            self._refusal = self._refusal or 431
