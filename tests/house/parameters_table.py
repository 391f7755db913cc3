"""The table of parameters by model in docs/api.md, made from the shipped catalog; ``make lists`` writes it there."""

from pathlib import Path

from app.catalog.catalog import load_catalog
from app.catalog.profile import Profile
from tests.house.tree import DOCS

BEGIN, END = "<!-- parameters: begin (made by `make lists`) -->\n", "<!-- parameters: end -->\n"
PAGE = DOCS / "api.md"

Treatment = tuple[str, ...]
"""What one model does with each parameter of the table, in the table's order."""


def parameters_table(folder: Path | None = None) -> str:
    """One row per parameter, one column per set of models that treat all parameters alike; ``folder`` adds profiles."""
    catalog = load_catalog(folder)
    profiles = (*catalog.profiles(), *catalog.retired())
    names = list(dict.fromkeys(name for profile in profiles for name in profile.parameters))
    columns: dict[Treatment, list[str]] = {}
    for profile in profiles:
        columns.setdefault(tuple(_cell(profile, name) for name in names), []).append(profile.name)
    heads = ("<br>".join(f"`{name}`" for name in models) for models in columns.values())
    rows = [["parameter", *heads], ["---"] * (len(columns) + 1)]
    rows += [[f"`{name}`", *cells] for name, cells in zip(names, zip(*columns, strict=True), strict=True)]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def table_on_page(page: str) -> str:
    """The table as a page has it."""
    return page.split(BEGIN)[1].split(END, maxsplit=1)[0]


def write(page: Path = PAGE) -> None:
    """Put today's table into the page."""
    text = page.read_text(encoding="utf-8")
    page.write_text(text.replace(BEGIN + table_on_page(text), BEGIN + parameters_table()), encoding="utf-8")


def _cell(profile: Profile, name: str) -> str:
    rule = profile.parameters.get(name)
    if rule is None:
        return "refused"
    if rule.drop:
        return "dropped"
    default = getattr(rule, "default", None)
    return "forwarded" if default is None else f"defaulted: `{default}`"


if __name__ == "__main__":
    write()
