"""Error replies read: as servers of all versions word them, what they mean for a command and for its server."""

import pytest
from redis._parsers.base import BaseParser
from redis.exceptions import RedisError

from app.datastore.replies import Unanswered, code_of, is_servers_fault, refusal, wants_text

BEFORE_EXECUTION = {
    "OOM command not allowed when used memory > 'maxmemory'.": True,
    "READONLY You can't write against a read only replica.": True,
    "LOADING Redis is loading the dataset in memory": True,
    "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.": True,
    "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.": True,
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.": True,
    "NOREPLICAS Not enough good replicas to write.": True,
    "CLUSTERDOWN Hash slot not served": True,
    "CLUSTERDOWN The cluster is down": True,
    "NOAUTH Authentication required.": True,
    "WRONGPASS invalid username-password pair or user is disabled.": True,
    "NOPERM User x has no permissions to run the 'hset' command": False,
    "MOVED 3999 127.0.0.1:6381": False,
    "ASK 3999 127.0.0.1:6381": False,
    "TRYAGAIN Multiple keys request during rehashing of slot": False,
    "CROSSSLOT Keys in request don't hash to the same slot": False,
    "NOSCRIPT No matching script. Please use EVAL.": False,
    # inside a script, before its first write: Redis 7 and Valkey, then Redis 6.2
    "OOM command not allowed when used memory > 'maxmemory'. script: 5f1, on @user_script:1.": True,
    "ERR Error running script (call to f_5f1): @user_script:1: @user_script: 1: -OOM command not allowed when used "
    "memory > 'maxmemory'. ": True,
    "ERR Error running script (call to f_5f1): @user_script:1: @user_script: 1: -READONLY You can't write against a "
    "read only replica. ": True,
}
"""Replies to commands that did not run → whether the server is to blame."""

HALF_WAY = [
    "ERR value is not an integer or out of range script: 5f1, on @user_script:1.",
    "WRONGTYPE Operation against a key holding the wrong kind of value script: 5f1, on @user_script:1.",
    "ERR The user executing the script can't run this command or subcommand script: 5f1, on @user_script:1.",
    "NOPERM No permissions to access a key script: 5f1, on @user_script:2.",
    "ERR Error running script (call to f_5f1): @user_script:1: @user_script: 1: -NOPERM The user can't run this ",
]
"""Replies to scripts that may have written before they failed."""


def parsed(text: str) -> RedisError:
    error: RedisError = BaseParser.parse_error(text)  # type: ignore[no-untyped-call] # redis-py's
    return error


@pytest.mark.parametrize("text", BEFORE_EXECUTION)
def test_what_did_not_run_cannot_have_happened(text: str) -> None:
    """Whether it trips the breaker depends on whose fault it is."""
    error = parsed(text)
    assert not refusal(error).may_have_happened
    assert is_servers_fault(error) == BEFORE_EXECUTION[text]
    assert code_of(error) in text


@pytest.mark.parametrize("text", HALF_WAY)
def test_what_failed_half_way_may_have_happened(text: str) -> None:
    """One script's mistake is not the server's."""
    error = parsed(text)
    assert refusal(error).may_have_happened
    assert not is_servers_fault(error)


@pytest.mark.parametrize(
    ("text", "by_text"),
    [
        ("NOSCRIPT No matching script. Please use EVAL.", True),
        ("NOPERM this user has no permissions to run the 'evalsha' command or its subcommand", True),
        ("NOPERM User x has no permissions to run the 'evalsha' command", True),
        ("ERR unknown command 'EVALSHA', with args beginning with: '5f1' ", True),
        ("ERR unknown command `EVALSHA`, with args beginning with: `5f1`, ", True),
        ("NOPERM User x has no permissions to run the 'eval' command", False),
        ("NOPERM No permissions to access a key", False),
        ("ERR value is not an integer or out of range", False),
    ],
)
def test_scripts_go_by_text_where_their_sha_is_no_use(text: str, by_text: bool) -> None:
    """Unknown there, or nobody may run by SHA; never because the script itself failed."""
    assert wants_text(parsed(text)) == by_text


@pytest.mark.parametrize("command", ["eval", "evalsha"])
def test_forbidden_scripts_name_their_cure(command: str) -> None:
    """The operator is told what to permit."""
    told = refusal(parsed(f"NOPERM User x has no permissions to run the '{command}' command"))
    assert "permit EVAL and EVALSHA" in told.detail
    assert not told.may_have_happened


@pytest.mark.parametrize("sent", [True, False])
def test_no_reply_depends_on_whether_it_was_sent(sent: bool) -> None:
    """Either way it is the server's fault; a wrong password is told as one."""
    for cause in (TimeoutError(), OSError("reset"), parsed("WRONGPASS invalid username-password pair")):
        error = Unanswered(cause, sent=sent)
        assert refusal(error).may_have_happened == sent
        assert is_servers_fault(error)
    assert "is wrong" in refusal(error).detail
    assert "in time" in refusal(Unanswered(TimeoutError(), sent=sent)).detail
