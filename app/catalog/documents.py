"""Profile files as TOML reads them, and one laid over the other."""

Document = dict[str, object]

_OF_ONE_MODEL = frozenset({"aliases", "deprecated", "retired", "stands_for"})
"""What an extension under a name of its own does not take over."""


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
