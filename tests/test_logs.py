"""Logs: their two forms, and what never gets into them."""

import json
import logging
import sys

import pytest

from app.logs import JsonFormatter, TextFormatter, redact


def formatted(formatter: logging.Formatter, message: str, **extra: object) -> str:
    """A record as the formatter writes it."""
    record = logging.makeLogRecord({"msg": message, "levelno": 20, "levelname": "INFO", "name": "test", **extra})
    return formatter.format(record)


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


def test_a_secret_in_a_field_is_taken_out() -> None:
    """Redaction sees the finished line, so fields and exceptions are covered too."""
    line = formatted(TextFormatter(), "failed", detail="Bearer sk-abcdefghijkl")

    assert "sk-abcdefghijkl" not in line


def test_an_exception_is_in_the_line() -> None:
    """A traceback is one field of one JSON line."""
    try:
        int("no sk-abcdefghijkl here")
    except ValueError:
        line = formatted(JsonFormatter(), "failed", exc_info=sys.exc_info())

    assert "\n" not in line
    assert "'no *** here'" in json.loads(line)["exception"]
