"""Logs: one JSON object per line, or text on a terminal; secrets and pictures stay out whatever a message says."""

import logging
import os
import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

import orjson
from typing_extensions import override

_SECRET = re.compile(
    r"(?=[sb])(?:"  # looked at first, which makes it three times as fast: every line of a request passes here
    r"(sk-ig-[0-9A-Za-z]+-[0-9A-Za-z]+)(-\w+)?"  # a virtual key: its public id may be seen
    r"|(?<![A-Za-z0-9])(?:sk-|Bearer\s+)[\w.~+/-]{8,})",
    re.IGNORECASE,
)
_BASE64 = re.compile(r"[A-Za-z0-9+/=_\\-]{200,}")
"""Also as it is written for URLs, and with the escaped slashes of some relays."""

# What no JSON that hides a key or base64 is without. JSON writes letters, digits and ``-`` as they are and a backslash
# as two, so nothing that the two patterns above find in a value escapes these; a line that has none is as it may be.
_BEARER = b"bearer"
_KEY = re.compile(rb"sk-(?!ig-[0-9a-z]+-[0-9a-z]+(?![-0-9a-z\x80-\xff]))")
"""The beginning of a key, in lower case: not that of a public id, which every line of a request has."""
_LONG_RUN = b"a" * 200
_IN_BASE64 = bytes(ord("a" if _BASE64.fullmatch(chr(byte) * 200) else " ") for byte in range(256))
"""Translates what base64 is written with to ``a``. Finding the run so is ten times as fast as by the pattern."""
_ONLY_PLAIN = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_SUBCLASS
"""orjson has forms of its own for these; ours is what they are as text."""
_CONTROLS = (
    {number: f"\\x{number:02x}" for number in (*range(0x20), *range(0x7F, 0xA0))}
    | {number: f"\\u{number:04x}" for number in (*range(0x2028, 0x202F), *range(0x2066, 0x206A))}
    | {9: "\\t", 10: "\\n", 13: "\\r"}
)
"""What would move the cursor of a terminal, end or turn a line or change its colours, as it is shown instead."""
_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName", "color_message"}

_REQUESTS = "imagegate.request"
"""The logger of lines about requests, which have columns on a terminal."""
_ON_A_TERMINAL = ("images", "param", "detail", "flags", "joined", "upstream_message", "prompt")
"""What is shown of a request behind its columns; the JSON lines have all of it."""
_COLOURS = {"debug": "2", "info": "32", "warning": "33", "error": "31", "critical": "31"}
"""Of the levels, as SGR codes (ECMA-48): dim, green, yellow, red."""


def without_keys(text: str) -> str:
    """Take keys and tokens out of a text; a virtual key keeps its public id."""
    return _SECRET.sub(lambda m: m[1] + ("-***" if m[2] else "") if m[1] else "***", text)


def redact(text: str) -> str:
    """Take keys, tokens and base64 out of a text."""
    return _BASE64.sub("<base64>", without_keys(text))


def _may_hide(line: bytes) -> bool:
    """Whether a line of JSON may have something in it that `redact` takes out of a value."""
    lower = line.lower()
    return _KEY.search(lower) is not None or _BEARER in lower or _LONG_RUN in line.translate(_IN_BASE64)


def redacted_json(document: Mapping[str, object]) -> bytes:
    """A line or another document as JSON, without secrets. Each value is searched only where there may be one."""
    try:
        written = orjson.dumps(document, option=_ONLY_PLAIN)
    except TypeError:  # a value is no JSON, or text that has no bytes
        return orjson.dumps(redacted(document))
    return orjson.dumps(redacted(document)) if _may_hide(written) else written


def redacted(value: Any) -> Any:
    """A value of JSON as it may be told: strings are looked at before JSON escapes what stands in front of a key."""
    match value:
        case None | bool() | int() | float():
            return value
        case dict():
            return {_text(name): redacted(of) for name, of in value.items()}
        case list() | tuple():
            return [redacted(of) for of in value]
        case _:
            return _text(value)


def _text(value: object) -> str:
    """What it is as text that may be told. Half a surrogate pair has no bytes, and orjson no mercy with it."""
    return redact(str(value)).encode("utf-8", "backslashreplace").decode()


def _fields(record: logging.LogRecord) -> dict[str, object]:
    """What was given with the message: by names of its own, or all together as ``fields``, which costs half as much."""
    given = record.__dict__.get("fields")
    if not isinstance(given, dict):
        given = {name: value for name, value in record.__dict__.items() if name not in _STANDARD}
    return {name: value for name, value in given.items() if value is not None}


class JsonFormatter(logging.Formatter):
    """A line for machines."""

    def __init__(self) -> None:
        super().__init__()
        self._second = (0, "1970-01-01T00:00:00")

    @override
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": self._time(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return redacted_json(line).decode()

    def _time(self, created: float) -> str:
        """In UTC, to the millisecond; the calendar is asked once a second."""
        second, told = self._second
        if int(created) != second:
            second = int(created)
            told = datetime.fromtimestamp(second, UTC).isoformat().removesuffix("+00:00")
            self._second = (second, told)
        return f"{told}.{int((created - second) * 1000):03d}+00:00"


class TextFormatter(logging.Formatter):
    """A line for people; of a request the few things one watches for, in columns."""

    def __init__(self, *, colours: bool = False) -> None:
        super().__init__()
        self._colours = colours

    @override
    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).astimezone()
        level, fields = record.levelname.lower(), _fields(record)
        if record.name == _REQUESTS:
            said = _request_columns(fields)
            fields = {name: fields[name] for name in _ON_A_TERMINAL if fields.get(name)}
        else:
            said = record.getMessage()
            fields.pop("event", None)  # the message says the same
        line = "  ".join((said, *(f"{name}={value}" for name, value in fields.items())))
        line = redact(line).translate(_CONTROLS)
        if record.exc_info:
            line += "\n" + redact(self.formatException(record.exc_info))
        shown = f"{level:7}"
        if self._colours and level in _COLOURS:
            shown = f"\x1b[{_COLOURS[level]}m{shown}\x1b[0m"
        return f"{at:%H:%M:%S} {shown} {line}"


def _request_columns(fields: Mapping[str, object]) -> str:
    """What became of it, how long it took, what it cost, who asked, for what, and its id."""
    who = "/".join(str(fields[name]) for name in ("team", "key_alias") if name in fields) or "-"
    seconds, cost = fields.get("seconds", 0.0), fields.get("cost", "-")
    columns = f"{fields.get('code', '-')!s:22} {seconds:7.3f} s {cost!s:>11}  {who:24} {fields.get('model', '-')!s:16}"
    return f"{columns} {fields.get('request_id', '-')}"


def logs_are_text() -> bool:
    """Whether the process's logs are for a person."""
    return any(isinstance(handler.formatter, TextFormatter) for handler in logging.getLogger().handlers)


class _CutAnswers(logging.Filter):
    """Keep uvicorn quiet about answers we cut on purpose: the request's own line says why."""

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        return "ASGI callable returned without completing response" not in record.getMessage()


class _NoHeaders(logging.Filter):
    """Keep OpenTelemetry from repeating what it cannot read of OTEL_EXPORTER_OTLP_HEADERS: mostly that is a token."""

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        record.args = tuple("***" for _ in record.args or ())
        return True


def configure_logging(
    level: str = "info", form: Literal["auto", "json", "text"] = "auto", stream: TextIO | None = None
) -> None:
    """Set up the process's logging, uvicorn's included; to standard error unless told otherwise."""
    out = stream or sys.stderr
    text = form == "text" or (form == "auto" and out.isatty())
    handler = logging.StreamHandler(out)
    colours = out.isatty() and "NO_COLOR" not in os.environ  # https://no-color.org
    handler.setFormatter(TextFormatter(colours=colours) if text else JsonFormatter())
    # None of it is in a line, and each record would ask for it (https://docs.python.org/3/howto/logging.html).
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [], True
    logging.getLogger("uvicorn.access").disabled = True  # every image request has a line of ours
    logging.getLogger("uvicorn.error").addFilter(_CutAnswers())
    logging.getLogger("opentelemetry.util.re").addFilter(_NoHeaders())
    logging.getLogger("uvicorn.error").setLevel(max(logging.getLogger().level, logging.WARNING))
    for name in ("httpx", "httpcore", "asyncio", "urllib3"):
        logging.getLogger(name).setLevel(logging.WARNING)
