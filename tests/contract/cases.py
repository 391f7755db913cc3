"""What the drivers promise to show: every case with its sentence, read out of their source."""

import ast
import re

from tests.contract.environments import HERE

NODE_CASE = re.compile(r"/\*\* (?P<sentence>[^*]+) \*/\nexport async function (?P<name>\w+)\(")


def python_cases() -> dict[str, str]:
    """The public functions of the Python driver's files, as its run.py plays them."""
    paths = [path for path in sorted((HERE / "python").glob("*.py")) if path.stem not in ("run", "scene")]
    found = [node for path in paths for node in ast.parse(path.read_text(encoding="utf-8")).body]
    return {
        node.name: ast.get_docstring(node) or ""
        for node in found
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_")
    }


def node_cases() -> dict[str, str]:
    """The exported functions of the Node driver's files, with the line of comment above each."""
    paths = [path for path in sorted((HERE / "node").glob("*.mjs")) if path.stem not in ("run", "scene")]
    found = [match for path in paths for match in NODE_CASE.finditer(path.read_text(encoding="utf-8"))]
    return {match["name"]: match["sentence"] for match in found}
