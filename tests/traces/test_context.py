"""Where a request stands in a trace: what is read of its headers, what is passed on, and what is none."""

import pytest

from app.traces.context import MAX_STATE_CHARS, MAX_STATE_MEMBERS, TraceContext, read_trace_context

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


def read(*given: tuple[str, str]) -> TraceContext | None:
    """What these headers say."""
    return read_trace_context([(name.encode(), value.encode()) for name, value in given])


@pytest.mark.parametrize(
    ("parent", "flags"),
    [
        (f"00-{TRACE}-{SPAN}-01", 1),
        (f"00-{TRACE}-{SPAN}-00", 0),
        (f" 00-{TRACE}-{SPAN}-01\t", 1),
        (f"00-{TRACE}-{SPAN}-fe", 0),
        (f"cc-{TRACE}-{SPAN}-01", 1),
        (f"cc-{TRACE}-{SPAN}-01-what-the-future-brings", 1),
    ],
)
def test_a_parent_is_read(parent: str, flags: int) -> None:
    """Its ids as they are, and of its flags the one that level 1 knows; a later version is read as far as this goes."""
    assert read(("traceparent", parent)) == TraceContext(TRACE, SPAN, flags)


@pytest.mark.parametrize(
    "parent",
    [
        "",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE}-{SPAN}-01-",
        f"00-{TRACE}-{SPAN}-01-more",
        f"cc-{TRACE}-{SPAN}-01more",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE[:-1]}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-1",
        f"0-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01\n",
        f"00-{TRACE}-{SPAN[:-1]}g-01",
    ],
)
def test_a_parent_that_breaks_a_rule_is_none(parent: str) -> None:
    """It is ignored together with its state, as the recommendation asks."""
    assert read(("traceparent", parent), ("tracestate", "a=1")) is None


def test_two_parents_are_none() -> None:
    """Nobody could say which of them is meant."""
    assert read(*[("traceparent", f"00-{TRACE}-{SPAN}-01")] * 2) is None
    assert read(("accept", "*/*")) is None


@pytest.mark.parametrize(
    ("values", "state"),
    [
        (["congo=t61rcWkgMzE"], "congo=t61rcWkgMzE"),
        (["a=1", "b=2 3"], "a=1,b=2 3"),
        (["a=1 ,\t, b=2"], "a=1,b=2"),
        (["tenant@system=x", "1a@b=2"], "tenant@system=x,1a@b=2"),
        (["a=1,a=2"], ""),
        (["A=1"], ""),
        (["a="], ""),
        (["a=1=2"], ""),
        (["a"], ""),
        (["a=ä"], ""),
        ([",".join(f"k{number}=1" for number in range(MAX_STATE_MEMBERS))], "all"),
        ([",".join(f"k{number}=1" for number in range(MAX_STATE_MEMBERS + 1))], ""),
        (["a=" + "x" * 256 + ",b=" + "x" * (MAX_STATE_CHARS - 261)], "all"),
        (["a=" + "x" * 256 + ",b=" + "x" * (MAX_STATE_CHARS - 260)], ""),
    ],
)
def test_the_state_of_others_passes_whole_or_not_at_all(values: list[str], state: str) -> None:
    """Several headers are one list; a malformed or overlong one is dropped, and its trace goes on."""
    found = read(("traceparent", f"00-{TRACE}-{SPAN}-01"), *[("tracestate", value) for value in values])

    assert found is not None
    assert found.state == (values[0] if state == "all" else state)


def test_a_child_is_told_on() -> None:
    """The next server is told of a new span of the same trace, and of the state as it came."""
    given = TraceContext(TRACE, SPAN, 1, "a=1")
    child = given.child()

    assert child.span_id != SPAN
    assert child.headers() == [("traceparent", f"00-{TRACE}-{child.span_id}-01"), ("tracestate", "a=1")]
    assert read(*child.headers()) == child
