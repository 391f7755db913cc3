"""The ledger's Lua scripts, read from ``lua/``: ``books.lua`` stands in front of those about requests.

Redis knows no include.
"""

from pathlib import Path

from app.datastore.script import Script

_FOLDER = Path(__file__).parent / "lua"
_BOOKS = (_FOLDER / "books.lua").read_text(encoding="utf-8")


def _alone(name: str) -> Script:
    return Script(name, (_FOLDER / f"{name}.lua").read_text(encoding="utf-8"))


def _script(name: str) -> Script:
    return Script(name, f"{_BOOKS}\n{_alone(name).source}")


ADMIT = _script("admit")
SETTLE = _script("settle")
RELEASE = _script("release")
RENEW = _script("renew")
EXPIRE = _script("expire")
CREDIT = _script("credit")
BRING_FORWARD = _alone("bring_forward")
ARCHIVING = _alone("archiving")
