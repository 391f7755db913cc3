"""Scanner and writer put together as an exchange and its delivery do it."""

from app.upstream.scanner import Answer, AnswerScanner
from app.upstream.writer import AnswerWriter

NOW = 1_790_000_000


class Rewriting:
    """One answer, from the upstream's bytes to the client's."""

    def __init__(self) -> None:
        self.scanner = AnswerScanner()
        self._writer = AnswerWriter(created=NOW)

    def feed(self, chunk: bytes) -> list[bytes]:
        """What goes out for these bytes."""
        return self._writer.write(self.scanner.feed(chunk))

    def finish(self) -> tuple[bytes, Answer]:
        """What completes the output, and the answer."""
        answer = self.scanner.finish()
        return self._writer.end(answer), answer
