"""Terminal output: plain tables for people, JSON for programs."""

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import click


def echo_json(document: Any) -> None:
    """Print a document for a program."""
    click.echo(json.dumps(document, indent=2))


def echo_table(headings: Sequence[str], rows: Iterable[Sequence[object]], *, numbers: Sequence[int] = ()) -> None:
    """Print rows under headings; the columns listed in ``numbers`` (-1: the last) stand to the right."""
    rightmost = {at % len(headings) for at in numbers}
    cells = [[printable(str(cell)) for cell in row] for row in rows]
    widths = [max(len(column[0]), *(len(c) for c in column[1:]), 0) for column in zip(headings, *cells, strict=True)]

    def line(row: Sequence[str]) -> str:
        placed = [
            c.rjust(w) if i in rightmost else c.ljust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))
        ]
        return "  ".join(placed).rstrip()

    click.secho(line(headings), bold=True)
    for row in cells:
        click.echo(line(row))


def printable(text: str) -> str:
    """Text of others as it may be shown in a terminal: what would move the cursor or hide something is spelled out."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def readable_dollars(plain: str, decimals: int = 6) -> str:
    """A bare string of dollars as people read it; small amounts are not rounded away."""
    sign, plain = ("-", plain[1:]) if plain.startswith("-") else ("", plain)
    whole, _, fraction = plain.partition(".")
    kept = fraction[:decimals].rstrip("0").ljust(2, "0")
    exact = "" if len(fraction.rstrip("0")) <= decimals else "…"
    return f"{sign}${int(whole):,}.{kept}{exact}"


def moment_text(moment: str | None) -> str:
    """A moment of an answer (ISO 8601) as every table has it, in UTC and whole seconds; ``-`` where there is none."""
    return f"{datetime.fromisoformat(moment).astimezone(UTC):%Y-%m-%d %H:%M:%SZ}" if moment else "-"


def counted(number: int, thing: str, things: str | None = None) -> str:
    """Such as ``1 picture`` and ``2,000 pictures``; ``things`` is a plural that has more than an s."""
    return f"{number:,} {thing if number == 1 else things or f'{thing}s'}"
