"""Reads what a caller asks for, in whichever of the two forms the route takes it: a JSON document, or a form."""

from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

from app.assets.spool import Spool
from app.catalog.order import Operation, Order, read_fields
from app.errors import InvalidRequest
from app.web.body import BodyLimits, RequestBody
from app.web.documents import DocumentReader
from app.web.form_heads import FORM_TYPE, media_type
from app.web.forms import read_form
from app.web.pictures import Fetch, Pictures

_MAX_DOCUMENT_BYTES: Final = 32 * 1024 * 1024
"""A JSON document has to be in memory as a whole, its pictures included; a form has not, and may be larger."""

_JSON_TYPE: Final = "application/json"


@dataclass(frozen=True, slots=True)
class OrderLimits:
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
            fields = read_fields(await body.whole(self._limits.documents))
            return await self._documents.read(operation, fields, pictures)
        alternative = f", or JSON ({_JSON_TYPE})" if operation == "edits" else ""
        raise _wrong_kind(operation, f"a form ({FORM_TYPE}){alternative}")


def _wrong_kind(operation: Operation, wanted: str) -> InvalidRequest:
    return InvalidRequest(f"The route `{operation}` takes {wanted}.", code="invalid_content_type")
