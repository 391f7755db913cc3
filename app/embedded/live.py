"""Is there a server, is it this folder's, and does it serve yet: asked over its socket."""

import os
from enum import Enum
from pathlib import Path

from msgspec import Struct

from app.embedded import resp
from app.embedded.folder import ServerFolder
from app.embedded.runtime import is_private, read_record


class Condition(Enum):
    """What a PING says about a server."""

    SERVING = "serving"
    LOADING = "loading"
    SILENT = "silent"


class LiveServer(Struct, frozen=True):
    """A server that has shown that it works on our folder."""

    socket: Path
    pid: int
    version: str


async def condition(socket: Path) -> Condition:
    """One PING. Errors other than LOADING (a long script, a full disk) come from a server that is up."""
    try:
        await resp.ask(socket, "PING")
    except resp.NoAnswerError:
        return Condition.SILENT
    except resp.ErrorReplyError as error:
        return Condition.LOADING if str(error).startswith("LOADING") else Condition.SERVING
    return Condition.SERVING


async def find_live(folder: ServerFolder) -> LiveServer | None:
    """The recorded server, if it answers and is the one that works on this folder; it may still be loading.

    The socket must lie in a private folder of ours or of the data folder's owner (an operator may look as root), so
    that nobody can lay a server of his own in a path that has become free.
    """
    record = read_record(folder.record)
    if record is None or not is_private(record.socket.parent, {os.geteuid(), folder.path.stat().st_uid}):
        return None
    try:
        info = server_info(await resp.ask(record.socket, "INFO", "server"))
        setting = await resp.ask(record.socket, "CONFIG", "GET", "dir")
    except (resp.NoAnswerError, resp.ErrorReplyError):
        return None
    pid = int(info.get("process_id", 0))
    same_folder = isinstance(setting, list) and setting[1:] == [os.fsencode(folder.path)]
    if not same_folder or record.pid not in (None, pid):
        return None
    version = info.get("valkey_version") or info.get("redis_version", "unknown")
    return LiveServer(record.socket, pid, version)


def server_info(reply: resp.Reply) -> dict[str, str]:
    """The fields of an INFO reply."""
    text = reply.decode(errors="replace") if isinstance(reply, bytes) else ""
    pairs = (line.partition(":") for line in text.splitlines() if ":" in line)
    return {name: value for name, _, value in pairs}
