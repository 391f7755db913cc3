"""Play every case with the SDK of this environment: a plan comes in as JSON, a line of JSON per case goes out.

Runs where nothing but one version of ``openai`` is installed, so it imports nothing of imagegate.
"""

import asyncio
import inspect
import json
import linecache
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

from tests.contract.python import editing, generating, listing, refusals, retrying, streaming
from tests.contract.python.scene import Lacking, Scene

HERE = Path(__file__).parent
MOST_SHOWN_CHARS = 200

FILES: tuple[ModuleType, ...] = (generating, streaming, editing, listing, refusals, retrying)
"""Every public function of these files is a case; a coroutine is one with the asynchronous client."""


def play(case: Any, scene: Scene) -> dict[str, object]:
    """Play one case and tell how it went."""
    scene.upstream.reset()
    try:
        ended = case(scene)
        if inspect.iscoroutine(ended):
            asyncio.run(ended)
    except Lacking as error:
        return {"lacks": str(error)}
    except Exception as error:  # noqa: BLE001 - whatever went wrong, the next case is played
        return {"ok": False, "detail": _told(error)}
    return {"ok": True}


def _told(error: BaseException) -> str:
    """What it was, where in the driver (the SDK's own frames left out), and the values around it."""
    lines: list[str] = []
    for frame, line in traceback.walk_tb(error.__traceback__):
        place = Path(frame.f_code.co_filename)
        if place.parent == HERE and place.name != "run.py":
            lines.append(f"{place.name}:{line}: {linecache.getline(str(place), line).strip()}")
            lines += [f"    {name} = {repr(value)[:MOST_SHOWN_CHARS]}" for name, value in frame.f_locals.items()]
    return "\n".join([*lines, *traceback.format_exception_only(error)])


def main() -> None:
    """Play all cases, one after the other."""
    scene = Scene(json.loads(sys.argv[1]))
    for file in FILES:
        for name, case in inspect.getmembers(file, inspect.isfunction):
            if case.__module__ == file.__name__ and not name.startswith("_"):
                print(json.dumps({"case": name, **play(case, scene)}), flush=True)


if __name__ == "__main__":
    main()
