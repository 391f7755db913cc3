"""Make a picture file larger without changing the picture."""

import os
import zlib

PNG_END_BYTES = 12
"""The last chunk of a PNG: length, name and checksum, and nothing in it."""
NOISE_CHUNK = b"noIs"
"""By its letters' cases: may be ignored, is nobody's standard, may be copied."""


def add_noise(picture: bytes, file_format: str, size_bytes: int) -> bytes:
    """A file larger by so many random bytes (a little more for a PNG, twice as many for an svg)."""
    if not size_bytes:
        return picture
    noise = os.urandom(size_bytes)
    match file_format:
        case "png":
            chunk = NOISE_CHUNK + noise
            framed = len(noise).to_bytes(4, "big") + chunk + zlib.crc32(chunk).to_bytes(4, "big")
            return picture[:-PNG_END_BYTES] + framed + picture[-PNG_END_BYTES:]
        case "svg":
            return picture + b"<!-- %b -->\n" % noise.hex().encode("ascii")
        case _:
            return picture + noise
