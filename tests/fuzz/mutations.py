"""Valid bytes made invalid: changes of the kinds that break readers, the same for the same seed."""

import random
import re
from collections.abc import Callable
from itertools import pairwise

TOKENS = (
    b"\r\n",
    b"\n",
    b"\r",
    b"\r\n\r\n",
    b"\x00",
    b"\t ",
    b":",
    b";",
    b",",
    b'"',
    b"\\",
    b"\\ud800",
    b"\\u0000",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"{",
    b"}",
    b"[" * 200,
    b"[]",
    b"null",
    b"NaN",
    b"1e999",
    b"-1",
    b"9007199254740993",
    b"0" * 300,
    b"true",
    b"%00",
    b"%2e%2e/",
    b"..",
    b"//",
    b"?",
    b"#",
    b"=",
    b"--",
    b"data:image/png;base64,",
    b"Transfer-Encoding: chunked\r\n",
    b"Content-Length: 0\r\n",
    b"Content-Length: 18446744073709551616\r\n",
    b"Expect: 100-continue\r\n",
    b"Connection: close\r\n",
    b"Upgrade: websocket\r\n",
    b"Content-Encoding: gzip\r\n",
    b"Content-Type: text/html\r\n",
    b"Content-Type: multipart/form-data; boundary=x\r\n",
    b"Idempotency-Key: one\r\n",
    b"Prefer: respond-async\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"0\r\n\r\n",
    b"ffffffffffffffff\r\n",
    b"data: ",
    b"event: error\n",
    b'"b64_json":"',
    b'"usage":',
    b'"data":[',
)
"""What readers stumble over: ends of lines, borders of strings, numbers that are too large, headers that contradict."""

_NUMBER = re.compile(rb"[0-9]+")
_NUMBERS = (b"0", b"-1", b"00", b"1", b"65536", b"2147483648", b"9223372036854775808", b"1.5", b"1e3", b"")
_CHANGES_AT_ONCE = (1, 1, 1, 2, 2, 3, 6)
_LONGEST = 40

Change = Callable[[random.Random, bytes], bytes]


def mutated(data: bytes, chance: random.Random) -> bytes:
    """One change or a few, one after another; few go deeper than many."""
    for _ in range(chance.choice(_CHANGES_AT_ONCE)):
        data = chance.choice(_CHANGES)(chance, data)
    return data


def portions(data: bytes, chance: random.Random, most: int = 5) -> list[bytes]:
    """The same bytes cut in at most so many pieces, none of them empty."""
    cuts = sorted({chance.randrange(len(data) + 1) for _ in range(chance.randrange(most))})
    places = [0, *cuts, len(data)]
    return [data[start:end] for start, end in pairwise(places) if start < end]


def _span(chance: random.Random, data: bytes) -> tuple[int, int]:
    """A short place in it."""
    start = chance.randrange(len(data) + 1)
    return start, min(len(data), start + chance.randint(1, _LONGEST))


def _without_some(chance: random.Random, data: bytes) -> bytes:
    start, end = _span(chance, data)
    return data[:start] + data[end:]


def _some_twice(chance: random.Random, data: bytes) -> bytes:
    start, end = _span(chance, data)
    return data[:end] + data[start:end] * chance.choice((1, 1, 1, 50)) + data[end:]


def _some_elsewhere(chance: random.Random, data: bytes) -> bytes:
    start, end = _span(chance, data)
    place, _ = _span(chance, data)
    return data[:place] + data[start:end] + data[place:]


def _with_token(chance: random.Random, data: bytes) -> bytes:
    place, _ = _span(chance, data)
    return data[:place] + chance.choice(TOKENS) + data[place:]


def _token_instead(chance: random.Random, data: bytes) -> bytes:
    start, end = _span(chance, data)
    return data[:start] + chance.choice(TOKENS) + data[end:]


def _other_bit(chance: random.Random, data: bytes) -> bytes:
    if not data:
        return data
    place = chance.randrange(len(data))
    return data[:place] + bytes([data[place] ^ 1 << chance.randrange(8)]) + data[place + 1 :]


def _noise(chance: random.Random, data: bytes) -> bytes:
    place, _ = _span(chance, data)
    return data[:place] + chance.randbytes(chance.randint(1, _LONGEST)) + data[place:]


def _other_number(chance: random.Random, data: bytes) -> bytes:
    found = [*_NUMBER.finditer(data)]
    if not found:
        return data
    number = chance.choice(found)
    return data[: number.start()] + chance.choice(_NUMBERS) + data[number.end() :]


def _other_order(chance: random.Random, data: bytes) -> bytes:
    lines = data.split(b"\r\n")
    one, other = (chance.randrange(len(lines)) for _ in range(2))
    lines[one], lines[other] = lines[other], lines[one]
    return b"\r\n".join(lines)


def _cut(chance: random.Random, data: bytes) -> bytes:
    return data[: chance.randrange(len(data) + 1)]


_CHANGES: tuple[Change, ...] = (
    _without_some,
    _some_twice,
    _some_elsewhere,
    _with_token,
    _with_token,
    _token_instead,
    _other_bit,
    _noise,
    _other_number,
    _other_number,
    _other_order,
    _cut,
)
"""Twice those that get furthest."""
