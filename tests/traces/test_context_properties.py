"""Trace context of any bytes: it is none, or one that the next server reads as it was meant."""

from hypothesis import given
from hypothesis import strategies as st

from app.traces.context import MAX_STATE_CHARS, read_trace_context

PARENTS = st.one_of(
    st.binary(max_size=70),
    st.from_regex(rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", fullmatch=True),
    st.text("0123456789abcdef-", min_size=50, max_size=60).map(str.encode),
)
STATES = st.one_of(st.binary(max_size=40), st.text("ab1@=,/ _-\t", max_size=60).map(str.encode))


@given(st.lists(PARENTS, max_size=2), st.lists(STATES, max_size=3))
def test_any_context_is_none_or_passed_on(parents: list[bytes], states: list[bytes]) -> None:
    """What is passed on can be sent in a header, is no longer than it may be, and is read back the same."""
    given = [*((b"traceparent", value) for value in parents), *((b"tracestate", value) for value in states)]
    found = read_trace_context(given)
    if found is None:
        return

    child = found.child()
    sent = [(name.encode(), value.encode("ascii")) for name, value in child.headers()]
    assert read_trace_context(sent) == child
    assert (child.trace_id, child.state) == (found.trace_id, found.state)
    assert len(found.state) <= MAX_STATE_CHARS
