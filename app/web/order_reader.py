"""Reads what a caller asks for, in whichever of the two forms the route takes it: a JSON document, or a form."""

import asyncio
from contextlib import aclosing
from typing import Final

import orjson
from msgspec import Struct

from app.assets.spool import Spool
from app.catalog.order import Operation, Order
from app.catalog.wording import kind_of
from app.errors import BodyTooLarge, InvalidRequest
from app.web.body import BodyLimits, RequestBody
from app.web.documents import DocumentReader, Draft
from app.web.form_heads import FORM_TYPE, media_type
from app.web.forms import read_form
from app.web.pictures import Fetch, Pictures

_MAX_DOCUMENT_BYTES: Final = 32 * 1024 * 1024
"""A JSON document has to be in memory as a whole, its pictures included; a form has not, and may be larger."""

_DOCUMENTS_AT_ONCE: Final = 2
"""How many of them are in memory: each takes up to three times its size while its pictures are decoded."""

_SMALL_BYTES: Final = 1024 * 1024
"""Up to here a document does not wait for larger ones: edits by links, with a small picture or a mask."""

_SMALL_AT_ONCE: Final = 32
"""Together they take no more than one large document does."""

_MOST_VALUES: Final = 100_000
"""Of a JSON body; each costs some 50 bytes and more to parse. A prompt may have 32,000 commas."""

_JSON_TYPE: Final = "application/json"


class OrderLimits(Struct, frozen=True):
    """What is read of the bodies of orders: JSON of words alone, and bodies with pictures in them."""

    words: BodyLimits
    uploads: BodyLimits

    @property
    def documents(self) -> BodyLimits:
        """For JSON that may have pictures in it."""
        return BodyLimits(min(self.uploads.max_bytes, _MAX_DOCUMENT_BYTES), self.uploads.seconds)


class OrderReader:
    """Reads the orders of all operations; ``fetch`` opens the links in them, and None refuses those."""

    def __init__(self, spool: Spool, limits: OrderLimits, fetch: Fetch | None = None) -> None:
        self._spool = spool
        self._limits = limits
        self._documents = DocumentReader(fetch)
        self._room = asyncio.Semaphore(_DOCUMENTS_AT_ONCE)
        self._room_for_small = asyncio.Semaphore(_SMALL_AT_ONCE)

    def pictures(self) -> Pictures:
        """Where the pictures of one request will be; close it when the request is over."""
        return Pictures(self._spool, self._limits.uploads.max_bytes)

    async def read(self, operation: Operation, body: RequestBody, pictures: Pictures) -> Order:
        """Read a whole body.

        Raises:
            InvalidRequest: it is not in a form this operation takes, or breaks the rules of that form.

        """
        content_type = body.content_type
        kind = media_type(content_type)
        if operation == "generations":
            if kind == FORM_TYPE:
                raise _wrong_kind(operation, f"JSON ({_JSON_TYPE}); pictures go to the route `edits`")
            return Order(operation, read_fields(await body.whole(self._limits.words)))
        if kind == FORM_TYPE:
            async with aclosing(body.pieces(self._limits.uploads)) as pieces:
                return await read_form(operation, content_type, pieces, pictures)
        if operation == "edits" and kind == _JSON_TYPE:
            draft = await self._draft(body, pictures)
            return await self._documents.complete(operation, draft, pictures)
        alternative = f", or JSON ({_JSON_TYPE})" if operation == "edits" else ""
        raise _wrong_kind(operation, f"a form ({FORM_TYPE}){alternative}")

    async def _draft(self, body: RequestBody, pictures: Pictures) -> Draft:
        """A document waits on disk until it is whole and there is room for it in memory."""
        file = self._spool.open_upload()
        try:
            async with aclosing(body.pieces(self._limits.documents)) as pieces:
                async for piece in pieces:
                    await file.write(piece)
            async with self._room_for_small if file.size_bytes <= _SMALL_BYTES else self._room:
                fields = read_fields(b"".join([piece async for piece in file.read()]))
                return await self._documents.take(fields, pictures)
        finally:
            await file.aclose()


def read_fields(body: bytes) -> dict[str, object]:
    """The members of a JSON body; a null is an absent parameter.

    Raises:
        InvalidRequest: it is not one JSON object in UTF-8.
        BodyTooLarge: it is of more values than anybody needs.

    """
    found = _fields_or_refusal(body)
    del body  # a refusal keeps the frames it passed, and what they hold
    if isinstance(found, dict):
        return found
    try:
        raise found
    finally:
        del found


def _fields_or_refusal(body: bytes) -> dict[str, object] | InvalidRequest:
    """Told rather than raised: the parser's own error has a copy of the body, and would be the refusal's context."""
    if body.count(b",") + body.count(b"[") + body.count(b"{") > _MOST_VALUES:
        return BodyTooLarge(f"The body has more than {_MOST_VALUES:,} values.")
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        return InvalidRequest(
            "We could not parse the JSON body of your request "
            f"(line {error.lineno}, column {error.colno}). The body must be one JSON object in UTF-8.",
            code="invalid_json",
        )
    if not isinstance(document, dict):
        return InvalidRequest(
            f"Invalid body: expected a JSON object, but got {kind_of(document)} instead.", code="invalid_type"
        )
    return {name: value for name, value in document.items() if value is not None}


def _wrong_kind(operation: Operation, wanted: str) -> InvalidRequest:
    return InvalidRequest(f"The route `{operation}` takes {wanted}.", code="invalid_content_type")
