"""What an error of Redis means: whose fault it is, whether the command can have run, and what cures it. Pure."""

import re

from redis.exceptions import RedisError, ResponseError

from app.errors import StoreUnavailable

SERVER_CODES = frozenset(
    {
        "BUSY",
        "CLUSTERDOWN",
        "LOADING",
        "MASTERDOWN",
        "MISCONF",
        "NOAUTH",
        "NOREPLICAS",
        "OOM",
        "READONLY",
        "WRONGPASS",
    }
)
"""Error replies of a server that does not serve: these trip its breaker. All others are about one command."""

_BEFORE_EXECUTION = SERVER_CODES | {"ASK", "CROSSSLOT", "MOVED", "NOPERM", "NOSCRIPT", "TRYAGAIN"}
"""Replies given before a command runs, so it cannot have done anything."""

_BEFORE_WRITING = frozenset({"MISCONF", "NOREPLICAS", "OOM", "READONLY"})
"""Replies which the first write of a script gets, or none (`scriptVerifyOOM` and its like in the server's script.c)."""

_CURES = {
    "ASK": "this server belongs to a cluster: write redis+cluster:// in IMAGEGATE_REDIS_URL",
    "BUSY": "a script that is not ours blocks Redis: SCRIPT KILL ends it",
    "CLUSTERDOWN": "not every slot of the cluster is served: look at CLUSTER INFO",
    "MISCONF": "Redis cannot write its data to disk: look at its log and its disk",
    "MOVED": "this server belongs to a cluster: write redis+cluster:// in IMAGEGATE_REDIS_URL",
    "NOAUTH": "IMAGEGATE_REDIS_URL names no user or password, and this server wants them",
    "NOPERM": "the Redis user lacks a permission: docs/operations/redis.md lists those it needs",
    "NOREPLICAS": "fewer replicas than min-replicas-to-write are in touch with the master",
    "OOM": "Redis is full: raise maxmemory",
    "READONLY": "this server is a replica: IMAGEGATE_REDIS_URL must lead to the master, or name the sentinels",
    "WRONGPASS": "the user or password in IMAGEGATE_REDIS_URL is wrong",
}
_NO_SCRIPTS = "this server runs no scripts for us: permit EVAL and EVALSHA (docs/operations/redis.md)"

_INSIDE = re.compile(r"@user_script: ?\d+: -([A-Z]+) ")
"""How Redis before 7 tells the error of a command inside a script."""


class Unanswered(Exception):
    """No reply came; ``sent`` tells whether the command had been handed to the socket."""

    def __init__(self, cause: Exception, *, sent: bool) -> None:
        super().__init__(str(cause) or "no answer in time")
        self.cause = cause
        self.sent = sent


def is_reply(error: RedisError) -> bool:
    """Whether the server said this (redis-py makes connection errors of some replies), so that more replies follow."""
    return isinstance(error, ResponseError) or getattr(error, "status_code", None) is not None


def code_of(error: BaseException) -> str:
    """The first word of an error reply; of a command that failed inside a script, the word of that command."""
    if isinstance(error, Unanswered):
        return code_of(error.cause) if isinstance(error.cause, RedisError) and is_reply(error.cause) else ""
    text = str(error)
    if inside := _INSIDE.search(text):
        return inside[1]
    if code := getattr(error, "status_code", None):
        return str(code)
    first = text.partition(" ")[0]
    return first if first.isupper() else ""


def is_servers_fault(reply: object) -> bool:
    """Whether this stands for a server that does not serve, rather than for one command's mistake."""
    return isinstance(reply, Unanswered) or (isinstance(reply, Exception) and code_of(reply) in SERVER_CODES)


def wants_text(reply: object) -> bool:
    """Whether a script may still run by its text: the server does not know its SHA, or lets nobody run by SHA."""
    if not isinstance(reply, Exception):
        return False
    return code_of(reply) == "NOSCRIPT" or _is_forbidden(reply, "evalsha")


def refusal(error: Exception) -> StoreUnavailable:
    """The refusal for one failed command; the cause says what Redis said."""
    text = _told(error)
    if _is_forbidden(error, "eval") or _is_forbidden(error, "evalsha"):
        text = f"{text} - {_NO_SCRIPTS}"
    elif cure := _CURES.get(code_of(error)):
        text = f"{text} - {cure}"
    refused = unavailable(text, may_have_happened=_may_have_happened(error))
    refused.__cause__ = error
    return refused


def unavailable(detail: str, *, may_have_happened: bool, after: float = 1.0) -> StoreUnavailable:
    """The refusal for a Redis that does not serve; ``detail`` is for the log."""
    error = StoreUnavailable(
        "The gateway's datastore is not available; nothing was charged. Try again shortly.",
        retry_after_seconds=after,
        detail=detail,
    )
    error.may_have_happened = may_have_happened
    return error


def _told(error: Exception) -> str:
    cause = error.cause if isinstance(error, Unanswered) else error
    code = getattr(cause, "status_code", None)
    return f"{type(cause).__name__}: {f'{code} ' if code else ''}{str(cause) or error}"


def _may_have_happened(error: Exception) -> bool:
    if isinstance(error, Unanswered):
        return error.sent
    inside_a_script = "@user_script" in str(error)
    return code_of(error) not in (_BEFORE_WRITING if inside_a_script else _BEFORE_EXECUTION)


def _is_forbidden(error: Exception, command: str) -> bool:
    """Whether a command is not for us at all: by ACL, or because a proxy (or `rename-command`) hides it."""
    text = str(error).casefold()
    named = re.search(rf"['`]{command}['`]", text) is not None
    return named and (code_of(error) == "NOPERM" or "unknown command" in text)
