"""The catalogue of bad inputs, by what they attack; ``make lists`` writes it into docs/hostile-inputs.md.

Each row is played for real in test_bad_inputs.py, so the page cannot say what is not so.
"""

from pathlib import Path

from tests.hostile.bad_inputs_bodies import BODIES
from tests.hostile.bad_inputs_forms import FORMS, NAMES
from tests.hostile.bad_inputs_framing import FRAMING
from tests.hostile.bad_inputs_heads import HEADS, LINES, PATHS
from tests.hostile.bad_inputs_links import LINKS
from tests.hostile.bad_inputs_pictures import PICTURES
from tests.hostile.bad_inputs_row import Row
from tests.hostile.bad_inputs_slow import SLOW
from tests.house.tree import DOCS

BEGIN, END = "<!-- bad inputs: begin (made by `make lists`) -->\n", "<!-- bad inputs: end -->\n"
PAGE = DOCS / "hostile-inputs.md"

GROUPS: dict[str, tuple[Row, ...]] = {
    "Framing: where a request ends": FRAMING,
    "Heads": HEADS,
    "Request lines": LINES,
    "Paths": PATHS,
    "JSON bodies": BODIES,
    "Forms": FORMS,
    "Names of files": NAMES,
    "Pictures": PICTURES,
    "Links to pictures": LINKS,
    "Slow ones": SLOW,
}

_COLUMNS = ("tried", "the client gets", "in the log")


def catalogue() -> str:
    """The rows, a table for each group."""
    return "\n".join(f"### {group}\n\n{_table(rows)}" for group, rows in GROUPS.items())


def catalogue_on_page(page: str) -> str:
    """The tables as a page has them."""
    return page.split(BEGIN)[1].split(END, maxsplit=1)[0]


def write(page: Path = PAGE) -> None:
    """Put today's tables into the page."""
    text = page.read_text(encoding="utf-8")
    page.write_text(text.replace(BEGIN + catalogue_on_page(text), BEGIN + catalogue()), encoding="utf-8")


def _table(rows: tuple[Row, ...]) -> str:
    cells = [_COLUMNS, ("---",) * len(_COLUMNS), *map(_cells, rows)]
    return "".join(f"| {' | '.join(row)} |\n" for row in cells)


def _cells(row: Row) -> tuple[str, ...]:
    gets = f"{row.status} `{row.code}`" if row.code else f"{row.status}"
    return (row.tried, gets + (", sent on" if row.sent_on else ""), row.line)


if __name__ == "__main__":
    write()
