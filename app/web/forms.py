"""Reads an order from a form: texts become its fields, files its pictures, as they arrive."""

import re
from collections.abc import AsyncIterable
from typing import Any, Final

from app.catalog.order import InputImage, Operation, Order
from app.catalog.wording import shown, too_many
from app.errors import BodyTooLarge, InvalidRequest
from app.web.form_heads import PartHead
from app.web.form_parts import FormParts
from app.web.pictures import MAX_IMAGES, ArrivingPicture, Pictures

MAX_TEXT_BYTES: Final = 256 * 1024
"""All texts of a form together; a prompt has at most 32,000 characters, which is 128 KiB."""

_PICTURE: Final = re.compile(r"(image|mask|markup)(?:\[\d{0,2}\])?")
_MEMBER: Final = re.compile(r"([^\[\]]+)((?:\[[^\[\]]+\]){1,4})")
"""``svg[model]``, ``svg[reasoning][effort]``: members of objects, as the SDKs spell them in a form (facts §1.6)."""


async def read_form(operation: Operation, content_type: str, pieces: AsyncIterable[bytes], pictures: Pictures) -> Order:
    """Read a whole form.

    Raises:
        InvalidRequest: it is no form, or one of its parts cannot be what its name says.
        BodyTooLarge: its texts are larger than any real ones.

    """
    parts = FormParts(content_type)
    form = _Form(pictures)
    async for piece in pieces:
        for event in parts.feed(piece):
            match event:
                case PartHead():
                    form.begin(event)
                case bytes():
                    await form.add(event)
                case None:
                    await form.end()
    parts.finish()
    return form.order(operation)


class _Form:
    """What has come so far."""

    def __init__(self, pictures: Pictures) -> None:
        self._pictures = pictures
        self._fields: dict[str, Any] = {}
        self._images: list[InputImage] = []
        self._overlays: dict[str, InputImage] = {}
        self._text_bytes = 0
        self._name = ""
        self._text = bytearray()
        self._picture: ArrivingPicture | None = None

    def begin(self, head: PartHead) -> None:
        """A part begins; its name decides at once whether it may."""
        picture = _PICTURE.fullmatch(head.name)
        kind = picture[1] if picture else ""
        self._name = self._picture_name(kind) if kind else head.name
        if head.is_file and not kind:
            raise _wrong_kind(self._name, "a string", "a file")
        if kind and not head.is_file:
            raise _wrong_kind(self._name, "a file", "a string")
        self._text = bytearray()
        self._picture = self._pictures.begin() if kind else None

    async def add(self, piece: bytes) -> None:
        """A piece of its data."""
        if self._picture is not None:
            await self._picture.add(piece)
            return
        self._text_bytes += len(piece)
        if self._text_bytes > MAX_TEXT_BYTES:
            raise BodyTooLarge(f"The texts of a form may have {MAX_TEXT_BYTES:,} bytes together.")
        self._text += piece

    async def end(self) -> None:
        """The part is whole."""
        if self._picture is None:
            self._put(self._name, self._decoded())
            return
        picture = await self._picture.finish()
        if self._name.startswith("image"):
            self._images.append(picture)
        else:
            self._overlays[self._name] = picture

    def order(self, operation: Operation) -> Order:
        """What the form asks for."""
        mask, markup = self._overlays.get("mask"), self._overlays.get("markup")
        return Order(operation, self._fields, tuple(self._images), mask, markup, from_form=True)

    def _picture_name(self, kind: str) -> str:
        """How errors call the picture: images by their place, whichever way the form spells that (facts §1.5)."""
        if kind != "image":
            if kind in self._overlays:
                raise _repeated(kind)
            return kind
        if len(self._images) == MAX_IMAGES:
            raise too_many("image", MAX_IMAGES, MAX_IMAGES + 1)
        return f"image[{len(self._images)}]"

    def _decoded(self) -> str:
        try:
            return self._text.decode("utf-8")
        except UnicodeDecodeError:
            name = shown(self._name)
            raise InvalidRequest(f"Invalid '{name}': the text is not UTF-8.", param=name) from None

    def _put(self, name: str, value: str) -> None:
        """Set a field, or the member of one."""
        member = _MEMBER.fullmatch(name)
        path = [member[1], *member[2][1:-1].split("][")] if member else [name]
        target = self._fields
        for step in path[:-1]:
            target = target.setdefault(step, {})
            if not isinstance(target, dict):
                raise _repeated(name)
        if path[-1] in target:
            raise _repeated(name)
        target[path[-1]] = value


def _wrong_kind(name: str, expected: str, found: str) -> InvalidRequest:
    message = f"Invalid type for '{shown(name)}': expected {expected}, but got {found} instead."
    return InvalidRequest(message, param=shown(name), code="invalid_type")


def _repeated(name: str) -> InvalidRequest:
    message = f"Invalid parameter: '{shown(name)}'. This parameter already has a different value in your parameters."
    return InvalidRequest(message, param=shown(name))
