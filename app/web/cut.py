"""Dropping a connection at once: for a client that takes nothing of its answer any more."""

from starlette.types import Scope

CUT = "imagegate.cut"
"""The ASGI extension in which our server protocol offers it. Closing would wait until the client takes what is buffered
for it, which is for ever."""


def cut(scope: Scope) -> None:
    """Drop the connection of a request, whatever of its answer has not been sent."""
    offer = scope.get("extensions", {}).get(CUT)
    if offer is not None:
        offer["cut"]()
