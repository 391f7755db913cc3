"""What in a replica's log is a fault of its own, and what only tells of what was broken around it."""

import json
from collections import Counter

_LOUD = {"circuit_open", "upstream_key_out", "redis_died"}
"""Events that are logged as errors because of what was broken around the gateway."""
_CUT_OFF = "timeout graceful shutdown exceeded"
"""Of uvicorn: who waits for the end of what a killed replica began waits for longer than a stop is given here."""
_NO_START = "Error: Redis does not answer"
"""What a process says and ends, if it is started while Redis is away; its supervisor starts it again."""
_REQUESTS = "imagegate.request"
"""The logger of lines about requests: errors, too, where an operator may want to look at the upstream."""


def own_faults(name: str, log: str) -> list[str]:
    """What a replica logged as a fault of its own, each kind once."""
    found = Counter(fault for line in log.splitlines() if (fault := _fault(line)))
    return [f"{name}: {fault} ({number} times)" for fault, number in found.items()]


def _fault(line: str) -> str:
    """The fault that a line tells of; "" for none."""
    try:
        said = json.loads(line)
    except ValueError:
        return "" if line.startswith(_NO_START) else f"not a line of the log: {line[:200]}"
    told = f"{said['level']}: {said['message'][:200]}"
    if "exception" in said or said.get("code") == "internal_error":
        return told
    is_error = said["level"] in ("error", "critical") and said["logger"] != _REQUESTS
    return told if is_error and said.get("event") not in _LOUD and _CUT_OFF not in said["message"] else ""
