"""The names of keys: all of one team lie in one slot of a cluster, whatever their other parts are."""

from hypothesis import given
from hypothesis import strategies as st
from redis.crc import key_slot

from app.keyspace import Naming, TeamKeys

IDS = st.text("0123456789ABCXYZabcxyz", min_size=1, max_size=12)
TEXTS = st.text("{}:ab01-", max_size=10)


@given(IDS, IDS, TEXTS, TEXTS, TEXTS, st.integers(0, 10**13))
def test_books_lie_in_one_slot(team: str, key: str, request: str, retries: str, digest: str, now_ms: int) -> None:
    """Braces in a request id or a digest move nothing: the team's own come first, and Redis counts the first."""
    keys = TeamKeys(team)
    names = [*keys.books(key, now_ms, Naming(request, retries, digest)), keys.record, keys.idempotency(key, digest)]

    assert {key_slot(name.encode()) for name in names} == {key_slot(team.encode())}
    assert all(name.startswith(f"ig:{{{team}}}:") for name in names)
