"""Logs: their two forms, and what never gets into them."""

import asyncio
import json
import logging
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.logs import JsonFormatter, TextFormatter, redact
from app.simulator.server import Simulator
from tests.support.process import environment

CREATED = 1_798_761_599.25
"""A quarter of a second into the last one of 2026, UTC."""


def formatted(formatter: logging.Formatter, message: str, **extra: object) -> str:
    """A record as the formatter writes it."""
    always = {"levelno": 20, "levelname": "INFO", "name": "test", "created": CREATED}
    return formatter.format(logging.makeLogRecord({"msg": message, **always, **extra}))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("key sk-ig-Ab12Cd34-Ef56Gh78-0123456789abcdef end", "key sk-ig-Ab12Cd34-Ef56Gh78-*** end"),
        ("upstream sk-abcdefghijkl end", "upstream *** end"),
        ("Authorization: Bearer abcdefghij.klm end", "Authorization: *** end"),
        ("image " + "QUJD" * 100 + " end", "image <base64> end"),
        ("public id sk-ig-Ab12Cd34-Ef56Gh78 end", "public id sk-ig-Ab12Cd34-Ef56Gh78 end"),
    ],
)
def test_secrets_and_pictures_are_taken_out(text: str, told: str) -> None:
    """Keys and base64 do not survive; the public id of a virtual key does."""
    assert redact(text) == told


def test_a_json_line_has_its_fields() -> None:
    """One object a line: time, level, message and whatever was given with it; nothing that is None."""
    line = json.loads(formatted(JsonFormatter(), "image request", request_id="req_1", team=None, seconds=1.5))

    assert line["message"] == "image request"
    assert line["request_id"] == "req_1"
    assert line["seconds"] == 1.5
    assert "team" not in line


def test_a_line_has_its_time() -> None:
    """In UTC, to the millisecond, of each line its own."""
    formatter = JsonFormatter()
    told = [json.loads(formatted(formatter, "said", created=CREATED + later))["time"] for later in (0, 0.5, 1, 0.0019)]
    assert told == [
        "2026-12-31T23:59:59.250+00:00",
        "2026-12-31T23:59:59.750+00:00",
        "2027-01-01T00:00:00.250+00:00",
        "2026-12-31T23:59:59.251+00:00",
    ]


def test_a_secret_in_a_field_is_taken_out() -> None:
    """Redaction sees the finished line, so fields and exceptions are covered too."""
    line = formatted(TextFormatter(), "failed", detail="Bearer sk-abcdefghijkl")

    assert "sk-abcdefghijkl" not in line


@pytest.mark.parametrize("before", ["\n", "\t", "é", "_", '"', "\\"])
@pytest.mark.parametrize(
    "secret", ["sk-abcdefghijklmnop", "Bearer abcdefghijklmnop", "sk-ig-Ab12Cd34-Ef56Gh78-0123456789abcdef"]
)
def test_a_secret_is_found_whatever_stands_in_front_of_it(before: str, secret: str) -> None:
    """Also where JSON writes that as an escape, in fields, in lists of them, and in what is no text by itself."""
    text = f"said:{before}{secret} end"
    hidden = secret.rpartition("-")[2].rpartition(" ")[2]
    for value in (text, [text], {"a": (text,)}, RuntimeError(text)):
        line = formatted(JsonFormatter(), text, detail=value)
        assert hidden not in line
        assert "end" in json.loads(line)["message"]
    assert hidden not in formatted(TextFormatter(), text, detail=text)


PIECES = (
    *("sk-", "SK-", "sk-ig-", "Ab12Cd34", "-Ef56Gh78", "-", "_", ".", "/", "\\", '"', "\n", " ", "é", "k", "n"),
    *("bearer", "Bearer ", "BEARER\t", "0123456789abcdef", "A" * 190, "Q_-/" * 40, "+" * 9),
)
"""What secrets are made of, and what JSON writes otherwise."""


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_a_line_has_what_redaction_leaves(text: str) -> None:
    """Whether a line is searched value by value is decided by a quick look at it, which overlooks nothing."""
    line = json.loads(formatted(JsonFormatter(), text, detail=text, key="sk-ig-Ab12Cd34-Ef56Gh78", many=[text]))
    assert (line["message"], line["detail"], line["many"]) == (redact(text), redact(text), [redact(text)])
    assert line["key"] == "sk-ig-Ab12Cd34-Ef56Gh78"


def test_a_secret_can_be_a_name() -> None:
    """Names of fields inside a field are searched, too, and are text like any other."""
    assert "abcdefghijkl" not in formatted(JsonFormatter(), "failed", detail={"sk-abcdefghijkl": 1})
    assert json.loads(formatted(JsonFormatter(), "failed", detail={"\ud800": 1, 2: 3}))["detail"]["2"] == 3


def test_fields_can_come_together() -> None:
    """As one mapping they make the same line as by names of their own, on a terminal too."""
    fields = {"a": 1, "team": None, "when": datetime(2026, 1, 1, tzinfo=UTC)}
    for formatter in (JsonFormatter(), TextFormatter()):
        together, alone = (formatted(formatter, "said", **extra) for extra in ({"fields": fields}, fields))
        assert together == alone
        assert "2026-01-01 00:00:00+00:00" in together
        assert "team" not in together
        assert "fields" in formatted(formatter, "said", fields=["no", "mapping"])


@pytest.mark.parametrize("text", ["A" * 200 + '" x', "A" * 300 + "\\", "\ud800", "\x00\x1b[2J"])
def test_a_line_is_json_whatever_is_in_it(text: str) -> None:
    """No field can end its own string, or make the line one that log pipelines throw away."""
    assert json.loads(formatted(JsonFormatter(), "image request", prompt=text))["prompt"]


def test_a_field_cannot_write_on_the_terminal() -> None:
    """Line ends, control sequences and what turns text around are shown: nobody forges a line or clears a screen."""
    line = formatted(
        TextFormatter(), "a\nb", prompt="c\r\n12:00:00 error forged\x1b[2J\x1b]0;x\x07\x9b\u2028\u202e\u2066"
    )
    assert line.isprintable()
    assert "a\\nb" in line
    assert "\\u2028\\u202e" in line


def test_an_exception_is_in_the_line() -> None:
    """A traceback is one field of one JSON line."""
    try:
        int("no sk-abcdefghijkl here")
    except ValueError:
        line = formatted(JsonFormatter(), "failed", exc_info=sys.exc_info())

    assert "\n" not in line
    assert "'no *** here'" in json.loads(line)["exception"]


def test_a_request_is_columns_on_a_terminal() -> None:
    """What one watches for stands in its column, what is rare behind it, and the rest is left to the JSON lines."""
    fields = {"code": "ok", "seconds": 1.5, "cost": "$0.005331", "team": "magpie", "key_alias": "laptop"}
    further = {"model": "gpt-image-2", "request_id": "req_1", "images": 1, "stages": {"admit": 0.1}, "detail": "why"}
    line = formatted(TextFormatter(), "image request", **{**fields, **further, "name": "imagegate.request"})

    told = " ".join(line.split()[1:])
    assert told == "info ok 1.500 s $0.005331 magpie/laptop gpt-image-2 req_1 images=1 detail=why"


def test_columns_stand_where_a_request_was_refused_early() -> None:
    """Nobody is known, nothing was asked for and nothing cost anything; the columns stay."""
    given = {"code": "invalid_api_key", "seconds": 0.01, "model": "other", "request_id": "req_1"}
    line = formatted(TextFormatter(), "image request", **{**given, "name": "imagegate.request"})

    assert line.split()[1:] == ["info", "invalid_api_key", "0.010", "s", "-", "-", "other", "req_1"]


def test_an_event_is_its_message_on_a_terminal() -> None:
    """The name of an event is for programs; its fields are for everybody."""
    line = formatted(TextFormatter(), "journal replayed", event="journal_replayed", records=3)

    assert line.endswith("info    journal replayed  records=3")


def test_levels_have_colours_where_they_are_seen() -> None:
    """A terminal gets them; a file, a pipe and whoever set NO_COLOR do not."""
    assert "\x1b[32minfo   \x1b[0m started" in formatted(TextFormatter(colours=True), "started")
    assert "\x1b" not in formatted(TextFormatter(), "started")


@pytest.mark.parametrize("text", ["QU_-" * 60, "QUJD\\/" * 40])
def test_base64_is_taken_out_however_it_is_spelled(text: str) -> None:
    """For URLs, and with escaped slashes."""
    assert redact(f"image {text} end") == "image <base64> end"


async def test_a_life_is_told_in_events(redis_url: str, tmp_path: Path) -> None:
    """A process tells when it starts, serves, is asked to stop and has stopped, with what one asks for first."""
    async with Simulator() as simulator:
        given = environment(
            tmp_path, simulator, IMAGEGATE_REDIS_URL=redis_url, IMAGEGATE_REPLICAS="1", IMAGEGATE_LOG_FORMAT="json"
        )
        words = (sys.executable, "-m", "app", "serve")
        process = await asyncio.create_subprocess_exec(*words, env=given, stderr=asyncio.subprocess.PIPE)
        assert process.stderr is not None
        lines = []
        async with asyncio.timeout(30):
            async for line in process.stderr:
                lines.append(json.loads(line))
                if lines[-1].get("event") == "ready":
                    process.send_signal(signal.SIGTERM)
            assert await process.wait() == 0

    told = {line["event"]: line for line in lines if "event" in line}
    assert list(told) == ["starting", "ready", "stopping", "stopped"]
    assert told["starting"]["redis"] == redis_url.partition("://")[0]
    assert told["ready"]["address"].endswith(given["IMAGEGATE_PORT"])
    assert told["ready"]["version"] == told["starting"]["version"]
    assert told["stopping"]["in_flight"] == 0
