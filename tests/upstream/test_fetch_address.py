"""Which links may be followed: tables of the known tricks, and properties over all of them."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.upstream.address import Link, LinkRefused, check_host, is_public, permitted, read_link

OWN = (IPv4Network("10.8.0.0/16"), IPv6Network("fd00:8::/32"))
ELSEWHERE = "93.184.216.34"

PRIVATE_V4 = [
    "0.0.0.0",
    "0.1.2.3",
    "10.1.2.3",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.2.1",
    "192.168.0.1",
    "198.18.0.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
]


@pytest.mark.parametrize("text", PRIVATE_V4)
def test_no_private_address_is_public_in_any_clothes(text: str) -> None:
    """Loopback, private, shared, link-local, multicast, reserved: plain, mapped, compatible, 6to4, NAT64 or Teredo."""
    inside = int(IPv4Address(text))
    dressed = [
        IPv6Address(inside),  # IPv4-compatible, long abolished
        IPv6Address(int(IPv6Address("::ffff:0:0")) | inside),
        IPv6Address(int(IPv6Address("64:ff9b::")) | inside),
        IPv6Address(int(IPv6Address("64:ff9b:1::")) | inside),
        IPv6Address(int(IPv6Address("2002::")) | inside << 80),
        IPv6Address(int(IPv6Address("2001::")) | inside << 64),
        IPv6Address(int(IPv6Address("2001::")) | (inside ^ 0xFFFF_FFFF)),
    ]
    assert not is_public(IPv4Address(text))
    assert [address for address in dressed if is_public(address)] == []


@pytest.mark.parametrize(
    "text",
    ["::", "::1", "100::1", "2001:db8::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1", "5f00::1"],
)
def test_no_special_ipv6_address_is_public(text: str) -> None:
    """Only what IANA hands out as global unicast is; site-local addresses, which Python calls global, are not."""
    assert not is_public(IPv6Address(text))


@pytest.mark.parametrize("text", [ELSEWHERE, "1.1.1.1", "2606:4700:4700::1111", "64:ff9b::1.1.1.1", "2002:101:101::1"])
def test_public_addresses_are_public(text: str) -> None:
    """Those of ordinary hosts, and translated ones that lead to such."""
    assert is_public(ip_address(text))


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("https://example.com/a.png", "example.com", 443),
        ("HTTPS://CDN.Example.COM:443/a.png?x=1#f", "cdn.example.com", 443),
        ("https://bücher.example/ü.png", "xn--bcher-kva.example", 443),
        ("https://a_b.example-1.com:8443/", "a_b.example-1.com", 8443),
        ("http://10.8.0.1/", "10.8.0.1", 80),
        ("https://127。0。0。1/", "127.0.0.1", 443),
        ("https://[2606:4700:4700:0:0:0:0:1111]/", "2606:4700:4700::1111", 443),
        ("https://[::ffff:7f00:1]/", "127.0.0.1", 443),
        ("https://3com.com/", "3com.com", 443),
        ("https://0x7f.example/", "0x7f.example", 443),
    ],
)
def test_a_link_is_taken_apart(text: str, host: str, port: int) -> None:
    """Host and port come out in one canonical form, whatever form they came in."""
    link = read_link(text)
    assert (link.host, link.port) == (host, port)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "example.com/a.png",
        "//example.com/a.png",
        "ftp://example.com/a.png",
        "file:///etc/passwd",
        "data:image/png;base64,AAAA",
        "javascript:alert(1)",
        "https://",
        "https:///etc/passwd",
        "https://user@example.com/",
        "https://user:secret@example.com/",
        "https://allowed.example\\@169.254.169.254/",
        "https://example.com:0/",
        "https://example.com:65536/",
        "https://example.com:http/",
        "https://2130706433/",
        "https://017700000001/",
        "https://0x7f000001/",
        "https://0x7f.1/",
        "https://0177.0.0.1/",
        "https://127.1/",
        "https://127.0.0.1./",
        "https://1.2.3.4.5/",
        "https://256.256.256.256/",
        "https://0x/",
        "https://example.com./",
        "https://.example.com/",
        "https://exa..mple.com/",
        "https://-example.com/",
        "https://exa%6dple.com/",
        "https://example.com%2f.evil.example/",
        "https://example.com%00.evil.example/",
        "https://exa mple.com/",
        "https://exam\nple.com/",
        "https://[fe80::1%25eth0]/",
        "https://[fe80::1%eth0]/",
        "https://[127.0.0.1]/",
        "https://[::1/",
        "https://１２７.０.０.１/",  # noqa: RUF001 - the full-width digits are the point
        "https://" + "a" * 64 + ".example/",
        "https://" + "a." * 127 + "example/",
        "https://example.com/" + "a" * 8192,
        "https://exam\ud800ple.com/",
    ],
)
def test_an_odd_link_is_refused(text: str) -> None:
    """Other schemes, credentials, and every spelling of a host that two readers may understand differently."""
    with pytest.raises(LinkRefused) as refused:
        read_link(text)
    assert str(refused.value).isascii()
    assert not text or text not in str(refused.value)


@pytest.mark.parametrize(
    ("host", "hosts", "is_listed"),
    [
        ("example.com", ["example.com"], True),
        ("example.com", ["EXAMPLE.com"], True),
        ("example.com", [], False),
        ("example.com", ["*.example.com"], False),
        ("cdn.example.com", ["*.example.com"], True),
        ("a.cdn.example.com", ["*.example.com"], True),
        ("cdn.example.com", ["example.com"], False),
        ("evilexample.com", ["*.example.com", "example.com"], False),
        ("example.com.evil.test", ["*.example.com", "example.com"], False),
        ("anything.test", ["*"], True),
        ("93.184.216.34", ["*"], True),
        ("93.184.216.34", ["93.184.216.34"], True),
        ("93.184.216.34", ["*.216.34"], False),
        ("example.com", ["*."], False),
        ("example.com", [""], False),
    ],
)
def test_the_list_of_hosts(host: str, hosts: list[str], is_listed: bool) -> None:
    """A name is itself, a star and a dot are the names below, a star alone is every host; an address is only itself."""
    link = read_link(f"https://{host}/")
    if is_listed:
        check_host(link, hosts)
    else:
        with pytest.raises(LinkRefused, match="not among those"):
            check_host(link, hosts)


@pytest.mark.parametrize(
    ("text", "found", "dialled"),
    [
        ("https://a.test/", [ELSEWHERE], [ELSEWHERE]),
        ("https://a.test/", [ELSEWHERE, "2606:4700::1", ELSEWHERE], [ELSEWHERE, "2606:4700::1"]),
        ("https://a.test/", ["::ffff:1.1.1.1"], ["1.1.1.1"]),
        ("https://a.test/", ["10.8.0.7", ELSEWHERE], ["10.8.0.7", ELSEWHERE]),
        ("https://a.test:8443/", ["10.8.0.7"], ["10.8.0.7"]),
        ("http://a.test/", ["::ffff:10.8.0.7", "fd00:8::1"], ["10.8.0.7", "fd00:8::1"]),
    ],
)
def test_what_is_dialled(text: str, found: list[str], dialled: list[str]) -> None:
    """Public addresses by https, and those of the operator's networks by http and at other ports too; each once."""
    assert [str(address) for address in permitted(read_link(text), found, OWN)] == dialled


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("https://a.test/", []),
        ("https://a.test/", ["127.0.0.1"]),
        ("https://a.test/", [ELSEWHERE, "127.0.0.1"]),
        ("https://a.test/", ["10.8.0.7", "10.9.0.7"]),
        ("https://a.test/", ["fe80::1%eth0"]),
        ("https://a.test:8443/", [ELSEWHERE]),
        ("https://a.test:8443/", ["10.8.0.7", ELSEWHERE]),
        ("http://a.test/", [ELSEWHERE]),
        ("http://a.test:443/", [ELSEWHERE]),
        ("https://a.test:80/", [ELSEWHERE]),
        ("http://a.test/", ["10.8.0.7", ELSEWHERE]),
        ("http://a.test/", []),
    ],
)
def test_one_wrong_address_is_enough(text: str, found: list[str]) -> None:
    """A host is refused for any address that is not allowed, and in the words of one that has none."""
    link = read_link(text)
    with pytest.raises(LinkRefused) as refused:
        permitted(link, found, OWN)
    with pytest.raises(LinkRefused) as unknown:
        permitted(link, [], OWN)
    assert str(refused.value) == str(unknown.value)


@given(st.ip_addresses())
def test_what_is_public_is_dialled_as_itself(address: IPv4Address | IPv6Address) -> None:
    """The request leads to the very address that was judged (a mapped one is the IPv4 one), and keeps the name."""
    link = read_link("https://a.test/x?y=1")
    found = address
    address = (address.ipv4_mapped if isinstance(address, IPv6Address) else None) or address
    if not is_public(address):
        with pytest.raises(LinkRefused):
            permitted(link, [str(found)], ())
        return
    (dialled,) = permitted(link, [str(found)], ())
    request = link.request(dialled, "agent")
    assert dialled == address
    assert ip_address(request.url.host) == address
    assert request.url.raw_path == b"/x?y=1"
    assert request.headers["host"] == "a.test"
    assert request.extensions["sni_hostname"] == "a.test"


@given(st.text(max_size=40) | st.from_regex(r"https://[0-9a-fx.:%\[\]@_-]{1,40}(/.{0,5})?", fullmatch=True))
def test_any_text_is_a_link_or_refused(text: str) -> None:
    """Nothing but LinkRefused comes out, and a link that comes out reads the same when it is read again."""
    try:
        link: Link = read_link(text)
    except LinkRefused:
        return
    host = f"[{link.host}]" if ":" in link.host else link.host
    again = read_link(f"{link.url.scheme}://{host}:{link.port}/")
    assert (again.host, again.literal, again.port) == (link.host, link.literal, link.port)
