"""The table of upstream faults, by the moment they strike; ``make lists`` writes it into docs/faults.md.

Each row is played for real in test_fault_table.py, so the page cannot say what is not so.
"""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from app.simulator.scenario import Content, Fault, Scenario
from tests.house.tree import DOCS

BEGIN, END = "<!-- faults: begin (made by `make lists`) -->\n", "<!-- faults: end -->\n"
PAGE = DOCS / "faults.md"
CUT = 0
"""In place of a status: the body of a 200 that breaks off."""
LARGE = 300_000
"""Bytes of padding: with less, an answer is held whole here and keeps its true status whatever happens to it."""


class Server(StrEnum):
    """What stands where the upstream should."""

    SOUND = "sound"
    ABSENT = "absent"
    UNTRUSTED = "untrusted"  # shows a certificate that nobody vouches for


class Charge(StrEnum):
    """What the team pays."""

    NOTHING = "nothing"
    TRUE = "true cost"
    QUOTE = "the quote"


@dataclass(frozen=True, slots=True)
class Row:
    """A fault at a moment, and all that must come of it."""

    fault: str
    plays: Scenario
    status: tuple[int, ...]
    """Any of these; CUT for a body cut behind the head of a 200."""
    code: str
    outcome: str
    charge: Charge
    calls: int
    """Requests that reached the upstream."""
    should_retry: str | None = None
    retry_after: tuple[int, int] | None = None
    """The least and the most seconds."""
    server: Server = Server.SOUND
    before: Scenario | None = None
    """Played for a request that goes before, on the same connection and key."""


def _unmade(fault: str, plays: Scenario, calls: int, retry_after: tuple[int, int] = (5, 5), **given: object) -> Row:
    """Refused before any model had it."""
    values = {"status": (503,), "code": "upstream_unavailable", "outcome": "failed"} | given
    return Row(fault, plays, charge=Charge.NOTHING, calls=calls, retry_after=retry_after, **values)  # type: ignore[arg-type] # the fields of Row


def _unknown(fault: str, plays: Scenario, status: tuple[int, ...] = (502,), **given: object) -> Row:
    """Nobody knows what was made: charged, and nobody is to buy it again."""
    code = "upstream_timeout" if status == (504,) else "upstream_outcome_unknown"
    values = {"charge": Charge.QUOTE, "calls": 1} | given
    return Row(fault, plays, status, code, "unknown", should_retry="false", **values)  # type: ignore[arg-type] # the fields of Row


def _failed(fault: str, plays: Scenario, status: int = 502, code: str = "upstream_failed") -> Row:
    """The upstream itself says that it made nothing."""
    outcome = "failed" if status >= 500 else "refused"
    return Row(fault, plays, (status,), code, outcome, Charge.NOTHING, calls=1)


SOUND = Scenario()
_CUT = {"status": (CUT,)}

MOMENTS: dict[str, tuple[Row, ...]] = {
    "Before the first byte of the request": (
        _unmade("connection refused", SOUND, 0, server=Server.ABSENT),
        _unmade("TLS: a certificate nobody vouches for", SOUND, 0, server=Server.UNTRUSTED),
        Row("stale keep-alive: closed by the upstream meanwhile", SOUND, (200,), "", "delivered", Charge.TRUE, 1,
            before=Scenario(close_after_answer=True)),
        _unmade("every key is out (a 401 before this request)", SOUND, 0, (28, 38), before=Scenario(status=401)),
    ),
    "After the request, before the head of an answer": (
        _unknown("stale keep-alive: reset when the request comes", SOUND, before=Scenario(stale_after_answer=True),
                 calls=0),
        _unknown("reset", Scenario(fault=Fault.RESET_BEFORE_HEADERS)),
        _unknown("silence, until the read deadline", Scenario(fault=Fault.HANG), (504,)),
    ),
    "The answer is an error": (
        _unmade("401, in the envelope", Scenario(status=401, code="invalid_api_key"), 1, (30, 30)),
        _unmade("403 quota used up, in the envelope", Scenario(code="insufficient_user_quota"), 1, (30, 30)),
        _unmade("429, in the envelope", Scenario(status=429, code="rate_limited"), 3, status=(429,),
                code="rate_limit_exceeded", outcome="refused"),
        _unmade("429 with `Retry-After: 20`", Scenario(status=429, code="rate_limited", retry_after_seconds=20), 1,
                (20, 20), status=(429,), code="rate_limit_exceeded", outcome="refused"),
        _unmade("429 as a page", Scenario(status=429, content=Content.HTML), 3, status=(429,),
                code="rate_limit_exceeded", outcome="refused"),
        _unmade("503 no channel, in the envelope", Scenario(code="model_not_found"), 3),
        _failed("503, in the envelope", Scenario(status=503, code="bad_response", message="upstream error")),
        _failed("500, in the envelope", Scenario(status=500, code="do_request_failed")),
        _failed("500 for an invalid request, in the envelope", Scenario(status=500, code="invalid_request"), 400,
                "invalid_request"),
        _unknown("500 as a page", Scenario(status=500, content=Content.HTML)),
        _unknown("504, in the envelope", Scenario(status=504), (504,)),
        _unknown("524 as a page", Scenario(content=Content.HTML), (504,)),
        Row("redirect", Scenario(content=Content.REDIRECT), (503,), "upstream_unavailable", "failed", Charge.NOTHING, 1,
            should_retry="false"),
    ),
    "The answer is a 200, before a picture": (
        _unknown("no body at all", Scenario(content=Content.EMPTY_BODY)),
        _failed("empty `data`", Scenario(content=Content.EMPTY_DATA), 400, "content_policy_violation"),
        _failed("an error inside", Scenario(content=Content.ERROR_INSIDE_200)),
        _unknown("reset", Scenario(fault=Fault.RESET_MID_BODY, fault_at=0)),
        _unknown("silence, until the read deadline", Scenario(fault=Fault.STALL_MID_BODY, fault_at=0), (504,)),
    ),
    "Inside a picture": (
        _unknown("reset (it may take with it what was sent before)",
                 Scenario(fault=Fault.RESET_MID_BODY, fault_at=0.9, padding_bytes=LARGE), (502, CUT)),
        _unknown("closed", Scenario(fault=Fault.CUT_BODY, fault_at=0.9, padding_bytes=LARGE), **_CUT),
        _unknown("closed, in an answer of a few kilobytes", Scenario(fault=Fault.CUT_BODY, fault_at=0.9)),
        _unknown("closed, its `usage` told before",
                 Scenario(fault=Fault.CUT_BODY, fault_at=0.9, padding_bytes=LARGE, usage_first=True), **_CUT,
                 charge=Charge.TRUE),
        _unknown("silence, until the read deadline",
                 Scenario(fault=Fault.STALL_MID_BODY, fault_at=0.9, padding_bytes=LARGE), **_CUT),
        _unknown("cut JSON, framed as if it were whole",
                 Scenario(content=Content.CUT_JSON, fault_at=0.9, padding_bytes=LARGE), **_CUT),
        _unknown("`Content-Length` promises more than comes", Scenario(content_length_error=9, padding_bytes=LARGE),
                 **_CUT),
        _unknown("`Content-Length` promises less than comes", Scenario(content_length_error=-9, padding_bytes=LARGE),
                 **_CUT),
    ),
}  # fmt: skip


def fault_table() -> str:
    """The rows, a table for each moment."""
    return "\n".join(f"### {moment}\n\n{_table(rows)}" for moment, rows in MOMENTS.items())


def table_on_page(page: str) -> str:
    """The tables as a page has them."""
    return page.split(BEGIN)[1].split(END, maxsplit=1)[0]


def write(page: Path = PAGE) -> None:
    """Put today's tables into the page."""
    text = page.read_text(encoding="utf-8")
    page.write_text(text.replace(BEGIN + table_on_page(text), BEGIN + fault_table()), encoding="utf-8")


_COLUMNS = ("fault", "the client gets", "`x-should-retry`", "`Retry-After`", "outcome", "charged", "upstream calls")


def _table(rows: tuple[Row, ...]) -> str:
    cells = [_COLUMNS, ("---",) * len(_COLUMNS), *map(_cells, rows)]
    return "".join(f"| {' | '.join(row)} |\n" for row in cells)


def _cells(row: Row) -> tuple[str, ...]:
    gets = " or ".join("a cut body" if status == CUT else _answer(status, row.code) for status in row.status)
    should = "" if row.status == (CUT,) else row.should_retry or ""  # too late for a header
    after = "" if row.retry_after is None else " to ".join(str(seconds) for seconds in dict.fromkeys(row.retry_after))
    return (row.fault, gets, should, after, row.outcome, row.charge, str(row.calls))


def _answer(status: int, code: str) -> str:
    return f"{status} `{code}`" if code else f"{status}"


if __name__ == "__main__":
    write()
