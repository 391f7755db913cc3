"""The pulse of an answer: beats in its silences, and never inside, beside or behind anything."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import pytest
from typing_extensions import override

from app.gateway.door import Header
from app.gateway.later import LaterDoor
from app.gateway.pulse import COMMENT, WHITE_SPACE, Pulse
from tests.support.waiting import until

HEAD: list[Header] = [(b"content-type", b"application/json")]
SOON_SECONDS = 0.002


class Wire(LaterDoor):
    """A door that writes down what comes, and lets nothing through while it is shut; the rest of it nobody asks for."""

    def __init__(self) -> None:
        self.is_open = False
        self.heads: list[list[Header]] = []
        self.written: list[bytes] = []
        self.under_way = 0
        self.most_under_way = 0
        self.is_over = False
        self.may_pass = asyncio.Event()
        self.may_pass.set()

    @property
    def body(self) -> bytes:
        """All that went through."""
        return b"".join(self.written)

    @override
    async def start(self, headers: Sequence[Header]) -> None:
        self.is_open = True
        self.heads.append(list(headers))
        await self._pass()

    @override
    async def send(self, piece: bytes) -> None:
        assert self.is_open
        assert not self.is_over
        await self._pass()
        self.written.append(piece)

    @override
    async def finish(self, piece: bytes) -> None:
        await self.send(piece)
        self.is_over = True

    async def _pass(self) -> None:
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        await self.may_pass.wait()
        await asyncio.sleep(0)
        self.under_way -= 1

    async def has(self, check: Callable[[bytes], bool]) -> None:
        """Wait until this is true of what went through."""

        async def so() -> bool:
            return check(self.body)

        await until(so)


@pytest.fixture
async def wire() -> Wire:
    return Wire()


@asynccontextmanager
async def beating(wire: Wire, seconds: float | None = SOON_SECONDS, beat: bytes = WHITE_SPACE) -> AsyncIterator[Pulse]:
    """A pulse over this wire."""
    pulse = Pulse(wire, lambda: HEAD, beat=beat, seconds=seconds)
    try:
        yield pulse
    finally:
        await pulse.aclose()


async def a_while() -> None:
    """Wait for as long as another pulse takes to beat often."""
    control = Wire()
    async with beating(control):
        await control.has(lambda body: len(body) > 20)


async def test_silence_is_filled_with_beats(wire: Wire) -> None:
    """The first promises the 200, once; the answer follows, and ends without a length."""
    async with beating(wire) as pulse:
        await wire.has(lambda body: len(body) >= 3)
        assert not pulse.has_spoken
        await pulse.finish(b"{}", with_length=True)
        await a_while()

    assert wire.heads == [HEAD]
    assert wire.body.strip(WHITE_SPACE) == b"{}"
    assert wire.body.endswith(b"{}")
    assert pulse.sent_bytes == len(wire.body)
    assert pulse.has_spoken


async def test_what_comes_at_once_has_no_beats_but_its_length(wire: Wire) -> None:
    """An answer in one piece tells its length in its head, but for one in several."""
    async with beating(wire, 3600) as pulse:
        await pulse.finish(b"{}", with_length=True)
    assert (wire.heads, wire.body) == ([[*HEAD, (b"content-length", b"2")]], b"{}")

    other = Wire()
    async with beating(other, 3600) as pulse:
        await pulse.send(b"{", may_beat=False)
        await pulse.finish(b"}", with_length=True)
    assert (other.heads, other.body) == ([HEAD], b"{}")


async def test_none_means_never(wire: Wire) -> None:
    """Who asked for no beats gets none, however long it takes; an empty piece promises nothing."""
    async with beating(wire, None) as pulse:
        await pulse.send(b"", may_beat=True)
        await a_while()
        assert not wire.is_open
        assert pulse.may_beat


async def test_no_beat_goes_inside_a_body(wire: Wire) -> None:
    """Between two pieces of one JSON text, or of one event, there is nothing; between two events there is."""
    async with beating(wire, beat=COMMENT) as pulse:
        await pulse.send(b"event: a\nda", may_beat=False)
        await a_while()
        await pulse.send(b"ta: {}\n\n", may_beat=True)
        await wire.has(lambda body: body.endswith(COMMENT))
        await pulse.send(b"event: b\n", may_beat=False)
        await a_while()
        await pulse.finish(b"data: {}\n\n")
    assert wire.body.replace(COMMENT, b"") == b"event: a\ndata: {}\n\nevent: b\ndata: {}\n\n"
    assert wire.body.startswith(b"event: a\ndata: {}\n\n" + COMMENT)
    assert wire.body.endswith(COMMENT + b"event: b\ndata: {}\n\n")


async def test_no_beat_goes_behind_the_end(wire: Wire) -> None:
    """Nor while the last piece is on its way, nor after the word to stop."""
    wire.may_pass.clear()
    async with beating(wire) as pulse:
        ending = asyncio.create_task(pulse.finish(b"{}"))
        await a_while()
        wire.may_pass.set()
        await ending
        await a_while()
    assert wire.written[-1] == b"{}"

    other = Wire()
    async with beating(other) as pulse:
        await other.has(lambda body: len(body) >= 1)
        await pulse.stop()
        sent = other.body
        await a_while()
        assert (other.body, pulse.may_beat) == (sent, False)


async def test_writes_are_never_two_at_once(wire: Wire) -> None:
    """A beat that a slow client has not taken yet holds the piece behind it back, and the other way round."""
    wire.may_pass.clear()
    async with beating(wire) as pulse:

        async def a_beat_is_on_its_way() -> bool:
            return wire.under_way == 1

        await until(a_beat_is_on_its_way)
        sending = [asyncio.create_task(pulse.send(b"%d" % number, may_beat=True)) for number in range(9)]
        await a_while()
        assert wire.written == []
        wire.may_pass.set()
        await asyncio.gather(*sending)
        await wire.has(lambda body: body.endswith(WHITE_SPACE))
        await pulse.finish(b"")
    assert wire.most_under_way == 1
    assert wire.body.replace(WHITE_SPACE, b"") == b"012345678"
    assert len(wire.heads) == 1
