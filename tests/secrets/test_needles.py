"""The grep for secrets finds them: a search that cannot fail would show nothing."""

import base64
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from tests.secrets.needles import FIRST_CHARS, Needle, contents, search

NEEDLES = [
    Needle("a key", "0123456789abcdefABCDEFghijklmnop"),
    Needle("a token", 'ops"token\\with/every+sort%of&letter='),
    Needle("a short one", "p4ss/w+rd"),
    Needle("a prompt", "Ein Drachen „aus Papier“ über dem See, no 5127"),
]

WRITTEN: dict[str, Callable[[str], bytes]] = {
    "as it is": str.encode,
    "JSON": lambda text: json.dumps({"detail": text}).encode(),
    "JSON, not escaped": lambda text: json.dumps(text, ensure_ascii=False).encode(),
    "JSON in JSON": lambda text: json.dumps({"line": json.dumps({"detail": text})}).encode(),
    "an exception": lambda text: repr(ValueError(text)).encode(),
    "a link": lambda text: f"https://host/?key={quote(text, safe='')}".encode(),
    "a path": lambda text: f"https://host/{quote(text)}/x".encode(),
    "a form": lambda text: f"a=1&key={quote_plus(text)}".encode(),
    "hex": lambda text: text.encode().hex().encode(),
    "hex in capitals": lambda text: text.encode().hex().upper().encode(),
    "wide letters": lambda text: text.encode("utf-16-le"),
    "basic authorization": lambda text: base64.b64encode(f"user:{text}".encode()),
    "base64": lambda text: base64.b64encode(text.encode()),
    "base64 behind one": lambda text: base64.b64encode(b"?" + text.encode() + b"?"),
    "base64 behind two": lambda text: base64.b64encode(b"??" + text.encode() + b"??"),
    "base64 for URLs": lambda text: base64.urlsafe_b64encode(b"\xff?" + text.encode() + b"\xff"),
    "its beginning": lambda text: text[:FIRST_CHARS].encode() + b"...",
    "a file of gzip": lambda text: gzip.compress(text.encode()),
}
"""How programs write a text."""


@pytest.mark.parametrize("needle", NEEDLES, ids=lambda needle: needle.name)
@pytest.mark.parametrize("written", WRITTEN.values(), ids=WRITTEN)
def test_a_secret_is_found_however_it_is_written(needle: Needle, written: Callable[[str], bytes]) -> None:
    """Each kind, in each spelling, in the midst of other things; and nothing is found where it is not."""
    content = written(needle.text)
    if not content.startswith(b"\x1f\x8b"):
        content = b'\x00{"time": 1} ' + content + b"\n"
    assert [find.needle for find in search("there", content, NEEDLES)] == [needle.name]
    assert not list(search("there", content, [one for one in NEEDLES if one is not needle]))


def test_the_file_and_the_place_are_told(tmp_path: Path) -> None:
    """Of a folder every file is looked into, and every name; of the secret itself little is shown."""
    key = NEEDLES[0]
    (tmp_path / "deep" / key.text).mkdir(parents=True)
    (tmp_path / "deep" / "file").write_bytes(gzip.compress(b"before " + key.text.encode())[:-8])
    found = [find for name, content in contents(tmp_path).items() for find in search(name, content, NEEDLES)]

    assert [find.place for find in found] == ["deep/file (gzip)", f"names in {tmp_path.name}"]
    assert "before" in found[0].around
    assert key.text[:FIRST_CHARS] not in repr(found)
