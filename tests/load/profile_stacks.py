"""Counts samples of call stacks: by package, by room of ours and by function; plain values, no process.

A line of a collapsed file is `outermost;…;innermost NUMBER`, and a frame is `function (file:line)`. What a C function
uses is its Python caller's: py-spy saw no C frames, or they are left out of all counts but one. The garbage collector
is nobody's: it comes upon whoever makes the next object.
"""

import re
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

_FRAME: Final = re.compile(r"(?P<function>.+) \((?P<file>.+?)(?::(?P<line>\d+))?\)")
_LOOP: Final = "asyncio/runners.py"
"""The innermost Python frame while uvloop itself works: that is no Python, and asyncio's runner has called it."""


_COLLECTOR: Final = "gc_collect_main"
_COLLECTOR_FILE: Final = "<garbage collector>"
_WAITING: Final = frozenset({"epoll_pwait", "epoll_wait", "PyThread_acquire_lock_timed"})
"""C functions in which a thread waits for work. py-spy leaves out threads that sleep, and does not always notice."""
_IDLE_WORKER: Final = ("_worker", "concurrent/futures/thread.py")


@dataclass(frozen=True, slots=True)
class Frame:
    """Where a call stands."""

    function: str
    file: str
    """As short as it can be imported: `app/web/door.py`, `contextlib.py`."""

    @property
    def is_python(self) -> bool:
        """Whether it is no C function."""
        return self.file.endswith(".py") or self.file.startswith("<")

    @property
    def is_ours(self) -> bool:
        """Whether it is the gateway's own code."""
        return self.file.startswith("app/")

    @property
    def package(self) -> str:
        """Who wrote it: us, a dependency by its name, the standard library, or the event loop."""
        if self.file == _LOOP:
            return "uvloop"
        if self.file == _COLLECTOR_FILE:
            return "garbage collector"
        first = self.file.partition("/")[0].removesuffix(".py")
        if first == "asyncio":
            return first
        return "stdlib" if first in sys.stdlib_module_names or first.startswith("<") else first

    @property
    def room(self) -> str:
        """The room of ours it stands in: `app.gateway`; a file that is in none is its own."""
        return ".".join(self.file.removesuffix(".py").split("/")[:2])

    @property
    def name(self) -> str:
        """What a person looks for; what a stripped library does not name is one."""
        return f"{'(no name)' if self.function.startswith('0x') else self.function}  {self.file}"


@dataclass(frozen=True, slots=True)
class Counts:
    """Samples, by who was at work in them."""

    total: int
    packages: Counter[str]
    """By the innermost Python frame."""
    rooms: Counter[str]
    """By the innermost frame of ours, with whatever that called; outside of ours by package."""
    within: dict[str, Counter[str]]
    """Of each of those rooms, the packages."""
    own: Counter[str]
    """By the innermost Python function."""
    inclusive: Counter[str]
    """By each function of ours that was somewhere on the stack."""
    native: Counter[str]
    """By the innermost C function; empty without `--native`."""


def read_stacks(lines: Iterable[str]) -> list[tuple[tuple[Frame, ...], int]]:
    """The stacks of a collapsed file, outermost frame first, and how often each was seen."""
    found = []
    for line in lines:
        stack, _, number = line.rstrip("\n").rpartition(" ")
        found.append((tuple(_frame(text) for text in stack.split(";")), int(number)))
    return found


def count(stacks: Iterable[tuple[Sequence[Frame], int]]) -> Counts:
    """Count them all, but for threads that wait, and what has no Python frame at all (a thread that just begins)."""
    counts = Counts(0, Counter(), Counter(), {}, Counter(), Counter(), Counter())
    total = 0
    for stack, number in stacks:
        python = [frame for frame in stack if frame.is_python]
        if not python or _waits(stack, python[-1]):
            continue
        total += number
        if any(frame.function == _COLLECTOR for frame in stack):
            python = [Frame("collect", _COLLECTOR_FILE)]
        innermost = python[-1]
        room = next((frame.room for frame in reversed(python) if _is_in_a_room(frame)), f"({innermost.package})")
        counts.packages[innermost.package] += number
        counts.rooms[room] += number
        counts.within.setdefault(room, Counter())[innermost.package] += number
        counts.own[innermost.name] += number
        for name in {frame.name for frame in python if _is_in_a_room(frame)}:
            counts.inclusive[name] += number
        if not stack[-1].is_python:
            counts.native[stack[-1].name] += number
    return Counts(total, *(counts.packages, counts.rooms, counts.within, counts.own, counts.inclusive, counts.native))


def _waits(stack: Sequence[Frame], innermost: Frame) -> bool:
    return (innermost.function, innermost.file) == _IDLE_WORKER or any(frame.function in _WAITING for frame in stack)


def _is_in_a_room(frame: Frame) -> bool:
    # The command that serves is on every stack, under the loop: what is in no other room of ours is the server's work.
    return frame.is_ours and not frame.file.startswith(("app/cli/", "app/__main__"))


def _frame(text: str) -> Frame:
    match = _FRAME.fullmatch(text)
    return Frame(match["function"], match["file"]) if match else Frame(text, "?")
