"""Writes the pictures of an answer into files, and says so."""

import asyncio
from typing import Any, Final

import click
import httpx

from app.cli.pictures import Answer, Destination, kind_of

_LINK_SECONDS: Final = 60.0
_SAME: Final = {"jpg": ("jpg", "jpeg", "jpe"), "tiff": ("tiff", "tif")}
"""Endings that say the same; any other kind has one."""


async def bytes_of(answer: Answer) -> list[bytes]:
    """All its pictures; one that the gateway could only give a link to is opened, without any key."""
    return [picture if isinstance(picture, bytes) else await _opened(picture) for picture in answer.pictures]


def save_pictures(pictures: list[bytes], destination: Destination, cure: str) -> list[dict[str, Any]]:
    """Write them, and tell of each its file, kind and size in bytes.

    Raises:
        click.ClickException: one cannot be written; ``cure`` says how to come by it.

    """
    files = []
    for at, picture in enumerate(pictures):
        try:
            path = destination.save(picture, at, len(pictures))
        except OSError as error:
            where = error.filename2 or error.filename or destination.folder
            raise click.ClickException(f"Cannot write {where}: {error.strerror or error}. {cure}") from None
        kind = kind_of(picture)
        if destination.suffix and destination.suffix.lower()[1:] not in _SAME.get(kind, (kind,)):
            click.echo(f"{path} is a {kind}, whatever its name says.", err=True)
        files.append({"file": str(path), "kind": kind, "bytes": len(picture)})
    return files


def echo_files(files: list[dict[str, Any]], size: str | None) -> None:
    """A line of each; ``size`` is in pixels."""
    for file in files:
        click.echo(f"{file['file']}: {f'{size}, ' if size else ''}{file['bytes']:,} bytes")


async def _opened(link: str) -> bytes:
    try:
        async with asyncio.timeout(_LINK_SECONDS), httpx.AsyncClient(follow_redirects=True) as client:
            answer = await client.get(link)
            answer.raise_for_status()
            return answer.content
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError, TimeoutError) as error:
        told = f"The picture is paid for and lies at {link}, which cannot be opened from here: {error}"
        raise click.ClickException(told) from None
