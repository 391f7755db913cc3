"""The fetcher against real servers with real certificates: what it brings, and everything that makes it stop."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from ipaddress import ip_network

import pytest

from app.upstream.fetch import FetchFailed, ImageFetcher
from app.upstream.http1.route import ssl_context
from app.upstream.http1.transport import UpstreamTransport
from tests.upstream.http1.scripted import (
    CERTIFICATES,
    Caller,
    Script,
    Server,
    answering,
    sending,
    serving,
    transporting,
)

HOSTS = ("upstream.test", "127.0.0.1")
LOOPBACK = (ip_network("127.0.0.0/8"),)
PICTURE = bytes(range(256)) * 4096


class Names:
    """The DNS of a test: what each name stands for, and which were asked for."""

    def __init__(self, **answers: Sequence[str]) -> None:
        self._answers = answers
        self.asked: list[str] = []

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        """What the name stands for; loopback unless the test says otherwise."""
        self.asked.append(f"{host}:{port}")
        answer = self._answers.get(host.partition(".")[0], ["127.0.0.1"])
        if not answer:
            raise OSError("no such host")
        return answer


@pytest.fixture
def server_context() -> ssl.SSLContext:
    """What the test's server shows."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / "localhost.pem")
    return context


@asynccontextmanager
async def fetching(
    names: Names | None = None, *, total_seconds: float = 30.0, own: bool = True, proxy: str | None = None
) -> AsyncIterator[ImageFetcher]:
    """A fetcher that trusts the tests' authority and, unless told otherwise, loopback."""
    async with transporting(ssl_context=ssl_context(CERTIFICATES / "authority.pem"), proxy=proxy) as transport:
        yield fetcher_over(transport, names or Names(), total_seconds=total_seconds, own=own)
        assert "0 active, 0 waiting" in repr(transport)


def fetcher_over(
    transport: UpstreamTransport, names: Names, *, total_seconds: float = 30.0, own: bool = True
) -> ImageFetcher:
    """A fetcher of pictures up to the size of the tests' own."""
    return ImageFetcher(
        transport,
        max_bytes=len(PICTURE),
        total_seconds=total_seconds,
        networks=LOOPBACK if own else (),
        user_agent="imagegate/test",
        resolve=names.resolve,
    )


def link(server: Server, host: str = "upstream.test", path: str = "/a.png") -> str:
    """A link to the server by any name."""
    return f"{server.scheme}://{host}:{server.port}{path}"


async def fetch(fetcher: ImageFetcher, url: str, hosts: Sequence[str] = HOSTS) -> bytes:
    """Everything behind a link."""
    async with fetcher.open(url, hosts) as chunks:
        return b"".join([chunk async for chunk in chunks])


async def refusal(fetcher: ImageFetcher, url: str, hosts: Sequence[str] = HOSTS) -> str:
    """Why a link brings nothing."""
    with pytest.raises(FetchFailed) as failed:
        await fetch(fetcher, url, hosts)
    assert failed.value.reason.isascii()
    assert "127.0.0.1" not in failed.value.reason
    return failed.value.reason


def redirecting(heads: list[bytes], *locations: str) -> Script:
    """A script: redirects to each place (``PORT`` is its own) in turn, then the picture; keeps what it was asked."""

    async def script(caller: Caller) -> None:
        port = b"%d" % caller.writer.get_extra_info("sockname")[1]
        while True:
            heads.append(await caller.head())
            if len(heads) <= len(locations):
                location = locations[len(heads) - 1].encode().replace(b"PORT", port)
                await caller.send(b"HTTP/1.1 302 Found\r\nLocation: %b\r\nContent-Length: 0\r\n\r\n" % location)
            else:
                await caller.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(PICTURE), PICTURE))

    return script


async def test_a_picture_is_fetched_from_the_judged_address(server_context: ssl.SSLContext) -> None:
    """The dialled address is the resolved one, the server sees and proves the name, and gets nothing of the caller."""
    heads: list[bytes] = []
    async with serving(redirecting(heads), server_context) as server, fetching() as fetcher:
        assert await fetch(fetcher, link(server, path="/a%20b.png?sig=%2B")) == PICTURE

    assert heads == [
        b"GET /a%%20b.png?sig=%%2B HTTP/1.1\r\nHost: upstream.test:%d\r\nUser-Agent: imagegate/test\r\n"
        b"Accept: */*\r\nAccept-Encoding: identity\r\n\r\n" % server.port
    ]


async def test_the_name_must_be_proven(server_context: ssl.SSLContext) -> None:
    """A server that can be reached but has no certificate for the name is given no request."""
    async with serving(answering, server_context) as server, fetching() as fetcher:
        assert "cannot be reached" in await refusal(fetcher, link(server, "other.test"), ["other.test"])


async def test_an_address_needs_no_name(server_context: ssl.SSLContext) -> None:
    """A link may hold an address; nothing is resolved, and the certificate must be for the address."""
    names = Names()
    async with serving(redirecting([]), server_context) as server, fetching(names) as fetcher:
        assert await fetch(fetcher, link(server, "127.0.0.1")) == PICTURE
    assert names.asked == []


async def test_plain_http_is_for_own_networks() -> None:
    """Without TLS only the operator's networks are fetched from; without any, not even loopback is reached."""
    async with serving(redirecting([])) as server:
        async with fetching() as fetcher:
            assert await fetch(fetcher, link(server)) == PICTURE
        async with fetching(own=False) as fetcher:
            assert "https" in await refusal(fetcher, link(server))
        assert server.connections == 1


@pytest.mark.parametrize("found", [[], ["127.0.0.1"], ["93.184.216.34", "127.0.0.1"], ["93.184.216.34", "::1"]])
async def test_a_name_for_inner_addresses_is_not_dialled(found: list[str]) -> None:
    """Unknown, private, or public with one private among them: all refused in the same words before any connection."""
    names = Names(a=found)
    async with fetching(names, own=False) as fetcher:
        assert await refusal(fetcher, "https://a.test/", ["*"]) == "The link's host has no public address."
    assert names.asked == ["a.test:443"]


async def test_an_unlisted_host_is_not_even_resolved() -> None:
    """The list is asked first, so that nobody makes this gateway ask DNS for names of their choice."""
    names = Names()
    async with fetching(names) as fetcher:
        assert "not among those" in await refusal(fetcher, "https://other.test/")
    assert names.asked == []


async def test_the_next_address_is_tried(server_context: ssl.SSLContext) -> None:
    """A host whose first address takes no connection is fetched from the next."""
    names = Names(upstream=["127.9.9.9", "127.0.0.1"])
    async with serving(redirecting([]), server_context) as server, fetching(names) as fetcher:
        assert await fetch(fetcher, link(server)) == PICTURE


async def test_redirects_within_the_list_are_followed(server_context: ssl.SSLContext) -> None:
    """Three of them, absolute and relative; each is resolved and judged again."""
    heads: list[bytes] = []
    names = Names()
    script = redirecting(heads, "b.png?x=ü", "/c.png", "//127.0.0.1:PORT/d.png")
    async with serving(script, server_context) as server, fetching(names) as fetcher:
        assert await fetch(fetcher, link(server, path="/x/a.png")) == PICTURE

    assert [head.split(b" ")[1] for head in heads] == [b"/x/a.png", b"/x/b.png?x=%C3%BC", b"/c.png", b"/d.png"]
    assert f"Host: 127.0.0.1:{server.port}".encode() in heads[-1]
    assert len(names.asked) == 3


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("https://other.test/a.png", "not among those"),
        ("https://127.0.0.2:PORT/a.png", "not among those"),
        ("https://user@upstream.test:PORT/a.png", "user name"),
        ("file:///etc/passwd", "does not begin with https"),
        ("https://0x7f.1/a.png", "neither a DNS name"),
        ("https://[/a.png", "neither a DNS name"),
        ("https://a\tb/", "no link"),
    ],
)
async def test_a_redirect_off_the_list_ends_the_fetch(
    server_context: ssl.SSLContext, location: str, reason: str
) -> None:
    """Where a redirect leads is judged like the link itself, and nothing is sent there."""
    heads: list[bytes] = []
    async with serving(redirecting(heads, location), server_context) as server, fetching() as fetcher:
        assert reason in await refusal(fetcher, link(server))
    assert len(heads) == 1


async def test_a_redirect_to_plain_http_outside_is_refused(server_context: ssl.SSLContext) -> None:
    """The operator's own server cannot send the fetcher out without TLS, however wide the list is."""
    names = Names(other=["93.184.216.34"])
    script = redirecting([], "http://other.test/a.png")
    async with serving(script, server_context) as server, fetching(names) as fetcher:
        assert "https" in await refusal(fetcher, link(server), ["*"])


async def test_a_name_that_changes_its_address_is_caught(server_context: ssl.SSLContext) -> None:
    """A name that was good and then stands for an inner address is judged anew at each redirect, and not dialled."""
    names = Names(upstream=["127.0.0.1"], other=["10.0.0.1"])
    script = redirecting([], "https://other.test/a.png")
    async with serving(script, server_context) as server, fetching(names) as fetcher:
        assert "no public address" in await refusal(fetcher, link(server), ["*"])


async def test_redirects_come_to_an_end(server_context: ssl.SSLContext) -> None:
    """A fourth redirect is not followed, so a loop ends."""
    heads: list[bytes] = []
    async with serving(redirecting(heads, *["/a.png"] * 9), server_context) as server, fetching() as fetcher:
        assert "more than 3 times" in await refusal(fetcher, link(server))
    assert len(heads) == 4


def answer(*headers: bytes, status: bytes = b"200 OK", body: bytes = b"") -> bytes:
    """An answer as it goes over the wire."""
    return b"\r\n".join((b"HTTP/1.1 " + status, *headers, b"", body))


CHUNK = b"%x\r\n%b\r\n" % (len(PICTURE), PICTURE)


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        (answer(status=b"404 Not Found"), "status 404"),
        (answer(status=b"206 Partial Content"), "status 206"),
        (answer(status=b"204 No Content"), "status 204"),
        (answer(status=b"302 Found"), "status 302"),
        (answer(b"Content-Encoding: gzip"), "compressed"),
        (answer(b"Content-Length: %d" % (len(PICTURE) + 1)), "larger than 1048576 bytes"),
        (answer(b"Transfer-Encoding: chunked", body=CHUNK + b"1\r\nx\r\n0\r\n\r\n"), "larger than 1048576 bytes"),
        (answer(body=PICTURE + b"x"), "larger than 1048576 bytes"),
        (answer(b"Content-Length: 9", body=b"short"), "broke off"),
        (answer(b"Transfer-Encoding: chunked", body=b"9\r\nshort"), "broke off"),
        (b"nonsense\r\n\r\n", "broke off"),
        (b"", "broke off"),
    ],
)
async def test_an_answer_that_is_no_whole_picture(server_context: ssl.SSLContext, told: bytes, reason: str) -> None:
    """Another status, a coding, more bytes than allowed (announced or not), fewer than announced, or no HTTP at all."""
    async with serving(sending(told, then_close=True), server_context) as server, fetching() as fetcher:
        assert reason in await refusal(fetcher, link(server))


async def test_the_largest_picture_comes_whole(server_context: ssl.SSLContext) -> None:
    """Exactly as many bytes as allowed are not too many, chunked as well."""
    told = answer(b"Transfer-Encoding: chunked", b"Content-Encoding: identity", body=CHUNK + b"0\r\n\r\n")
    async with serving(sending(told), server_context) as server, fetching() as fetcher:
        assert await fetch(fetcher, link(server)) == PICTURE


async def test_a_slow_drip_runs_into_the_deadline(server_context: ssl.SSLContext) -> None:
    """A server that keeps sending a little is cut off when the time is over."""

    async def script(caller: Caller) -> None:
        await caller.head()
        await caller.send(answer(b"Content-Length: 1000000"))
        while True:
            await caller.send(b"x")
            await asyncio.sleep(0.01)

    async with serving(script, server_context) as server, fetching(total_seconds=0.3) as fetcher:
        assert await refusal(fetcher, link(server)) == "The link's host took too long."


async def test_a_silent_dns_runs_into_the_deadline() -> None:
    """The time counts from the first question."""

    async def never(_host: str, _port: int) -> Sequence[str]:
        await asyncio.Event().wait()
        raise AssertionError("nobody sets it")

    async with transporting() as transport:
        fetcher = ImageFetcher(transport, max_bytes=1, total_seconds=0.05, user_agent="a", resolve=never)
        assert "too long" in await refusal(fetcher, "https://upstream.test/")


async def test_a_reader_may_leave_early(server_context: ssl.SSLContext) -> None:
    """Leaving the block with bytes unread closes the connection and frees its place."""
    script = sending(answer(b"Content-Length: 9", body=b"a"))
    async with (
        serving(script, server_context) as server,
        fetching() as fetcher,
        fetcher.open(link(server), HOSTS) as chunks,
    ):
        assert await anext(chunks) == b"a"


async def test_the_system_resolves_by_default(server_context: ssl.SSLContext) -> None:
    """Without a resolver of its own the fetcher asks the system's: localhost is there."""
    async with (
        serving(redirecting([]), server_context) as server,
        transporting(ssl_context=ssl_context(CERTIFICATES / "authority.pem")) as transport,
    ):
        own = (*LOOPBACK, ip_network("::1/128"))
        fetcher = ImageFetcher(
            transport, max_bytes=len(PICTURE), total_seconds=30, networks=own, user_agent="imagegate/test"
        )
        assert await fetch(fetcher, link(server, "localhost"), ["localhost"]) == PICTURE


async def test_a_proxy_is_told_the_judged_address(server_context: ssl.SSLContext) -> None:
    """Through a proxy the tunnel is asked for by address, so that nobody resolves the name a second time."""
    asked: list[bytes] = []

    async def script(caller: Caller) -> None:
        asked.append(await caller.head())
        await caller.send(b"HTTP/1.1 403 Forbidden\r\n\r\n")

    async with (
        serving(script) as proxy,
        fetching(Names(a=["93.184.216.34"]), proxy=f"http://127.0.0.1:{proxy.port}") as fetcher,
    ):
        assert "cannot be reached" in await refusal(fetcher, "https://a.test/", ["*"])
    assert asked == [b"CONNECT 93.184.216.34:443 HTTP/1.1\r\nHost: 93.184.216.34:443\r\n\r\n"]
