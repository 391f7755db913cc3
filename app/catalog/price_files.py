"""The files `imagegate catalog sync` writes into the operator's folder, beside those the operator wrote."""

import os
import shutil
import tempfile
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path

from app.catalog.catalog import load_catalog
from app.catalog.price_list import MARK, Difference, price_file


def file_name(model: str) -> str:
    """The file of a model's price. It sorts first, so that what the operator's files derive from it is up to date."""
    return f"00-cometapi-{model.replace('/', '_').replace(':', '_')}.toml"


def priced_by_hand(folder: Path) -> dict[str, str]:
    """Each model that a file of the operator's own prices, and that file's name."""
    found = {}
    for path in sorted(folder.glob("*.toml")):
        text = path.read_text(encoding="utf-8")
        document = tomllib.loads(text)
        if "price" in document and not text.startswith(MARK):
            found[str(document.get("name") or document.get("extends"))] = path.name
    return found


def write_price_files(folder: Path, differences: Iterable[Difference]) -> dict[str, str]:
    """Write a file for each model whose price can be taken over, unless the operator's own files say otherwise.

    Gives what became of each. The folder is loaded with the new files before they are put in place, each in one move,
    so a gateway that starts meanwhile reads the old one or the new one.

    Raises:
        CatalogError: the catalog would not load with them; nothing was written.
        OSError: the folder cannot be written to.

    """
    by_hand = priced_by_hand(folder)
    told, texts = {}, {}
    for difference in differences:
        name = file_name(difference.model)
        if difference.obstacle:
            continue
        if difference.model in by_hand:
            told[difference.model] = f"kept as it is, {by_hand[difference.model]} prices it by hand"
        elif _is_foreign(folder / name):
            told[difference.model] = f"kept as it is, {name} is there and was not written by this command"
        else:
            told[difference.model] = f"written to {name}"
            texts[name] = price_file(difference)
    _try(folder, texts)
    for name, text in texts.items():
        _replace(folder / name, text)
    return told


def _is_foreign(path: Path) -> bool:
    return path.exists() and not path.read_text(encoding="utf-8").startswith(MARK)


def _try(folder: Path, texts: Mapping[str, str]) -> None:
    """Load the catalog as it would be."""
    with tempfile.TemporaryDirectory() as copy:
        for path in folder.glob("*.toml"):
            shutil.copyfile(path, Path(copy, path.name))
        for name, text in texts.items():
            Path(copy, name).write_text(text, encoding="utf-8")
        load_catalog(Path(copy))


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
