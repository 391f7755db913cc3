"""Bad inputs: links that lead where nobody outside may send us. Each host is allowed by name (`*`), none by address."""

from tests.hostile.bad_inputs_row import EDITS, Row, document

_REFUSED = 400, "invalid_value"


def _link(url: str) -> bytes:
    return document({"model": "gpt-image-2", "prompt": "a hat", "images": [{"image_url": url}]}, EDITS)


_SPELLINGS = {
    "127.0.0.2": "plainly",
    "2130706434": "as one decimal number",
    "0x7f000002": "as one hexadecimal number",
    "017700000002": "as one octal number",
    "0x7f.0.0.2": "with one hexadecimal part",
    "0177.0.0.2": "with one octal part",
    "127.2": "with parts left out",
    "127.0.0.2.": "with a dot at the end",
    "127.0.0.002": "with zeros before it",
    "[::ffff:127.0.0.2]": "mapped into IPv6",
    "[::ffff:7f00:2]": "mapped into IPv6, in hexadecimal",
    "[::127.0.0.2]": "as an IPv4-compatible IPv6 address",
    "[64:ff9b::7f00:2]": "through NAT64",
    "[2002:7f00:2::]": "through 6to4",
    "①②⑦.⓪.⓪.②": "in circled digits",
    "\N{FULLWIDTH DIGIT ONE}\N{FULLWIDTH DIGIT TWO}\N{FULLWIDTH DIGIT SEVEN}.0.0.2": "in full-width digits",
    "127。0。0。2": "with ideographic full stops",
    "%31%32%37.0.0.2": "percent-encoded",
    "0.0.0.0": "this machine, by the unspecified address",
    "0": "this machine, as `0`",
    "[::]": "this machine, by IPv6's unspecified address",
    "[::1]": "this machine, by IPv6",
    "[fe80::1%25lo]": "a link-local address with a zone",
    "ip6-localhost": "a name that means `::1`",
}

LINKS = (
    *(Row(f"127.0.0.2: {how}" if "machine" not in how and "local" not in how and "name" not in how else how,
          _link(f"http://{host}:@TRP@/"), *_REFUSED) for host, how in _SPELLINGS.items()),
    *(Row(f"{what} ({host})", _link(f"https://{host}/"), *_REFUSED) for host, what in {
        "169.254.169.254": "the metadata of a cloud",
        "[fd00:ec2::254]": "the same, by IPv6",
        "10.0.0.1": "a private network",
        "192.168.1.1": "a home network",
        "172.16.0.1": "another private network",
        "100.64.0.1": "a carrier's network",
        "224.0.0.1": "a multicast address",
        "255.255.255.255": "the broadcast address",
        "[fc00::1]": "a unique local IPv6 address",
    }.items()),
    Row("a user name that looks like a host", _link("http://127.0.0.1:@GDE@@127.0.0.2:@TRP@/"), *_REFUSED),
    Row("a password", _link("http://a:b@127.0.0.1:@GDE@/picture"), *_REFUSED),
    Row("a backslash before the host", _link("http://127.0.0.1:@GDE@\\@127.0.0.2:@TRP@/"), *_REFUSED),
    Row("a fragment that looks like a host", _link("http://127.0.0.2:@TRP@#@127.0.0.1:@GDE@/"), *_REFUSED),
    Row("a line break in the host", _link("http://127.0.0.1:@GDE@\r\nHost: x/"), *_REFUSED),
    Row("a line break in the path", _link("http://127.0.0.2:@TRP@/\r\nX: y"), *_REFUSED),
    Row("port 0", _link("http://127.0.0.1:0/"), *_REFUSED),
    Row("port 65,536", _link("http://127.0.0.1:65536/"), *_REFUSED),
    Row("port 25 of a public host", _link("https://example.com:25/"), *_REFUSED),
    Row("http:// of a public host", _link("http://example.com/"), *_REFUSED),
    *(Row(f"`{url.partition(':')[0]}:`", _link(url), *_REFUSED) for url in (
        "file:///etc/passwd", "ftp://127.0.0.2/", "gopher://127.0.0.2:@TRP@/_", "dict://127.0.0.2:@TRP@/",
        "ldap://127.0.0.2/", "jar:http://127.0.0.2!/", "javascript:alert(1)", "blob:http://127.0.0.2/",
        "unix:///run/redis.sock")),
    Row("no scheme", _link("//127.0.0.2:@TRP@/"), *_REFUSED),
    Row("a link of 10,000 characters", _link("http://127.0.0.1:@GDE@/" + "x" * 10_000), *_REFUSED),
    Row("a redirect to the trap", _link("http://127.0.0.1:@GDE@/trap"), *_REFUSED),
    Row("a redirect to `file:`", _link("http://127.0.0.1:@GDE@/file"), *_REFUSED),
    Row("a redirect without a scheme", _link("http://127.0.0.1:@GDE@/slashes"), *_REFUSED),
    Row("a redirect to itself", _link("http://127.0.0.1:@GDE@/loop"), *_REFUSED),
    Row("a page behind the link", _link("http://127.0.0.1:@GDE@/page"), 400, "unsupported_file_mimetype"),
    Row("a body without end behind the link", _link("http://127.0.0.1:@GDE@/endless"), *_REFUSED),
    Row("silence behind the link", _link("http://127.0.0.1:@GDE@/silence"), *_REFUSED),
    Row("a gzip answer behind the link", _link("http://127.0.0.1:@GDE@/gzip"), *_REFUSED),
)  # fmt: skip
