"""The tables of parameters by model in docs/api.md, made from the shipped catalog; ``make lists`` writes them there."""

from pathlib import Path

from app.catalog.catalog import Catalog, load_catalog
from app.catalog.handover import OWN_RULES
from app.catalog.order import Operation
from app.catalog.profile import Profile
from tests.house.tree import DOCS

BEGIN, END = "<!-- parameters: begin (made by `make lists`) -->\n", "<!-- parameters: end -->\n"
PAGE = DOCS / "api.md"
OPERATIONS: tuple[Operation, ...] = ("generations", "edits", "variations")
PICTURES = ("image", "mask", "markup")
COSTS = " `$`"
"""The mark of what changes the cost."""

Treatment = tuple[str, ...]
"""What one model does with each parameter of a table, in the table's order."""


def parameters_table(folder: Path | None = None) -> str:
    """A table per operation: one row per parameter, one column per set of models that treat all parameters alike.

    ``folder`` adds profiles.
    """
    catalog = load_catalog(folder)
    return "\n".join(f"`POST /v1/images/{operation}`:\n\n{_table(catalog, operation)}" for operation in OPERATIONS)


def table_on_page(page: str) -> str:
    """The tables as a page has them."""
    return page.split(BEGIN)[1].split(END, maxsplit=1)[0]


def write(page: Path = PAGE) -> None:
    """Put today's tables into the page."""
    text = page.read_text(encoding="utf-8")
    page.write_text(text.replace(BEGIN + table_on_page(text), BEGIN + parameters_table()), encoding="utf-8")


def _table(catalog: Catalog, operation: Operation) -> str:
    profiles = [profile for profile in catalog.all() if operation in profile.operations]
    names = list(dict.fromkeys(name for profile in profiles for name in profile.operations[operation]))
    names += sorted(catalog.known.difference(names))
    if operation != "generations":
        names = [*PICTURES, *(name for name in names if name not in PICTURES)]
    names += OWN_RULES
    columns: dict[Treatment, list[str]] = {}
    for profile in profiles:
        columns.setdefault(tuple(_cell(catalog, profile, operation, name) for name in names), []).append(profile.name)
    heads = ("<br>".join(f"`{name}`" for name in models) for models in columns.values())
    rows = [["parameter", *heads], ["---"] * (len(columns) + 1)]
    rows += [[f"`{name}`", *cells] for name, cells in zip(names, zip(*columns, strict=True), strict=True)]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _cell(catalog: Catalog, profile: Profile, operation: Operation, name: str) -> str:
    if name in OWN_RULES:
        return _own(profile, name)
    if operation != "generations" and name in PICTURES:
        return _picture(profile, operation, name)
    rule = profile.operations[operation].get(name)
    if rule is None or rule.drop:
        return "refused" if name in catalog.essential else "dropped"
    default = getattr(rule, "default", None)
    return ("passed" if default is None else f"defaulted: `{default}`") + COSTS * rule.changes_cost


def _own(profile: Profile, name: str) -> str:
    match name:
        case "response_format":
            return "passed" if profile.container == "either" else "converted"
        case "stream":
            return "passed" if profile.streaming else "emulated"
        case _:
            return "passed" + COSTS * OWN_RULES[name].changes_cost if profile.streaming else "dropped"


def _picture(profile: Profile, operation: Operation, name: str) -> str:
    rule = profile.inputs[operation]
    costs = COSTS * bool(profile.prices and profile.prices.by_tokens)
    match name:
        case "image":
            return f"passed: up to {rule.max_images}{costs}"
        case "mask":
            return f"passed{costs}" if rule.max_mask_bytes else "refused"
        case _:
            return f"passed{costs}" if rule.markup else "refused"


if __name__ == "__main__":
    write()
