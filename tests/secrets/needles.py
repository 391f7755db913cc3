"""A grep for secrets in whatever spelling a program may have written them in; what it looks for, and where."""

import base64
import gzip
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, quote_plus

FIRST_CHARS = 24
"""Of a secret so many are looked for: whoever has these has it, and the whole begins with them."""
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Needle:
    """Something that must be nowhere: ``text`` is its secret part alone."""

    name: str
    text: str

    @property
    def spellings(self) -> dict[str, bytes]:
        """Its beginning as programs write it: spelling → bytes."""
        text = self.text[:FIRST_CHARS]
        plain = text.encode()
        found = {
            "plain": plain,
            "JSON": json.dumps(text)[1:-1].encode(),
            "JSON in UTF-8": json.dumps(text, ensure_ascii=False)[1:-1].encode(),
            "JSON in JSON": json.dumps(json.dumps(text)[1:-1])[1:-1].encode(),
            "Python": repr(text)[1:-1].encode(),
            "URL": quote(text, safe="").encode(),
            "URL with slashes": quote(text).encode(),
            "form": quote_plus(text).encode(),
            "hex": plain.hex().encode(),
            "HEX": plain.hex().upper().encode(),
            "UTF-16": text.encode("utf-16-le"),
        }
        for offset in range(3):
            found[f"base64 at {offset}"] = _inside_base64(plain, offset)
            found[f"base64 for URLs at {offset}"] = _inside_base64(plain, offset, b"-_")
        return found


@dataclass(frozen=True, slots=True)
class Find:
    """A needle that was found; it says where, in what spelling and between what, without showing the rest of it."""

    needle: str
    spelling: str
    place: str
    around: str


def search(place: str, content: bytes, needles: Iterable[Needle]) -> Iterator[Find]:
    """Every needle in a piece of content, and in what it holds where that is gzip."""
    for needle in needles:
        for spelling, wanted in needle.spellings.items():
            if (at := content.find(wanted)) >= 0:
                around = content[max(0, at - 60) : at] + b"<<" + wanted[:8] + b">>"
                yield Find(needle.name, spelling, place, around.decode(errors="replace"))
                break
    if content.startswith(_GZIP):
        yield from search(f"{place} (gzip)", _opened(content), needles)


def search_all(places: Mapping[str, bytes], needles: Iterable[Needle]) -> list[Find]:
    """Every needle in any of these places."""
    wanted = list(needles)
    return [find for place, content in places.items() for find in search(place, content, wanted)]


def contents(folder: Path) -> dict[str, bytes]:
    """Every file under a folder by its path there, the paths themselves included: a name can tell, too."""
    paths = sorted(folder.rglob("*"))
    found = {str(path.relative_to(folder)): path.read_bytes() for path in paths if path.is_file()}
    return found | {f"names in {folder.name}": "\n".join(map(str, paths)).encode()}


def _inside_base64(plain: bytes, offset: int, letters: bytes = b"+/") -> bytes:
    """What stands in base64 wherever the text begins at this offset in a group of three bytes, and whatever follows."""
    written = base64.b64encode(bytes(offset) + plain, letters)
    whole = (offset + len(plain)) * 8 // 6  # the last letter may have bits of what follows
    return written[-(-offset * 8 // 6) : whole]


def _opened(content: bytes) -> bytes:
    """What is inside, as far as it can be read: a file that is being written is cut off."""
    try:
        return gzip.decompress(content)
    except (EOFError, OSError, zlib.error):
        return zlib.decompressobj(wbits=31).decompress(content)
