"""Tables as CSV (RFC 4180), such that a spreadsheet takes no cell for a formula."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import Final, Literal

Format = Literal["json", "csv"]

CSV: Final = "text/csv; charset=utf-8"
_FORMULA: Final = re.compile(r"(?:^|[;\t])\s*[=+\-@\uff1d\uff0b\uff0d\uff20]")
"""What a spreadsheet may take for the beginning of a formula (OWASP, CSV injection), full-width signs too; behind a
semicolon as well, which stands between cells where the comma is the decimal sign."""
_NUMBER: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def wants_csv(chosen: Format | None, accept: str) -> bool:
    """Whether a table is asked for as CSV: by ``format``, else by the header ``Accept``."""
    return chosen == "csv" if chosen is not None else "text/csv" in accept.lower()


def csv_text(rows: Iterable[Sequence[object]]) -> str:
    """Rows as lines; None is an empty cell, a control character a blank: every row is one line."""
    lines = io.StringIO()
    csv.writer(lines, lineterminator="\r\n").writerows([_cell(value) for value in row] for row in rows)
    return lines.getvalue()


def _cell(value: object) -> str:
    """Text that looks like a formula gets an apostrophe before it; a number, negative ones too, stays one."""
    text = "" if value is None else _CONTROLS.sub(" ", str(value))
    is_formula = _FORMULA.search(text) and not _NUMBER.fullmatch(text)
    return ("'" if is_formula else "") + (text.replace(";", ",") if is_formula else text)
