"""How many connections are open at once: beyond the bound, the one that has said nothing for longest makes room."""

from typing import Protocol


class Peer(Protocol):
    """One connection."""

    def hang_up(self) -> None:
        """Close it."""


class Connections:
    """All connections of one process, whoever is at their other end.

    Nobody has shown a key yet when a connection is made. So those are closed that owe us the head of a request, their
    first or a further one, or take nothing of an answer that was not bought. Any other with a request under way is left
    alone.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._open: set[Peer] = set()
        self._silent: dict[Peer, None] = {}
        """Those that may be closed, in the order in which they fell silent."""

    def opened(self, peer: Peer) -> bool:
        """Count one more, which is silent now; whether there was room for it."""
        if len(self._open) >= self._most:
            if not self._silent:
                return False
            longest = next(iter(self._silent))
            self.closed(longest)
            longest.hang_up()
        self._open.add(peer)
        self._silent[peer] = None
        return True

    def spoke(self, peer: Peer) -> None:
        """A whole head has come over it, or what waits at the entrance, or it takes its answer again."""
        self._silent.pop(peer, None)

    def fell_silent(self, peer: Peer) -> None:
        """All its requests are answered, or it takes nothing of what anybody may have."""
        if peer in self._open:
            self._silent[peer] = None

    def closed(self, peer: Peer) -> None:
        """It is no more."""
        self._open.discard(peer)
        self._silent.pop(peer, None)
