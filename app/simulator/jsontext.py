"""Write JSON as CometAPI's backend and its kin do."""

import json

from app.simulator.scenario import Scenario


def write_json(value: object, scenario: Scenario) -> bytes:
    """One line of ASCII. Slashes stand in texts alone, so that all of them can be escaped at once."""
    line = json.dumps(value).encode("ascii")
    return line.replace(b"/", b"\\/") if scenario.escaped_slashes else line
