"""The simulator's own routes, below ``/_simulator/``: queue scenarios, set the default, release, look, reset."""

import json
from dataclasses import asdict

from msgspec import to_builtins

from app.simulator.answer import HttpAnswer, ReceivedRequest
from app.simulator.logbook import Logbook
from app.simulator.playbook import Playbook
from app.simulator.scenario import ScenarioError, read_scenario

CONTROL_PREFIX = "/_simulator/"


def control(request: ReceivedRequest, playbook: Playbook, logbook: Logbook) -> HttpAnswer:
    """Do what a control request asks; every answer is the statistics after it, or an ``error``."""
    try:
        fields = json.loads(request.body or b"{}")
    except ValueError:
        return _error(400, "the body is not JSON")
    try:
        match request.method, request.path.removeprefix(CONTROL_PREFIX):
            case "POST", "next":
                playbook.next(*[read_scenario(one) for one in (fields if isinstance(fields, list) else [fields])])
            case "PUT", "default":
                playbook.default = read_scenario(fields)
            case "POST", "release":
                logbook.release(fields.get("count"))
            case "POST", "reset":
                playbook.reset()
                logbook.reset()
            case "GET", "stats":
                pass
            case _:
                return _error(404, f"no control route {request.method} {request.path}")
    except (ScenarioError, TypeError, ValueError, AttributeError) as error:
        return _error(400, str(error))
    return _statistics(playbook, logbook)


def _statistics(playbook: Playbook, logbook: Logbook) -> HttpAnswer:
    received = [
        {
            "method": request.method,
            "path": request.path,
            "query": request.query,
            "headers": request.headers,
            "body": request.body.decode("utf-8", "replace"),
        }
        for request in logbook.received
    ]
    state = {"in_flight": logbook.in_flight, "held": logbook.held, "queued": playbook.queued}
    statistics = to_builtins(logbook.tally) | state | {"default": asdict(playbook.default), "received": received}
    return HttpAnswer(200, json.dumps(statistics).encode())


def _error(status: int, message: str) -> HttpAnswer:
    return HttpAnswer(status, json.dumps({"error": message}).encode())
