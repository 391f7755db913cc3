"""The Lua scripts of the register, read from ``lua/``."""

from pathlib import Path

from app.datastore.script import Script

_FOLDER = Path(__file__).parent / "lua"


def _script(name: str) -> Script:
    return Script(name, (_FOLDER / f"{name}.lua").read_text(encoding="utf-8"))


FIND = _script("find")
FORGET = _script("forget")
LEAVE = _script("leave")
REFUSE = _script("refuse")
TELL = _script("tell")
