"""Choose the scenario of the next exchange.

In this order: the queue of one-shot scenarios, a tag in the prompt such as ``[scenario: latency_seconds=2 status=429]``
(laid over the default), the default.
"""

import re
from collections import deque

from app.simulator.scenario import Scenario, read_scenario

_TAG = re.compile(r"\[scenario:([^\]]*)\]", re.IGNORECASE)


def read_tag(prompt: str, over: Scenario) -> Scenario | None:
    """The scenario a prompt asks for, or None; a bare word such as ``withhold`` sets that field to true.

    Raises:
        ScenarioError: the tag cannot be understood.

    """
    tag = _TAG.search(prompt)
    if tag is None:
        return None
    pairs = (word.partition("=") for word in tag.group(1).replace(",", " ").split())
    return read_scenario({name: value if equals else "true" for name, equals, value in pairs}, over)


class Playbook:
    """What to play next: a queue of one-shot scenarios and the default behind it."""

    def __init__(self) -> None:
        self.default = Scenario()
        self._queue: deque[Scenario] = deque()

    def next(self, *scenarios: Scenario) -> None:
        """Queue scenarios for the coming exchanges, one each."""
        self._queue.extend(scenarios)

    def choose(self, prompt: str) -> Scenario:
        """Take the scenario of the exchange that has this prompt.

        Raises:
            ScenarioError: the prompt has a tag that cannot be understood.

        """
        if self._queue:
            return self._queue.popleft()
        return read_tag(prompt, self.default) or self.default

    @property
    def queued(self) -> int:
        """One-shot scenarios not yet played."""
        return len(self._queue)

    def reset(self) -> None:
        """Forget the queue and return to the default of a correct answer at once."""
        self._queue.clear()
        self.default = Scenario()
