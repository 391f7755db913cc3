"""Profile files as TOML reads them, and one laid over the other; nothing here knows what they mean."""

import tomllib
from decimal import Decimal
from pathlib import Path

Document = dict[str, object]

_OF_ONE_MODEL = frozenset({"aliases", "deprecated", "retired", "stands_for"})
"""What an extension under a name of its own does not take over."""


class CatalogError(ValueError):
    """A profile file is wrong; the message names the file and the field."""

    def __init__(self, message: str, path: Path | None = None) -> None:
        super().__init__(f"{path}: {message}" if path else message)
        self.path = path
        """The file; None where the fault is no file's."""


def read_folder(folder: Path) -> dict[Path, Document]:
    """What the ``*.toml`` of a folder say, unjudged; CatalogError when one is no TOML, or the folder none."""
    return {path: read_document(path) for path in profile_files(folder)}


def profile_files(folder: Path) -> list[Path]:
    """The files of a catalog folder, in the order of their names; CatalogError when there is no such folder."""
    if not folder.is_dir():
        raise CatalogError("not a folder", folder)
    return sorted(folder.glob("*.toml"))


def read_document(path: Path) -> Document:
    """What one file says, unjudged; CatalogError when it cannot be read or is no TOML."""
    try:
        return parse_document(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:  # both TOML and UTF-8 errors are ValueErrors
        raise CatalogError(str(error), path) from None


def parse_document(text: str) -> Document:
    """TOML as a document; a price written as a bare number stays exact. ValueError when it is no TOML."""
    return tomllib.loads(text, parse_float=Decimal)


def laid_over(old: Document, new: Document) -> Document:
    """The old document with all that the new one says; `load_catalog` tells what is replaced whole and what is not."""
    merged = old | new
    if new.get("name", old["name"]) != old["name"]:
        for key in _OF_ONE_MODEL - new.keys():
            merged.pop(key, None)
    for operation in ("edits", "variations"):
        for key, table in _joined(operation, old, new).items():
            merged[key] = table | _joined("parameters", _table(old, operation), _table(new, operation))
    return merged | _joined("parameters", old, new)


def _joined(key: str, old: Document, new: Document) -> dict[str, Document]:
    """The tables of this key as one, under the key; nothing where either has none."""
    if isinstance(old.get(key), dict) and isinstance(new.get(key), dict):
        return {key: _table(old, key) | _table(new, key)}
    return {}


def _table(document: Document, key: str) -> Document:
    found = document.get(key)
    return found if isinstance(found, dict) else {}
