"""What is asked of a server: one command or one script, whose text helps out where its SHA is not known."""

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple

import hiredis
from msgspec import Struct
from msgspec.structs import replace

from app.datastore.script import Script

Argument = str | bytes | int
Command = tuple[Argument, ...]

pack: Callable[[Command], bytes] = hiredis.pack_command  # type: ignore[assignment] # its stub knows commands of one word
"""A command as it travels. Half a character has no bytes: `UnicodeEncodeError`, a `ValueError`."""


class Call(Struct, frozen=True):
    """One command; ``key`` says where in a cluster it belongs, ``script`` whose text helps when its SHA is unknown."""

    words: Command
    key: str | bytes | None = None
    script: Script | None = None

    def by_text(self) -> "Call":
        """The same script, sent whole."""
        if self.script is None:
            return self
        return replace(self, words=("EVAL", self.script.source, *self.words[2:]), script=None)


class Waiting(NamedTuple):
    """A call, and who waits for what comes of it; ``asking`` follows a redirection of a slot that is on its way."""

    call: Call
    asking: bool
    future: asyncio.Future[Any]
