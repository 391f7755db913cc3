"""Heads of any bytes: addresses, wishes and paths are read, ignored or refused, and nothing else happens."""

from ipaddress import ip_address, ip_network

from hypothesis import given
from hypothesis import strategies as st

from app.accounts.models import HEARTBEAT_SECONDS
from app.errors import InvalidRequest
from app.web.client_address import client_address
from app.web.paths import canonical_path
from app.web.wishes import read_wishes

TRUSTED = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))

HOPS = st.one_of(
    st.ip_addresses().map(str),
    st.ip_addresses(v=6).map(lambda address: f"[{address}]:443"),
    st.ip_addresses(network="10.0.0.0/8").map(str),
    st.text("0123456789abcdef.:[]%/ ,", max_size=20),
)
FORWARDED = st.lists(st.lists(HOPS, max_size=4).map(", ".join).map(str.encode) | st.binary(max_size=20), max_size=3)
VALUES = st.one_of(st.binary(max_size=30), st.text('0123456789."\\ \t', max_size=20).map(str.encode))
NAMES = st.sampled_from([b"idempotency-key", b"x-stainless-retry-count", b"x-imagegate-heartbeat", b"x-stainless-os"])


def address_of(socket: str, forwarded: list[bytes]) -> str:
    """Who is calling from this socket with these headers."""
    scope = {"client": (socket, 1), "headers": [(b"x-forwarded-for", value) for value in forwarded]}
    return client_address(scope, TRUSTED)


@given(st.ip_addresses(network="10.0.0.0/8"), FORWARDED)
def test_any_forwarding_leads_to_an_address(socket: object, forwarded: list[bytes]) -> None:
    """Whatever proxies say, the caller is one IPv4 address or one /64."""
    found = address_of(str(socket), forwarded)

    assert ip_address(found) if "/" not in found else ip_network(found).prefixlen == 64


@given(FORWARDED, FORWARDED)
def test_a_client_cannot_be_somebody_else(invented: list[bytes], more: list[bytes]) -> None:
    """What stands before the hop that the trusted proxy saw changes nothing, in whichever headers it came."""
    seen = [b"203.0.113.7"]

    assert address_of("10.0.0.1", [*invented, *more, *seen]) == "203.0.113.7"
    assert address_of("203.0.113.7", [*invented, *more]) == "203.0.113.7"


@given(st.lists(st.tuples(NAMES, VALUES), max_size=4))
def test_any_wishes_are_read_or_refused(headers: list[tuple[bytes, bytes]]) -> None:
    """A key that is kept can be stored and shown, a heartbeat is within its bounds, a count is small."""
    try:
        wishes = read_wishes(headers)
    except InvalidRequest as refusal:
        assert refusal.param in {"Idempotency-Key", "x-imagegate-heartbeat"}  # noqa: PT017 - or it is read
        return

    key, seconds = wishes.idempotency_key, wishes.heartbeat_seconds
    assert key is None or (0 < len(key) <= 255 and key.isascii() and key.isprintable())
    assert seconds is None or seconds == 0 or HEARTBEAT_SECONDS[0] <= seconds <= HEARTBEAT_SECONDS[1]
    assert 0 <= wishes.retry_count < 100


@given(st.text(max_size=20) | st.lists(st.sampled_from(["/", "v1", "images", "models", "x", ".."])).map("/".join))
def test_a_canonical_path_is_its_own(path: str) -> None:
    """Reading it once more changes nothing: no route is reached by a spelling of a spelling."""
    assert canonical_path(canonical_path(path)) == canonical_path(path)
