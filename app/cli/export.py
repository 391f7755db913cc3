"""``imagegate ledger export``: a team's ledger as a file, fetched in pieces, with progress on a terminal."""

import csv
import json
import os
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import click

from app.cli.options import iso_time, target_options
from app.cli.progress import end_progress, show_progress
from app.cli.remote import Admin, Target, call
from app.cli.tables import counted

_PIECE: Final = 5_000
"""Entries in one answer, and in memory: some megabytes."""


@click.command("export")
@click.option("--team", required=True)
@click.option("-o", "--output", required=True, help="The file; - prints it.")
@click.option(
    "--format", "form", type=click.Choice(["jsonl", "csv"]), help="[default: as the file's name ends, or jsonl]"
)
@click.option("--since", type=click.DateTime(), help="Local time. [default: from the first entry]")
@click.option("--until", type=click.DateTime(), help="[default: to the last]")
@target_options
def export(
    target: Target, team: str, output: str, form: str | None, since: datetime | None, until: datetime | None
) -> None:
    """Write a team's ledger into a file.

    The oldest entry comes first. What cannot be finished is left as FILE.part.
    """
    form = form or ("csv" if output.endswith(".csv") else "jsonl")
    query = {"team": team, "format": form, "since": iso_time(since), "until": iso_time(until)}

    async def work(admin: Admin) -> int:
        if output == "-":
            return await _print(_pieces(admin, form, query))
        return await _write(_pieces(admin, form, query), Path(output))

    number = call(target, work)
    click.echo(f"{counted(number, 'entry', 'entries')}.", err=True)


async def _pieces(admin: Admin, form: str, query: dict[str, Any]) -> AsyncIterator[tuple[str, int]]:
    """Text and number of entries of each piece; of CSV the first alone has its head."""
    after: str | None = None
    while True:
        text = await admin.text("/ledger/export", limit=_PIECE, after=after, **query)
        lines = text.split("\n")[:-1]  # not splitlines: a user's name may have what that takes for the end of a line
        entries = lines[1:] if form == "csv" else lines
        yield "".join(f"{line}\n" for line in (lines if after is None else entries)), len(entries)
        if len(entries) < _PIECE:
            return
        after = _id_of(entries[-1], form)


def _id_of(line: str, form: str) -> str:
    """The id of an entry: the first column of CSV."""
    return str(next(csv.reader([line]))[0] if form == "csv" else json.loads(line)["id"])


async def _print(pieces: AsyncIterator[tuple[str, int]]) -> int:
    total = 0
    async for text, number in pieces:
        click.echo(text, nl=False)
        total += number
    return total


async def _write(pieces: AsyncIterator[tuple[str, int]], path: Path) -> int:
    """Into a file of another name until it is whole."""
    part, total = path.with_name(f"{path.name}.part"), 0
    try:
        with part.open("w", encoding="utf-8", newline="") as file:
            async for text, number in pieces:
                file.write(text)
                total += number
                show_progress(counted(total, "entry", "entries"))
        os.replace(part, path)  # noqa: PTH105  as its documentation says it: atomic
    except OSError as error:
        raise click.ClickException(f"Cannot write {path}: {error}") from None
    end_progress()
    return total
