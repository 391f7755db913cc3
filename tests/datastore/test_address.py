"""IMAGEGATE_REDIS_URL in all its forms, and what is said about a wrong one."""

import pytest

from app.datastore.address import AddressError, Login, RedisAddress, Trust, parse_address

FORMS = {
    "redis://": RedisAddress("single", (("localhost", 6379),)),
    "redis://h": RedisAddress("single", (("h", 6379),)),
    "redis://:s%40cret@h:1/2": RedisAddress("single", (("h", 1),), database=2, login=Login(None, "s@cret")),
    "redis://u@h?db=3": RedisAddress("single", (("h", 6379),), database=3, login=Login("u")),
    "redis://[::1]:7": RedisAddress("single", (("::1", 7),)),
    "rediss://u:p@h:1": RedisAddress("single", (("h", 1),), login=Login("u", "p"), trust=Trust()),
    "rediss://h?ssl_ca_certs=/a.pem&ssl_certfile=/c.pem&ssl_keyfile=/k.pem&ssl_check_hostname=false": RedisAddress(
        "single", (("h", 6379),), trust=Trust("/a.pem", "/c.pem", "/k.pem", check_hostname=False)
    ),
    "unix:///run/redis.sock": RedisAddress("single", socket="/run/redis.sock"),
    "unix://u:p@/run/redis.sock?db=1": RedisAddress(
        "single", socket="/run/redis.sock", database=1, login=Login("u", "p")
    ),
    "redis+sentinel://a,b:1/books": RedisAddress("sentinel", (("a", 26379), ("b", 1)), service="books"),
    "rediss+sentinel://u:p@a/books/4?sentinel_username=w&sentinel_password=x": RedisAddress(
        "sentinel",
        (("a", 26379),),
        service="books",
        database=4,
        login=Login("u", "p"),
        sentinel_login=Login("w", "x"),
        trust=Trust(),
    ),
    "redis+cluster://a:1,b": RedisAddress("cluster", (("a", 1), ("b", 6379))),
    "rediss+cluster://:p@a:1/0": RedisAddress("cluster", (("a", 1),), login=Login(None, "p"), trust=Trust()),
}


@pytest.mark.parametrize("url", FORMS)
def test_every_form_is_read(url: str) -> None:
    """Hosts with their usual ports, who we are, which database, what TLS goes by."""
    assert parse_address(url) == FORMS[url]


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgres://secret@h", "begins with redis://"),
        ("redis://secret@h:port", "'h:port' is none"),
        ("redis://a,b", "several are redis+sentinel://"),
        ("redis://h/books", "'books' is none"),
        ("redis://h?socket_timeout=1", "takes no socket_timeout"),
        ("redis://h?ssl_certfile=/c.pem", "takes no ssl_certfile"),
        ("redis://secret@[::1", "brackets that do not match"),
        ("unix://", "path of a socket"),
        ("unix:u:secret@run/redis.sock", "path of a socket"),
        ("redis+sentinel://h", "the master's name"),
        ("redis+sentinel:///books", "sentinel wants its servers"),
        ("redis+sentinel://h/books/x", "'x' is none"),
        ("redis+cluster://", "cluster wants its servers"),
        ("redis+cluster://h/1", "a cluster has only 0"),
        ("redis+cluster://h?db=1", "takes no db"),
    ],
)
def test_a_wrong_one_is_told_without_its_secret(url: str, told: str) -> None:
    """What is wrong and what is wanted, never who we are."""
    with pytest.raises(AddressError) as wrong:
        parse_address(url)
    assert told in str(wrong.value)
    assert "secret" not in str(wrong.value)


def test_passwords_are_not_shown() -> None:
    """Not even where an address is printed."""
    url = "redis+sentinel://u:secret@a/books?sentinel_password=secret"
    assert "secret" not in repr(parse_address(url))
