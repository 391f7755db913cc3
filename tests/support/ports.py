"""Ports of loopback for the servers of tests: each is given once, however many choose at the same time."""

import random
import socket

_LOWEST, _HIGHEST = 12_000, 22_000
"""Below those that systems give to outgoing connections, and so are the buses of clusters, 10,000 above."""
_given: list[socket.socket] = []


def free_port(above: int = 0) -> int:
    """A port nobody listens on now, and which is given to nobody else as long as this process lives.

    With ``above`` the one so far above it is free too, as the nodes of a cluster need it.
    """
    while True:
        port = random.randrange(_LOWEST, _HIGHEST)
        if all(map(_take, {port, port + above})):
            return port


def _take(port: int) -> bool:
    """Take it if it is free. What tells others that it is taken is a UDP socket of the same number."""
    token = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        token.bind(("127.0.0.1", port))
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", port))
    except OSError:
        token.close()
        return False
    _given.append(token)
    return True
