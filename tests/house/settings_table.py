"""The table of settings in docs/configuration.md, made from app/settings/fields.py; ``make lists`` writes it there."""

from enum import Enum
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from app.settings.fields import Settings
from app.settings.names import variable_name
from tests.house.tree import DOCS

BEGIN, END = "<!-- settings: begin (made by `make lists`) -->\n", "<!-- settings: end -->\n"
PAGE = DOCS / "configuration.md"


def settings_table() -> str:
    """One row per setting, in the order of the class."""
    rows = [_row(name, field) for name, field in Settings.model_fields.items()]
    return "".join(["| setting | default | meaning |\n", "|---|---|---|\n", *rows])


def table_on_page(page: str) -> str:
    """The table as a page has it."""
    return page.split(BEGIN)[1].split(END, maxsplit=1)[0]


def write(page: Path = PAGE) -> None:
    """Put today's table into the page."""
    text = page.read_text(encoding="utf-8")
    page.write_text(text.replace(table_on_page(text), settings_table()), encoding="utf-8")


def _row(name: str, field: FieldInfo) -> str:
    assert field.description, f"{name} has no description"
    secret = field.annotation is not None and SecretStr in getattr(field.annotation, "__args__", ())
    kept = " *Secret.*" if secret else ""
    return f"| `{variable_name(name)}` | {_default(field)} | {field.description}{kept} |\n"


def _default(field: FieldInfo) -> str:
    value: Any = field.default
    if field.default_factory is not None or value in (None, ()):
        return ""
    return f"`{value.value if isinstance(value, Enum) else value}`"


if __name__ == "__main__":
    write()
