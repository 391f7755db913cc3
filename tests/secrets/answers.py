"""Clients that keep what they are told: every answer's head, and every body that is no picture and no new secret."""

from collections.abc import Iterator
from itertools import count

import httpx

SHOWN_ONCE = ("/keys", "/rotate", "/tokens")
"""How the paths end whose answer to a POST holds a new secret, which is what they are for."""


class Answers:
    """What all clients of a run got, by what they had asked."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.statuses: list[int] = []
        self._numbers: Iterator[int] = count(1)

    def client(self, address: str, token: str | None = None) -> httpx.AsyncClient:
        """A client whose answers are kept."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        hooks = {"response": [self._keep]}
        return httpx.AsyncClient(base_url=address, headers=headers, timeout=60, event_hooks=hooks)

    async def _keep(self, answer: httpx.Response) -> None:
        request = answer.request
        place = f"answer {next(self._numbers)}: {answer.status_code} to {request.method} {request.url.path[:40]}"
        self.statuses.append(answer.status_code)
        self.kept[f"{place}, head"] = b"\n".join(name + b": " + value for name, value in answer.headers.raw)
        is_secret = request.method == "POST" and request.url.path.endswith(SHOWN_ONCE)
        is_picture = answer.is_success and request.url.path.startswith(("/v1/images/", "/images/"))
        if answer.is_error or not (is_secret or is_picture):
            self.kept[f"{place}, body"] = await answer.aread()
