"""Reads an order from a JSON document; the pictures of an edit are ``data:`` URLs in it, or links."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from app.catalog.order import InputImage, Operation, Order
from app.catalog.wording import too_many, unsupported, wrong_type
from app.errors import InvalidRequest
from app.upstream.fetch import FetchFailed
from app.web.pictures import MAX_IMAGES, Fetch, Pictures, decoded

_SOURCES: Final = ("image_url", "file_id")


class Link(Struct, frozen=True):
    """A picture that is elsewhere."""

    param: str
    url: str


class Draft(Struct, frozen=True):
    """An order whose linked pictures have not been fetched yet."""

    fields: dict[str, object]
    images: list[InputImage | Link]
    mask: InputImage | Link | None
    markup: InputImage | Link | None


class DocumentReader:
    """Reads the orders of edits; without ``fetch`` links are refused."""

    def __init__(self, fetch: Fetch | None) -> None:
        self._fetch = fetch

    async def take(self, fields: dict[str, object], pictures: Pictures) -> Draft:
        """Take the pictures out of the fields, which are the caller's no more: what is left of them is small.

        Raises:
            InvalidRequest: a reference to a picture is none.

        """
        if "image" in fields:
            raise InvalidRequest(
                "Unknown parameter: 'image'. In a JSON body the pictures stand in 'images', "
                'such as [{"image_url": "data:image/png;base64,…"}].',
                param="image",
                code="unknown_parameter",
            )
        references = _list_of("images", fields.pop("images", None))
        mask, markup = fields.pop("mask", None), fields.pop("markup", None)
        return Draft(
            fields,
            [await self._picture(f"images[{at}]", found, pictures) for at, found in enumerate(references)],
            None if mask is None else await self._picture("mask", mask, pictures),
            None if markup is None else await self._picture("markup", markup, pictures),
        )

    async def complete(self, operation: Operation, draft: Draft, pictures: Pictures) -> Order:
        """Fetch what the draft has links for.

        Raises:
            InvalidRequest: a link leads to no picture.

        """

        async def fetched(found: InputImage | Link) -> InputImage:
            return await self._fetched(found, pictures) if isinstance(found, Link) else found

        return Order(
            operation,
            draft.fields,
            tuple([await fetched(found) for found in draft.images]),
            await fetched(draft.mask) if draft.mask else None,
            await fetched(draft.markup) if draft.markup else None,
        )

    async def _picture(self, param: str, reference: object, pictures: Pictures) -> InputImage | Link:
        url = _url(param, reference)
        param = f"{param}.image_url"
        scheme = url[:8].partition(":")[0].lower()
        if scheme == "data":
            return await pictures.keep(decoded(url, param))
        if scheme not in ("http", "https"):
            raise InvalidRequest(f"Invalid '{param}': expected a data: URL or a link.", param=param)
        if self._fetch is None:
            raise unsupported(
                param,
                f"Invalid '{param}': this gateway fetches no pictures from links, because IMAGEGATE_IMAGE_URL_HOSTS "
                "is not set. Send the picture itself, as a data: URL.",
            )
        return Link(param, url)

    async def _fetched(self, link: Link, pictures: Pictures) -> InputImage:
        if self._fetch is None:
            raise RuntimeError("without a fetcher no draft has links")
        try:
            async with self._fetch(link.url) as pieces:
                return await pictures.keep(pieces)
        except FetchFailed as failed:
            param = link.param
            raise InvalidRequest(
                f"Invalid '{param}': the picture could not be fetched. {failed.reason} "
                "(IMAGEGATE_IMAGE_URL_HOSTS names the hosts this gateway fetches from.)",
                param=param,
            ) from None


def _list_of(param: str, value: object) -> Sequence[object]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise wrong_type(param, "an array of objects", value)
    if not value:
        raise InvalidRequest(
            f"Invalid '{param}': empty array. Expected an array with minimum length 1, but got an empty array instead.",
            param=param,
            code="empty_array",
        )
    if len(value) > MAX_IMAGES:
        raise too_many(param, MAX_IMAGES, len(value))
    return value


def _url(param: str, reference: object) -> str:
    """The address in a reference: ``{"image_url": …}`` and nothing else (facts §1.3)."""
    if not isinstance(reference, dict):
        raise wrong_type(param, "an object", reference)
    given = {name: value for name, value in reference.items() if value is not None}
    if given.keys() - set(_SOURCES):
        raise InvalidRequest(
            f"Unknown parameter in '{param}': it has 'image_url' and nothing else.",
            param=param,
            code="unknown_parameter",
        )
    if "file_id" in given and len(given) == 1:
        raise unsupported(
            f"{param}.file_id",
            f"Invalid '{param}.file_id': this gateway keeps no files. Send the picture itself, as a data: URL in "
            "'image_url'.",
        )
    if len(given) != 1:
        raise InvalidRequest(f"Invalid '{param}': give exactly one of 'image_url' and 'file_id'.", param=param)
    url = given["image_url"]
    if not isinstance(url, str):
        raise wrong_type(f"{param}.image_url", "a string", url)
    return url
