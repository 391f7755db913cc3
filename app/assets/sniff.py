"""What kind of picture some bytes are, by their first ones: what a client or a server claims is never believed."""

import re
from collections.abc import Callable
from typing import Final

_PNG: Final = b"\x89PNG\r\n\x1a\n"
_JPEG: Final = b"\xff\xd8\xff"
_GIF: Final = (b"GIF87a", b"GIF89a")
_BMP: Final = b"BM"
"""These and WebP: WHATWG MIME Sniffing §6.1, matching an image type pattern."""

_TIFF: Final = (b"II*\x00", b"MM\x00*")
"""TIFF 6.0, section 2: byte order, then 42."""

_AVIF_BRANDS: Final = (b"avif", b"avis")
"""AV1 Image File Format v1.1 §6.2 and §6.3: the brands of a picture and of a sequence."""

_MOST_BRANDS_BYTES: Final = 256
"""Of a list of brands this much is looked at; real ones name fewer than ten, at four bytes each."""

_SVG: Final = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*+(?:<\?xml\s[^<>]{0,200}\?>)?+"
    rb"(?:\s++|<!--(?:(?!-->).)*+-->|<!DOCTYPE\s+svg\b[^\[\]<>]*+>)*+<svg[\s/>]",
    re.DOTALL,
)
"""XML whose first element is ``svg``: prologue, comments and doctype without declarations of its own may stand before
it (SVG 2 §5.1; XML 1.0 §2.8). Anything else before it might be a page."""

_EXTENSIONS: Final = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/webp": "webp",
    "image/gif": "gif",
    "image/svg+xml": "svg",
    "image/bmp": "bmp",
    "image/tiff": "tiff",
    "image/avif": "avif",
}


def content_type(head: bytes) -> str:
    """The media type of a file that begins like this; "" where it is no kind of picture we know.

    16 bytes are enough for all but SVG and some AVIF; `app.assets.spool.HEAD_BYTES` are kept for those.
    """
    for kind, matches in _KINDS.items():
        if matches(head):
            return kind
    return ""


def extension(content_type: str) -> str:
    """How the name of such a file ends, without the dot; ``bin`` where nobody knows what it is."""
    return _EXTENSIONS.get(content_type, "bin")


def _is_avif(head: bytes) -> bool:
    """Whether it begins with a file type box that names AVIF (ISO/IEC 14496-12 §4.3: size, "ftyp", brands)."""
    if head[4:8] != b"ftyp":
        return False
    brands = head[8 : min(int.from_bytes(head[:4], "big"), _MOST_BRANDS_BYTES)]
    major, compatible = brands[:4], brands[8:]
    return major in _AVIF_BRANDS or any(compatible[at : at + 4] in _AVIF_BRANDS for at in range(0, len(compatible), 4))


def _is_bmp(head: bytes) -> bool:
    """Whether it is a bitmap and not a text in which two letters match: its four reserved bytes are always zero."""
    return head.startswith(_BMP) and head[6:10] == b"\x00\x00\x00\x00"


_KINDS: Final[dict[str, Callable[[bytes], object]]] = {
    "image/png": lambda head: head.startswith(_PNG),
    "image/jpeg": lambda head: head.startswith(_JPEG),
    "image/gif": lambda head: head.startswith(_GIF),
    "image/webp": lambda head: head[:4] == b"RIFF" and head[8:14] == b"WEBPVP",
    "image/tiff": lambda head: head.startswith(_TIFF),
    "image/bmp": _is_bmp,
    "image/avif": _is_avif,
    "image/svg+xml": _SVG.match,
}
