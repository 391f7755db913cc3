"""The way to one server: connections that are greeted as the user we are, one TLS context for all of them."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from msgspec import Struct

from app.datastore.address import AddressError, Host, Login, RedisAddress, Trust
from app.datastore.call import Command
from app.datastore.lane import Lane


class Way(Struct, frozen=True):
    """Where one server is, and who we are there."""

    to: Host | str
    """A host with its port, or the path of a unix socket."""
    login: Login
    database: int
    context: ssl.SSLContext | None

    async def open(self, changed: Callable[[Lane, Exception | None], None]) -> Lane:
        """A connection that is ready for commands; how long it may take is the caller's to say.

        Raises:
            ConnectionError: nobody is there, or nobody we trust.
            RedisError: the server does not let us in.

        """
        lane = await self._connected(partial(Lane, changed))
        try:
            await lane.ask(*self._greeting())
        except BaseException:
            await lane.aclose()
            raise
        if not lane.is_open:
            raise ConnectionResetError("the server closed the connection once it was greeted")
        return lane

    async def ask(self, *words: str) -> Any:
        """The reply to one command, on a connection that is closed afterwards.

        Raises:
            ConnectionError: nobody is there, or nobody we trust.
            RedisError: the server does not let us in, or replies with an error.

        """
        lane = await self.open(lambda _lane, _error: None)
        try:
            (reply,) = await lane.ask(words)
        finally:
            await lane.aclose()
        return reply

    async def _connected(self, made: Callable[[], Lane]) -> Lane:
        loop = asyncio.get_running_loop()
        try:
            if isinstance(self.to, str):
                _, lane = await loop.create_unix_connection(made, self.to)
            else:
                transport, lane = await loop.create_connection(made, *self.to, ssl=self.context)
                transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        except OSError as error:
            place = self.to if isinstance(self.to, str) else f"{self.to[0]}:{self.to[1]}"
            raise ConnectionError(f"no connection to {place}: {error}") from error
        return lane

    def _greeting(self) -> list[Command]:
        """What is said first, in one write. There is no CLIENT SETINFO: 6.2 and 7.0 do not know it."""
        name, password = self.login.username or "", self.login.password or ""
        hello: Command = ("HELLO", 3, "AUTH", name or "default", password) if name or password else ("HELLO", 3)
        greeting: list[Command] = [hello, ("CLIENT", "SETNAME", "imagegate")]
        return [*greeting, ("SELECT", self.database)] if self.database else greeting


class Connector:
    """Knows the way to every server of one address: same user, same TLS.

    Raises:
        AddressError: a file that TLS needs cannot be used.

    """

    def __init__(self, address: RedisAddress, *, ca_bundle: Path | None = None) -> None:
        self._address = address
        self._context = None if address.trust is None else tls_context(address.trust, ca_bundle)

    def server(self, host: Host) -> Way:
        """The way to one server."""
        return Way(host, self._address.login, self._address.database, self._context)

    def sentinel(self, host: Host) -> Way:
        """The way to one sentinel, which has users and passwords of its own."""
        return Way(host, self._address.sentinel_login, 0, self._context)

    def socket(self, path: str) -> Way:
        """The way to the server on a unix socket."""
        return Way(path, self._address.login, self._address.database, None)


def tls_context(trust: Trust, ca_bundle: Path | None) -> ssl.SSLContext:
    """A context that verifies against the address's own authorities, else the bundle, else the system's.

    Raises:
        AddressError: a file cannot be read, or is not what it should be.

    """
    try:
        context = ssl.create_default_context(cafile=trust.authorities or ca_bundle)
        if trust.certificate is not None:
            context.load_cert_chain(trust.certificate, trust.key)
    except (OSError, ssl.SSLError) as error:
        raise AddressError(f"a file named for TLS cannot be used: {error}") from None
    context.check_hostname = trust.check_hostname
    return context
