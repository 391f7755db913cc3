"""By what a request is known again: equal fingerprints are the same purchase, asked for again."""

import hashlib
from collections.abc import Iterator
from typing import Final

import orjson

from app.catalog.normalise import ImageRequest
from app.catalog.order import InputImage

_CHARS: Final = 32
"""128 bits of SHA-256: no two of a key's requests meet by chance, and nobody gains from making them meet."""


def fingerprint(request: ImageRequest) -> str:
    """What a request asks for, in 32 hex digits; who asks is no part of it.

    It is taken of the canonical request, so spellings do not count: the order of parameters, an alias of the model, a
    form or a document. The text that is hashed is one JSON array, so no two requests run together into the same text.
    """
    text = orjson.dumps(
        [
            request.operation,
            request.profile.name,
            request.n,
            request.exchanges,
            request.stream,
            request.partial_images,
            request.response_format,
            request.user,
            request.fields,
            [[role, image.content_type, image.sha256] for role, image in _pictures(request)],
        ],
        option=orjson.OPT_SORT_KEYS,
    )
    return _digest(text)


def idempotency_digest(key: str) -> str:
    """What is stored and logged in place of an ``Idempotency-Key``: 32 hex digits."""
    return _digest(key.encode())


def _pictures(request: ImageRequest) -> Iterator[tuple[str, InputImage]]:
    for image in request.images:
        yield "image", image
    if request.mask is not None:
        yield "mask", request.mask
    if request.markup is not None:
        yield "markup", request.markup


def _digest(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()[:_CHARS]
