"""A picture is what its first bytes say."""

import io

import pytest
from PIL import Image

from app.assets.sniff import content_type, extension

XML = b'<?xml version="1.0" encoding="UTF-8"?>'
DOCTYPE = b'<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">'


def drawn(kind: str) -> bytes:
    """A real picture."""
    out = io.BytesIO()
    Image.new("RGB", (3, 2), "teal").save(out, kind)
    return out.getvalue()


@pytest.mark.parametrize(
    ("kind", "expected", "ending"),
    [
        ("PNG", "image/png", "png"),
        ("JPEG", "image/jpeg", "jpg"),
        ("WEBP", "image/webp", "webp"),
        ("GIF", "image/gif", "gif"),
        ("BMP", "image/bmp", "bmp"),
        ("TIFF", "image/tiff", "tiff"),
        ("AVIF", "image/avif", "avif"),
    ],
)
def test_real_pictures_are_told_apart(kind: str, expected: str, ending: str) -> None:
    """What a common library writes is recognised by its first 64 bytes, and a name can be made for it."""
    found = content_type(drawn(kind)[:64])

    assert found == expected
    assert extension(found) == ending


@pytest.mark.parametrize(
    "head",
    [
        b"<svg/>",
        b"<svg xmlns='http://www.w3.org/2000/svg'>",
        b"\xef\xbb\xbf<svg ",
        XML + b"\n<svg ",
        XML + b"\n<!-- made by hand -->\n" + DOCTYPE + b"\n<!-- a > b - c --><svg\n",
    ],
)
def test_svg_is_seen_behind_its_prologue(head: bytes) -> None:
    """Byte order mark, XML declaration, comments and doctype may stand before the first element."""
    assert content_type(head) == "image/svg+xml"


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"BMW and other words",
        b"GIF88a",
        b"\x89PNG",
        b"RIFF\x00\x00\x00\x00WAVEfmt ",
        b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic",
        b"\x00\x00\x00\x10ftypisom\x00\x00\x00\x00avif",
        b"<html><svg>",
        b"<!DOCTYPE html><svg>",
        b"<!DOCTYPE svg [<!ENTITY a 'b'>]><svg>",
        b"<svgx>",
        b"<!-- never closed <svg>",
        b"x <svg>",
    ],
)
def test_everything_else_is_nothing(head: bytes) -> None:
    """Pages, other containers, and prologues that declare entities are no pictures."""
    assert content_type(head) == ""
    assert extension(content_type(head)) == "bin"
