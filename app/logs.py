"""Logs: one JSON object per line, or text on a terminal; secrets and pictures stay out whatever a message says."""

import logging
import re
import sys
from datetime import UTC, datetime
from typing import Literal, TextIO

import orjson
from typing_extensions import override

_SECRET = re.compile(
    r"(sk-ig-[0-9A-Za-z]+-[0-9A-Za-z]+)(-\w+)?"  # a virtual key: its public id may be seen
    r"|\b(?:sk-|Bearer\s+)[\w.~+/-]{8,}",
    re.IGNORECASE,
)
_BASE64 = re.compile(r"[A-Za-z0-9+/=]{200,}")
_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName", "color_message"}


_NOT_ON_A_TERMINAL = {"stages", "own_seconds", "bytes", "outcome"}
"""Fields that a person who watches does without; the JSON lines have them."""


def redact(text: str) -> str:
    """Take keys and base64 out of a text; a virtual key keeps its public id."""
    text = _SECRET.sub(lambda m: m[1] + ("-***" if m[2] else "") if m[1] else "***", text)
    return _BASE64.sub("<base64>", text)


def _fields(record: logging.LogRecord) -> dict[str, object]:
    return {name: value for name, value in record.__dict__.items() if name not in _STANDARD and value is not None}


class JsonFormatter(logging.Formatter):
    """A line for machines."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return redact(orjson.dumps(line, default=str).decode())


class TextFormatter(logging.Formatter):
    """A line for people."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).astimezone()
        fields = "  ".join(
            f"{name}={value}" for name, value in _fields(record).items() if name not in _NOT_ON_A_TERMINAL
        )
        line = f"{at:%H:%M:%S} {record.levelname.lower():7} {record.getMessage()}"
        if fields:
            line += f"  {fields}"
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return redact(line)


def logs_are_text() -> bool:
    """Whether the process's logs are for a person."""
    return any(isinstance(handler.formatter, TextFormatter) for handler in logging.getLogger().handlers)


class _CutAnswers(logging.Filter):
    """Keep uvicorn quiet about answers we cut on purpose: the request's own line says why."""

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        return "ASGI callable returned without completing response" not in record.getMessage()


def configure_logging(
    level: str = "info", form: Literal["auto", "json", "text"] = "auto", stream: TextIO | None = None
) -> None:
    """Set up the process's logging, uvicorn's included; to standard error unless told otherwise."""
    out = stream or sys.stderr
    text = form == "text" or (form == "auto" and out.isatty())
    handler = logging.StreamHandler(out)
    handler.setFormatter(TextFormatter() if text else JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [], True
    logging.getLogger("uvicorn.access").disabled = True  # every image request has a line of ours
    logging.getLogger("uvicorn.error").addFilter(_CutAnswers())
    logging.getLogger("uvicorn.error").setLevel(max(logging.getLogger().level, logging.WARNING))
    for name in ("httpx", "httpcore", "asyncio"):
        logging.getLogger(name).setLevel(logging.WARNING)
