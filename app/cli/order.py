"""What ``imagegate image`` asks the gateway for: parameters, and the pictures to start from."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import click
from msgspec import Struct

_FORMATS: Final = {".jpg": "jpeg", ".jpeg": "jpeg", ".webp": "webp"}
"""The ``output_format`` that a file's name asks for; png is what models give that are asked for nothing."""


class PictureOrder(Struct, frozen=True):
    """A purchase to be made, or to be quoted."""

    fields: Mapping[str, Any]
    images: Sequence[Path] = ()
    mask: Path | None = None

    @property
    def path(self) -> str:
        """The route that makes it."""
        return "/images/edits" if self.images else "/images/generations"

    @property
    def number(self) -> int:
        """How many pictures are asked for."""
        n = self.fields.get("n", 1)
        return n if isinstance(n, int) and n > 0 else 1

    @contextmanager
    def content(self) -> Iterator[dict[str, Any]]:
        """The body as httpx takes it; files are open until the block ends, and read while they are sent."""
        if not self.images:
            yield {"json": dict(self.fields)}
            return
        with ExitStack() as stack:
            named = [("image[]", path) for path in self.images]
            named += [("mask", self.mask)] if self.mask else []
            try:
                files = [(name, (path.name, stack.enter_context(path.open("rb")))) for name, path in named]
            except OSError as error:
                raise click.ClickException(f"Cannot read {error.filename}: {error.strerror}.") from None
            yield {"data": {name: _text(value) for name, value in self.fields.items()}, "files": files}


def picture_order(
    given: Mapping[str, Any],
    params: Sequence[str],
    images: Sequence[Path],
    mask: Path | None,
    suffix: str | None = None,
) -> PictureOrder:
    """The order of the options; what was not given is not sent, so that the gateway's defaults are in force.

    Where no format is given, ``suffix``, the end of the name of the file to be written, says it.

    Raises:
        click.UsageError: they make no order.

    """
    if mask and not images:
        raise click.UsageError("--mask says where a picture may change: give the picture with --image.")
    further = dict(_param(text) for text in params)
    if twice := [name for name in further if given.get(name) is not None]:
        raise click.UsageError(f"--param {twice[0]} says what another option says.")
    fields = {name: value for name, value in given.items() if value is not None} | further
    # Base64 comes with the answer, from every model: a link would have to be opened in time, by somebody allowed to.
    implied = {"response_format": "b64_json"}
    if wanted := _FORMATS.get((suffix or "").lower()):
        implied["output_format"] = wanted
    return PictureOrder(implied | fields, tuple(images), mask)


def _param(text: str) -> tuple[str, Any]:
    """A parameter of ``--param``: JSON where it is some, else text."""
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise click.UsageError("--param is NAME=VALUE.")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _text(value: Any) -> str:
    """A value as forms have it."""
    return value if isinstance(value, str) else json.dumps(value)
