"""Files and functions stay small enough to be read in one go."""

from collections.abc import Iterator
from pathlib import Path

from tests.house.tree import APP, ROOT, TESTS, Module, modules, parse

FILE_LINES = 400
FUNCTION_LINES = 60


def long_files(files: dict[str, int]) -> Iterator[str]:
    """The files with too many lines."""
    for name, lines in files.items():
        if lines > FILE_LINES:
            yield f"{name}: {lines} lines, {FILE_LINES} are the most"


def long_functions(module: Module) -> Iterator[str]:
    """The functions with too many lines, docstring and nested functions included; decorators are not counted."""
    for function in module.functions():
        lines = (function.end_lineno or function.lineno) - function.lineno + 1
        if lines > FUNCTION_LINES:
            yield f"{module.name}.{function.name}: {lines} lines, {FUNCTION_LINES} are the most"


def test_no_file_is_too_long() -> None:
    """No Python or Lua file, of the house or its tests, is longer than a long read."""
    paths = [path for folder in (APP, TESTS) for suffix in ("py", "lua") for path in folder.rglob(f"*.{suffix}")]
    assert list(long_files({str(path.relative_to(ROOT)): _lines(path) for path in paths})) == []


def test_no_function_is_too_long() -> None:
    """Every function of the house fits on a screen."""
    assert [line for module in modules(APP) for line in long_functions(module)] == []


def test_inspector_sees_a_long_file() -> None:
    """One line more than allowed is found, the allowed number is not."""
    assert list(long_files({"a.py": FILE_LINES + 1, "b.py": FILE_LINES})) == ["a.py: 401 lines, 400 are the most"]


def test_inspector_sees_a_long_function() -> None:
    """A function is measured with those nested in it, as the routes of a router are."""
    inner = "    def inner():\n" + "        pass\n" * (FUNCTION_LINES - 1)
    found = list(long_functions(parse("app.bad", f"@decorator\ndef outer():\n{inner}")))
    assert found == ["app.bad.outer: 61 lines, 60 are the most"]


def _lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())
