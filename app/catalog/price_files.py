"""The files `imagegate catalog sync` writes into the operator's folder, beside those the operator wrote."""

import os
import tempfile
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path

from app.catalog.catalog import load_documents
from app.catalog.documents import parse_document, read_folder
from app.catalog.price_list import FIGURES, Difference, as_listed
from app.money import NANOS_PER_DOLLAR

MARK = "# Written by `imagegate catalog sync`, which replaces it. Prices by hand belong into a file of another name.\n"
"""The first line of every file that may be overwritten."""


def file_name(model: str) -> str:
    """The file of a model's price. It sorts first, so that what the operator's files derive from it is up to date."""
    return f"00-cometapi-{model.replace('/', '_').replace(':', '_')}.toml"


def price_file(difference: Difference) -> str:
    """The text of the file that takes the listed price over."""
    theirs = difference.theirs
    if theirs is None or difference.obstacle:
        raise ValueError(f"the listed price of {difference.model} cannot be taken over")
    figures = ((what, getattr(theirs, what)) for what in FIGURES)
    lines = (f'{what} = "{_plain(what, figure)}"' for what, figure in figures if figure)
    return (
        f'{MARK}\nextends = "{difference.model}"\n\n'
        "# US dollars, per million tokens or per picture.\n[price]\n"
        + "\n".join(lines)
        + f'\nbasis = "{theirs.basis}"\nsource = "{theirs.source}"\n'
    )


def pricing_files(folder: Path) -> dict[str, list[Path]]:
    """Each model that files of the folder price, and those files in order: what the last one says counts."""
    found: dict[str, list[Path]] = {}
    for path, document in read_folder(folder).items():
        if "price" in document:
            found.setdefault(str(document.get("name") or document.get("extends")), []).append(path)
    return found


def kept_prices(folder: Path, differences: Iterable[Difference]) -> dict[str, str]:
    """The models whose price can be taken over, and will not be, because of a file of the operator's; and why."""
    files = pricing_files(folder) if folder.exists() else {}
    kept = {}
    for model in (difference.model for difference in differences if not difference.obstacle):
        by_hand = [path.name for path in files.get(model, ()) if not _is_ours(path)]
        place = folder / file_name(model)
        if by_hand:
            kept[model] = f"kept as it is, {by_hand[-1]} prices it by hand"
        elif place.exists() and not _is_ours(place):
            kept[model] = f"kept as it is, {place.name} is there and was not written by this command"
    return kept


def write_price_files(folder: Path, differences: Iterable[Difference]) -> dict[str, str]:
    """Write a file for each model whose price can be taken over, unless the operator's own files say otherwise.

    Gives what became of each. The folder is made if it is not there, and loaded with the new files before they are put
    in place, each in one move, so a gateway that starts meanwhile reads the old one or the new one.

    Raises:
        CatalogError: the catalog would not load with them; nothing was written.
        OSError: the folder cannot be written to.

    """
    folder.mkdir(parents=True, exist_ok=True)
    usable = [difference for difference in differences if not difference.obstacle]
    kept = kept_prices(folder, usable)
    texts = {found.model: price_file(found) for found in usable if found.model not in kept}
    new = {folder / file_name(model): parse_document(text) for model, text in texts.items()}
    load_documents(read_folder(folder) | new)
    for model, text in texts.items():
        _replace(folder / file_name(model), text)
    return {found.model: kept.get(found.model) or f"written to {file_name(found.model)}" for found in usable}


def _is_ours(path: Path) -> bool:
    return path.read_text(encoding="utf-8").startswith(MARK)


def _plain(what: str, figure: int) -> str:
    return f"{(Decimal(as_listed(what, figure)) / NANOS_PER_DOLLAR).normalize():f}"


def _replace(path: Path, text: str) -> None:
    """Put a whole file in place, on the disk before it has its name."""
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(draft).chmod(0o644)  # a gateway may run as somebody else
        Path(draft).replace(path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
