"""What headers ask for is read as their standards have it; what could cost money twice is refused when unclear."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import InvalidRequest
from app.gateway.door import Header, Wishes
from app.web.order_reader import OrderReader
from app.web.wishes import MAX_KEY_CHARS, prefers_later, read_wishes
from tests.web.scene import JSON_TYPE, arriving, error_of, open_door, open_reader, scope_of

printable = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=MAX_KEY_CHARS)


def key(*values: bytes) -> list[Header]:
    """Idempotency keys."""
    return [(b"idempotency-key", value) for value in values]


def heartbeat(*values: bytes) -> list[Header]:
    """Heartbeats."""
    return [(b"x-imagegate-heartbeat", value) for value in values]


def prefer(*values: bytes) -> list[Header]:
    """Preferences."""
    return [(b"prefer", value) for value in values]


def test_who_says_nothing_wishes_nothing() -> None:
    """Headers about other things change nothing."""
    assert read_wishes([]) == read_wishes([(b"content-type", b"application/json"), (b"accept", b"*/*")]) == Wishes()


def test_wishes_are_read_together() -> None:
    """What an SDK and its user may send at once."""
    headers = [
        *key(b"8e03978e-40d5-43dd-bc93-6894a57f9324"),
        *heartbeat(b"20"),
        *prefer(b"respond-async, wait=10"),
        (b"x-stainless-lang", b"python"),
        (b"x-stainless-retry-count", b"2"),
    ]
    assert read_wishes(headers) == Wishes("8e03978e-40d5-43dd-bc93-6894a57f9324", 2, True, 20.0)
    assert prefers_later(headers)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"a", "a"),
        (b"  order 7; second try\t", "order 7; second try"),
        (b'half"quoted"', 'half"quoted"'),
        (b"back\\slash", "back\\slash"),
        (b'"a"', "a"),
        (b'"say \\"cheese\\" \\\\o/"', 'say "cheese" \\o/'),
        (b"k" * MAX_KEY_CHARS, "k" * MAX_KEY_CHARS),
        (b'"' + b"k" * MAX_KEY_CHARS + b'"', "k" * MAX_KEY_CHARS),
    ],
)
def test_an_idempotency_key_has_two_spellings(value: bytes, expected: str) -> None:
    """Bare, or quoted as the draft has it; quotes and white space around it are no part of the key."""
    assert read_wishes(key(value)).idempotency_key == expected


@given(printable)
def test_quoted_and_bare_are_the_same_key(text: str) -> None:
    """Every key can be quoted; those with neither white space nor quotes at their ends can also stand bare."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    assert read_wishes(key(f'"{escaped}"'.encode())).idempotency_key == text
    if text.strip() == text and not text.startswith('"'):
        assert read_wishes(key(text.encode())).idempotency_key == text


@pytest.mark.parametrize(
    "values",
    [
        [b""],
        [b'""'],
        [b" "],
        [b"k" * (MAX_KEY_CHARS + 1)],
        [b'"' + b"k" * (MAX_KEY_CHARS + 1) + b'"'],
        ["schlüssel".encode()],
        [b"a\tb"],
        [b"a\x7f"],
        [b'"open'],
        [b'"'],
        [b'"a"b"'],
        [b'"a\\"'],
        [b'"a\\b"'],
        [b"a", b"b"],
        [b"a", b"a"],
    ],
)
def test_an_unclear_idempotency_key_is_refused(values: list[bytes]) -> None:
    """None, too long, not ASCII, badly quoted or several: 400, naming the header and never the key."""
    with pytest.raises(InvalidRequest) as refused:
        read_wishes(key(*values))

    assert error_of(refused) == ("Idempotency-Key", "invalid_value")
    assert not any(len(value) > 3 and value.decode() in str(refused.value) for value in values)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([b"0"], 0),
        ([b"1"], 1),
        ([b" 2 "], 2),
        ([b"99"], 99),
        ([b"100"], 0),
        ([b"-1"], 0),
        ([b"1.5"], 0),
        ([b"one"], 0),
        ([b""], 0),
        (["²".encode()], 0),
        ([b"1", b"2"], 0),
    ],
)
def test_a_retry_count_never_refuses(values: list[bytes], expected: int) -> None:
    """Whatever is no count from 0 to 99 is a first try."""
    found = read_wishes([(b"x-stainless-retry-count", value) for value in values])
    assert found == Wishes(retry_count=expected, is_sdk=True)


@pytest.mark.parametrize(
    ("name", "expected"),
    [(b"x-stainless-lang", True), (b"x-stainless-anything", True), (b"x-stainless", False), (b"user-agent", False)],
)
def test_an_sdk_is_told_by_its_headers(name: bytes, expected: bool) -> None:
    """Any `x-stainless-…` header; what a client calls itself is not asked."""
    assert read_wishes([(name, b"x-stainless-lang")]).is_sdk is expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(b"20", 20.0), (b"1", 1.0), (b"600", 600.0), (b"2.5", 2.5), (b" 30 ", 30.0), (b"0", 0.0), (b"0.0", 0.0)],
)
def test_a_heartbeat_is_of_seconds(value: bytes, expected: float) -> None:
    """From 1 to 600; 0 is a wish of its own: none, whatever the key says."""
    assert read_wishes(heartbeat(value)).heartbeat_seconds == expected


@pytest.mark.parametrize(
    "values",
    [
        [b""],
        [b"often"],
        [b"20s"],
        [b"-1"],
        [b"+20"],
        [b"0.5"],
        [b"600.001"],
        [b"1e2"],
        [b"nan"],
        [b"inf"],
        [b"20", b"20"],
        [b"9" * 5000],
    ],
)
def test_an_unclear_heartbeat_is_refused(values: list[bytes]) -> None:
    """No number of seconds, out of bounds or several: 400, naming the header."""
    with pytest.raises(InvalidRequest) as refused:
        read_wishes(heartbeat(*values))

    assert error_of(refused) == ("x-imagegate-heartbeat", "invalid_value")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([b"respond-async"], True),
        ([b"Respond-Async"], True),
        ([b"wait=10,respond-async"], True),
        ([b"respond-async; wait=100"], True),
        ([b"wait=10", b"respond-async"], True),
        ([b"respond-async=", b""], True),
        ([b'respond-async = ""'], True),
        ([b'note="a, b\\", c" , respond-async'], True),
        ([b"wait=10"], False),
        ([b"return=minimal; respond-async"], False),
        ([b'note="x, respond-async, y"'], False),
        ([b'note="never closed, respond-async'], False),
        ([b'"respond-async"'], False),
        ([b"respond-async=no"], False),
        ([b'respond-async="no"'], False),
        ([b"respond-asynchronously"], False),
        ([b",;=,\xff\\"], False),
        ([b""], False),
    ],
)
def test_preferences_are_read_as_a_list(values: list[bytes], expected: bool) -> None:
    """RFC 7240: names in any case, over several headers, with parameters and quotes; others are ignored."""
    assert prefers_later(prefer(*values)) is expected


@given(st.lists(st.binary(max_size=30) | st.text('respond-async ,;="\\', max_size=40).map(str.encode), max_size=3))
def test_preferences_never_refuse(values: list[bytes]) -> None:
    """Whatever bytes they are."""
    assert prefers_later(prefer(*values)) in (True, False)


async def test_a_door_knows_the_wishes_of_its_request(reader: OrderReader) -> None:
    """Read when asked for, and once."""
    scope = scope_of(JSON_TYPE, *key(b"k"), *heartbeat(b"5"))
    async with open_door(reader, "generations", scope, arriving([])) as door:
        wishes = door.wishes

        assert wishes == Wishes(idempotency_key="k", heartbeat_seconds=5.0)
        assert door.wishes is wishes


async def test_a_door_opens_before_its_wishes_are_judged(tmp_path: Path) -> None:
    """Senseless headers are refused where somebody asks for them, so who may not come in is told that first."""
    async with open_door(
        open_reader(tmp_path), "generations", scope_of(JSON_TYPE, *heartbeat(b"x")), arriving([])
    ) as door:
        assert door.authorization is None
        with pytest.raises(InvalidRequest):
            _ = door.wishes
