"""The table of hostile answers; ``python -m tests.hostile.bad_answers`` writes it into docs/hostile-answers.md.

Each row is played for real in test_bad_answers.py, so the page cannot say what is not so.
"""

from dataclasses import dataclass
from pathlib import Path

from tests.hostile.bad_answers_content import PICTURES, SECRETS
from tests.hostile.bad_answers_endless import DRAWN_OUT, ENDLESS
from tests.hostile.bad_answers_json import BOMBS, KINDS, USAGES
from tests.hostile.bad_answers_row import Row
from tests.hostile.bad_answers_wire import FRAMING, HEADS
from tests.house.tree import DOCS

BEGIN, END = "<!-- answers: begin (made by `make lists`) -->\n", "<!-- answers: end -->\n"
PAGE = DOCS / "hostile-answers.md"


@dataclass(frozen=True, slots=True)
class Chapter:
    """Rows that are played against one gateway."""

    title: str
    rows: tuple[Row, ...]
    total_seconds: float = 60
    """The total deadline; short where only that ends a row."""
    at_once: int = 4
    """Rows under way together; five that fail together would have the key rest (docs/faults.md)."""


CHAPTERS = (
    Chapter("Without end", ENDLESS),
    Chapter("Drawn out", DRAWN_OUT, total_seconds=3),
    Chapter("Framing", FRAMING, at_once=1),
    Chapter("Heads", HEADS),
    Chapter("Another kind of body", KINDS),
    Chapter("JSON and events", BOMBS),
    Chapter("Usage", USAGES),
    Chapter("The upstream key", SECRETS),
    Chapter("Pictures and links", PICTURES),
)


def answer_table() -> str:
    """The rows, a table for each chapter."""
    return "\n".join(f"### {chapter.title}\n\n{_table(chapter.rows)}" for chapter in CHAPTERS)


def table_on_page(page: str) -> str:
    """The tables as a page has them."""
    return page.split(BEGIN)[1].split(END, maxsplit=1)[0]


def write(page: Path = PAGE) -> None:
    """Put today's tables into the page."""
    text = page.read_text(encoding="utf-8")
    page.write_text(text.replace(BEGIN + table_on_page(text), BEGIN + answer_table()), encoding="utf-8")


_COLUMNS = ("the upstream sends", "asked for", "the client gets", "outcome", "charged", "flags")


def _table(rows: tuple[Row, ...]) -> str:
    cells = [_COLUMNS, ("---",) * len(_COLUMNS), *map(_cells, rows)]
    return "".join(f"| {' | '.join(row)} |\n" for row in cells)


def _cells(row: Row) -> tuple[str, ...]:
    return (row.name, row.asked_for, row.gets, row.outcome, row.charge, row.flags.replace(",", ", "))


if __name__ == "__main__":
    write()
