"""The pictures of an answer, and the files they become: named beforehand, whole or not there, never over others."""

import base64
import binascii
import json
import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import click
import httpx
from msgspec import Struct

from app.assets.sniff import content_type, extension

_HEAD_BYTES: Final = 512
_LONGEST_NAME: Final = 48
"""Of a name made of a prompt, in characters."""


class InTheWay(click.ClickException):
    """Files cannot be written, which is seen before anything is asked of a gateway."""

    exit_code = 2


class Answer(Struct, frozen=True):
    """What an answer brought."""

    pictures: tuple[bytes | str, ...]
    """Bytes, or the link of one that could not be had otherwise."""
    usage: dict[str, Any]
    size: str | None

    @classmethod
    def of(cls, response: httpx.Response) -> "Answer":
        """Read JSON, or the completed events of a stream."""
        try:
            if response.headers.get("content-type", "").startswith("text/event-stream"):
                documents = list(_completed(response.text))
                entries, told = documents, documents[-1]
            else:
                told = response.json()
                entries = told["data"]
            pictures = tuple(_picture(entry) for entry in entries)
        except (ValueError, LookupError, TypeError, binascii.Error):
            raise click.ClickException("The answer is not one of an imagegate.") from None
        return cls(pictures, told.get("usage") or {}, told.get("size"))


def _completed(text: str) -> Iterator[dict[str, Any]]:
    for line in text.splitlines():
        if line.startswith("data:") and not line.endswith("[DONE]"):
            event = json.loads(line.removeprefix("data:"))
            if str(event.get("type", "")).endswith(".completed"):
                yield event


def _picture(entry: dict[str, Any]) -> bytes | str:
    if text := entry.get("b64_json"):
        return base64.b64decode(text, validate=True)
    return str(entry["url"])


class Destination(Struct, frozen=True):
    """Where pictures go: to a file that was named, or to free names made of a stem."""

    folder: Path
    stem: str
    suffix: str | None
    """None: no file was named, so names are looked for, and end as the bytes say."""
    overwrites: bool

    @classmethod
    def of(cls, output: Path | None, title: str, *, overwrites: bool) -> "Destination":
        """A file, or a folder for files called after the title."""
        if output is None or output.is_dir():
            return cls(output or Path(), _name_of(title), None, overwrites=False)
        return cls(output.parent, output.stem, output.suffix, overwrites)

    def check(self, number: int) -> None:
        """Look before anything is bought.

        Raises:
            InTheWay: the files cannot be written, or are there already.

        """
        if not self.folder.is_dir() or not os.access(self.folder, os.W_OK | os.X_OK):
            raise InTheWay(f"No file can be made in {self.folder}/.")
        if self.suffix is None or self.overwrites:
            return
        for at in range(number):
            if (path := self.folder / self._name(at, number, self.suffix)).exists():
                raise InTheWay(f"{path} is there already; --force overwrites it.")

    def save(self, picture: bytes, at: int, number: int) -> Path:
        """Write a picture, and where it is then.

        Raises:
            OSError: it cannot be written; nothing of it is left.

        """
        part = self.folder / f".{self.stem}.{secrets.token_hex(4)}.part"
        try:
            part.write_bytes(picture)
            return self._put(part, at, number, f".{kind_of(picture)}")
        finally:
            part.unlink(missing_ok=True)

    def _put(self, part: Path, at: int, number: int, ending: str) -> Path:
        name = self._name(at, number, ending if self.suffix is None else self.suffix)
        path = self.folder / name
        if self.overwrites:
            return part.replace(path)
        taken = 1
        while True:
            try:
                _put_newly(part, path)
            except FileExistsError:
                if self.suffix is not None:
                    raise
                taken += 1
                path = self.folder / f"{Path(name).stem}-{taken}{ending}"
            else:
                return path

    def _name(self, at: int, number: int, suffix: str) -> str:
        return f"{self.stem}-{at + 1}{suffix}" if number > 1 else f"{self.stem}{suffix}"


def _put_newly(part: Path, path: Path) -> None:
    """Give a file its name, unless somebody has it: a link, unlike a rename, never takes the place of a file."""
    try:
        path.hardlink_to(part)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        if path.exists():
            raise FileExistsError(f"{path} is there already") from None
        part.replace(path)


def kind_of(picture: bytes) -> str:
    """How the name of a file of these bytes ends."""
    return extension(content_type(picture[:_HEAD_BYTES]))


def _name_of(title: str) -> str:
    """A prompt as the name of a file: its words, with hyphens between. What is a name already, as an id is, stays."""
    words = title if re.fullmatch(r"\w+", title) else re.sub(r"[\W_]+", "-", title.lower()).strip("-")
    return words[:_LONGEST_NAME].rstrip("-") or "picture"
