"""The ledger's Lua scripts, put together from ``lua/``: Redis knows no include.

``books.lua`` stands in front of those about requests, and behind it the parts that each of them uses. Redis runs the
whole text of a script at each call and makes every function in it anew: what a script does not need, it does not get.
"""

from pathlib import Path

from app.datastore.script import Script

_FOLDER = Path(__file__).parent / "lua"


def _alone(name: str) -> Script:
    return Script(name, _text(name))


def _script(name: str, *parts: str) -> Script:
    return Script(name, "\n".join(_text(part) for part in ("books", *parts, name)))


def _text(name: str) -> str:
    return (_FOLDER / f"{name}.lua").read_text(encoding="utf-8")


ADMIT = _script("admit", "entries", "overdue", "register", "claims")
SETTLE = _script("settle", "entries", "register", "counts")
RELEASE = _script("release", "entries", "register", "counts")
RENEW = _script("renew")
EXPIRE = _script("expire", "entries", "overdue")
CREDIT = _script("credit", "entries")
BRING_FORWARD = _alone("bring_forward")
ARCHIVING = _alone("archiving")
