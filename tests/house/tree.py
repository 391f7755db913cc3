"""What the inspector looks at: every Python file of a folder, parsed."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
APP = ROOT / "app"
TESTS = ROOT / "tests"
DOCS = ROOT / "docs"

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Module:
    """One file: its dotted name (``app.ledger.books``), its text and its parse tree."""

    name: str
    text: str
    tree: ast.Module

    @property
    def room(self) -> str:
        """The second part of the name: ``ledger`` of ``app.ledger.books``, ``money`` of ``app.money``."""
        return self.name.split(".")[1] if "." in self.name else ""

    def imports(self) -> Iterator[str]:
        """Every dotted name imported anywhere in the file, inside functions and ``if TYPE_CHECKING`` too."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                place = "." * node.level + (node.module or "")
                # `from app import money` names the module app.money; `from app.money import Money` a thing in it.
                yield from (f"{place}.{alias.name}" for alias in node.names) if place == "app" else (place,)

    def functions(self) -> Iterator[Function]:
        """Every function and method, nested ones included."""
        for node in ast.walk(self.tree):
            if isinstance(node, Function):
                yield node

    def classes(self) -> Iterator[ast.ClassDef]:
        """Every class, nested ones included."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ClassDef):
                yield node


def parse(name: str, text: str) -> Module:
    """A module made of a text, as the inspectors' own tests use it."""
    return Module(name, text, ast.parse(text))


def modules(folder: Path) -> list[Module]:
    """Every module of a folder of this project; there is at least one, or the inspector is looking the wrong way."""
    found = [_read(path) for path in sorted(folder.rglob("*.py"))]
    assert found, f"no Python file under {folder}"
    return found


def _read(path: Path) -> Module:
    parts = path.relative_to(ROOT).with_suffix("").parts
    text = path.read_text(encoding="utf-8")
    return Module(".".join(part for part in parts if part != "__init__"), text, ast.parse(text, str(path)))
