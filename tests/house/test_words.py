"""Names say what things are, and everything that has a name says in a sentence what it is for."""

import ast
import re
from collections.abc import Iterator

import pytest

from tests.house.tree import APP, TESTS, Function, Module, modules, parse

EMPTY_NAMES = {"util", "utils", "helper", "helpers", "manager", "managers", "common", "base"}
"""Words that say nothing about a thing: what it is a helper, a manager, a base *of* is its name."""


def empty_names(module: Module) -> Iterator[str]:
    """Folders, files and classes called by a word that says nothing."""
    for name in (module.name.split(".")[-1], *(found.name for found in module.classes())):
        words = re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])", name)
        if taken := EMPTY_NAMES.intersection(word.lower() for word in words):
            yield f"{module.name}: {name} has the word {taken.pop()}"


def silent(module: Module) -> Iterator[str]:
    """The module itself and its public classes and functions that have no docstring; nested routes count too."""
    if module.text and not ast.get_docstring(module.tree):
        yield module.name
    yield from _silent_inside(module.tree, module.name)


def _silent_inside(node: ast.AST, name: str) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        inside = name
        if isinstance(child, ast.ClassDef | Function):
            inside = f"{name}.{child.name}"
            if isinstance(child, ast.ClassDef) and child.name.startswith("_"):
                continue
            if not child.name.startswith("_") and not ast.get_docstring(child) and not _is_told_elsewhere(child):
                yield inside
        yield from _silent_inside(child, inside)


def silent_tests(module: Module) -> Iterator[str]:
    """Test functions that do not say what they show."""
    for function in module.functions():
        if function.name.startswith("test_") and not ast.get_docstring(function):
            yield f"{module.name}.{function.name}"


def _is_told_elsewhere(node: ast.ClassDef | Function) -> bool:
    """Overrides, setters and wrappers are described where the first of them stands.

    A plain function inside another may go without; one with a decorator, such as a route, may not.
    """
    if isinstance(node, ast.ClassDef):
        return False
    marks = [ast.unparse(decorator) for decorator in node.decorator_list]
    is_method = bool(node.args.args) and node.args.args[0].arg in ("self", "cls")
    is_inner = node.col_offset > 0 and not is_method
    return (is_inner and not marks) or any(re.fullmatch(r"override|\w+\.setter|wraps\(.*\)", mark) for mark in marks)


def test_no_name_is_empty() -> None:
    """There are no utilities, helpers, managers, commons or bases in the house or its tests."""
    assert [line for module in [*modules(APP), *modules(TESTS)] for line in empty_names(module)] == []


def test_everything_public_has_its_sentence() -> None:
    """Every module, public class and public function of the house has a docstring."""
    assert [line for module in modules(APP) for line in silent(module)] == []


def test_every_test_says_what_it_shows() -> None:
    """Every test function, and every file of tests, has a docstring."""
    found = modules(TESTS)
    assert [line for module in found for line in silent_tests(module)] == []
    assert [module.name for module in found if module.text and not ast.get_docstring(module.tree)] == []


def test_package_files_are_empty() -> None:
    """Nothing happens when a room is imported, and nothing is found in two places."""
    assert [str(path) for path in APP.rglob("__init__.py") if path.read_text(encoding="utf-8").strip()] == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("app.ledger.utils", ""),
        ("app.ledger.http_helpers", ""),
        ("app.ledger.books", "class HoldManager: ..."),
        ("app.ledger.books", "class BaseStore: ..."),
        ("app.ledger.books", "class HTTPBase: ..."),
    ],
)
def test_inspector_sees_an_empty_name(name: str, text: str) -> None:
    """The words are found in any part of a file's or a class's name."""
    assert len(list(empty_names(parse(name, text)))) == 1


def test_inspector_leaves_longer_words_alone() -> None:
    """A database is no base, and base64 is a name of its own."""
    assert list(empty_names(parse("app.base64_text", "class Database: ...\nclass Commonwealth: ..."))) == []


def test_inspector_sees_what_has_no_sentence() -> None:
    """Modules, classes, methods and nested routes are found; private things, overrides and inner functions are not."""
    text = """
class Public:
    def method(self): ...
    def _private(self): ...
    @override
    def told(self): ...
    @told.setter
    def told(self, value): ...
class _Private:
    def method(self): ...
def _outer():
    def inner(): ...
    @router.get("/")
    def route(): ...
"""
    assert list(silent(parse("app.bad", text))) == [
        "app.bad",
        "app.bad.Public",
        "app.bad.Public.method",
        "app.bad._outer.route",
    ]


def test_inspector_sees_a_test_without_a_sentence() -> None:
    """A test that only has a name is found, also inside a class."""
    found = silent_tests(parse("tests.bad", 'class T:\n    def test_a(self): ...\ndef test_b():\n    """B."""'))
    assert list(found) == ["tests.bad.test_a"]
