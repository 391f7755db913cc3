"""Bad inputs: pictures that are none, or far larger than they look. Nothing here decodes a picture."""

import base64
import io
import struct
import zipfile
import zlib

from tests.hostile.bad_inputs_row import EDITS, PNG, Row, document, edit

_KIND = "unsupported_file_mimetype"
_SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
_XXE = b'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]><svg>&x;</svg>'
_LAUGHS = b'<!DOCTYPE svg [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]><svg>&b;</svg>'


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_bomb() -> bytes:
    """A PNG of 50,000 x 50,000 pixels in some hundred bytes: decoded it would be 2.5 GB.

    Its rows are cut off: whole ones, of one bit each, take 300 KB even compressed.
    """
    head = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 0, 0, 0, 0)
    rows = zlib.compress(b"\x00" * 1_000_000, 9)
    return PNG[:8] + _chunk(b"IHDR", head) + _chunk(b"IDAT", rows) + _chunk(b"IEND", b"")


def _zip() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("a.png"), PNG)
    return file.getvalue()


def _url(url: object) -> bytes:
    """An edit in JSON with one picture."""
    return document({"model": "gpt-image-2", "prompt": "a hat", "images": [{"image_url": url}]}, EDITS)


def _data(picture: bytes, kind: str = "image/png") -> bytes:
    return _url(f"data:{kind};base64,{base64.b64encode(picture).decode()}")


PICTURES = (
    Row("an empty file", edit(picture=b""), 400, "empty_image_file"),
    Row("a page", edit(picture=b"<!doctype html><script>alert(1)</script>"), 400, _KIND),
    Row("SVG with a script", edit(picture=_SVG), 400, _KIND),
    Row("SVG with an external entity", edit(picture=_XXE), 400, _KIND),
    Row("SVG with entities of entities", edit(picture=_LAUGHS), 400, _KIND),
    Row("comments without end before `<svg`", edit(picture=b"<!--" * 200_000), 400, _KIND),
    Row("a zip", edit(picture=_zip()), 400, _KIND),
    Row("a program (ELF)", edit(picture=b"\x7fELF\x02\x01\x01" + b"\x00" * 64), 400, _KIND),
    Row("PDF", edit(picture=b"%PDF-1.7\n"), 400, _KIND),
    Row("a page that is a GIF, too", edit(picture=b"GIF89a/*<script>*/=1;alert(1)"), 400, _KIND),
    Row("a page that begins like a bitmap", edit(picture=b"BM<html><script>alert(1)</script>"), 400, _KIND),
    Row("seven bytes of a PNG", edit(picture=PNG[:7]), 400, _KIND),
    Row("a page called `a.png`, in a data: URL", _data(b"<html>", "image/png"), 400, _KIND),
    Row("SVG in a data: URL", _data(_SVG, "image/svg+xml"), 400, _KIND),
    Row("an empty data: URL", _url("data:image/png;base64,"), 400, "empty_image_file"),
    Row("a data: URL without base64", _url("data:image/png,abc"), 400, "invalid_value"),
    Row("base64 without its padding", _url("data:image/png;base64,iVBORw0KGgo"), 400, "invalid_value"),
    Row("base64 with line breaks", _url("data:image/png;base64,iVBO\r\nRw0KGgo="), 400, "invalid_value"),
    Row("base64 with something behind its padding", _url("data:image/png;base64,iVBORw0KGgo=AAAA"), 400,
        "invalid_value"),
    Row("base64 as URLs have it", _url("data:image/png;base64,_-__"), 400, "invalid_value"),
    Row("base64 that is not ASCII", _url("data:image/png;base64,\u0130\u0131"), 400, "invalid_value"),
    Row("a data: URL with a head of 1 MB", lambda: _url("data:" + "x" * 1_000_000 + ";base64,AAAA"), 400,
        "invalid_value"),
    Row("17 pictures in JSON", document({"prompt": "x", "images": [{"image_url": "data:,"}] * 17}, EDITS), 400,
        "array_above_max_length"),
    Row("pictures that are a text", document({"prompt": "x", "images": "data:,"}, EDITS), 400, "invalid_type"),
    Row("a picture that is a list", document({"prompt": "x", "images": [[]]}, EDITS), 400, "invalid_type"),
    Row("a picture with two sources",
        document({"prompt": "x", "images": [{"image_url": "data:,", "file_id": "f"}]}, EDITS), 400, "invalid_value"),
    Row("a PNG of 50,000 x 50,000 pixels in 1 KB", edit(picture=png_bomb()), 400, "invalid_request", sent_on=1),
    Row("a PNG with a page behind it", edit(picture=PNG + b"<script>alert(1)</script>"), 200, sent_on=1),
    Row("half a PNG", edit(picture=PNG[:40]), 400, "invalid_request", sent_on=1),
)  # fmt: skip
"""The last three begin like a picture, and nothing here looks further: whoever decodes them upstream does."""
