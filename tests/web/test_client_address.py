"""Whose address a request counts for: the socket's, or through trusted proxies their client's."""

from ipaddress import ip_network

import pytest

from app.web.client_address import client_address

TRUSTED = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]


@pytest.mark.parametrize(
    ("socket", "forwarded", "expected"),
    [
        ("192.0.2.1", [], "192.0.2.1"),
        ("192.0.2.1", ["198.51.100.7"], "192.0.2.1"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.7"], "198.51.100.7"),
        ("10.0.0.1", ["203.0.113.9, 198.51.100.7"], "198.51.100.7"),
        ("10.0.0.1", ["203.0.113.9, 198.51.100.7, 10.0.0.2"], "198.51.100.7"),
        ("10.0.0.1", ["203.0.113.9, 198.51.100.7", "10.0.0.2"], "198.51.100.7"),
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ("10.0.0.1", ["203.0.113.9, nonsense, 10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", ["", "  "], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.7:4711"], "198.51.100.7"),
        ("fd00::1", ["[2001:db8::1]:443"], "2001:db8::/64"),
        ("::ffff:10.0.0.1", ["198.51.100.7"], "198.51.100.7"),
        ("2001:db8::1:2:3:4", [], "2001:db8::/64"),
        ("fe80::1%eth0", [], "fe80::/64"),
        ("testclient", ["198.51.100.7"], ""),
        (None, ["198.51.100.7"], ""),
    ],
)
def test_the_address_is_the_last_that_can_be_believed(socket: str | None, forwarded: list[str], expected: str) -> None:
    """Hop by hop from the socket, as long as whoever tells of the next is trusted."""
    headers = [(b"x-forwarded-for", line.encode()) for line in forwarded]
    scope = {"client": (socket, 4711) if socket else None, "headers": headers}
    assert client_address(scope, TRUSTED) == expected
