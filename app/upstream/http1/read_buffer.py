"""The memory that all connections of one event loop read into, and how much each may hold."""

MAX_CHUNK_BYTES = 256 * 1024
"""The most one read takes and one stream holds; smaller chunks cost throughput, larger ones bring none."""

MIN_CHUNK_BYTES = 32 * 1024
"""What a stream may hold however many others there are; two TLS records."""

IN_HAND_BUDGET_BYTES = 64 * 1024 * 1024
"""What all streams together may hold before chunks get smaller than the largest: 256 streams at full size."""


class ReadBuffer:
    """One buffer for all connections of a loop.

    One is enough: a loop asks for it, fills it and hands it over within one callback, and what is kept is copied out
    there.

    ``streams`` counts the answers in progress; the more there are, the less each may hold.
    """

    __slots__ = ("_view", "streams")

    def __init__(self) -> None:
        self._view = memoryview(bytearray(MAX_CHUNK_BYTES))
        self.streams = 0

    def chunk_bytes(self) -> int:
        """What one stream may hold now."""
        if self.streams <= IN_HAND_BUDGET_BYTES // MAX_CHUNK_BYTES:
            return MAX_CHUNK_BYTES
        return max(MIN_CHUNK_BYTES, IN_HAND_BUDGET_BYTES // self.streams)

    def first(self, size_bytes: int) -> memoryview:
        """The first bytes of the buffer, for a read to fill or to be taken from."""
        return self._view[:size_bytes]
