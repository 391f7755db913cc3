"""Clients for single servers, all alike: no retries, no timeouts of their own, one TLS context for all."""

import ssl
from pathlib import Path
from typing import Any

import redis.asyncio as redis
from redis.asyncio.connection import Connection, ConnectionPool, SSLConnection, UnixDomainSocketConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.maint_notifications import MaintNotificationsConfig

from app.datastore.address import AddressError, Host, Login, RedisAddress, Trust


class _TlsConnection(SSLConnection):
    """A TLS connection on a context that was made before: reading the authorities for each takes milliseconds."""

    def __init__(self, *, context: ssl.SSLContext, **given: Any) -> None:
        super().__init__(**given)
        self.ssl_context.context = context


class Connector:
    """Makes clients for the servers of one address: same user, same TLS.

    Raises:
        AddressError: a file that TLS needs cannot be used.

    """

    def __init__(self, address: RedisAddress, *, connect_seconds: float, ca_bundle: Path | None = None) -> None:
        self._address = address
        self._connect_seconds = connect_seconds
        self._context = None if address.trust is None else tls_context(address.trust, ca_bundle)

    def client(self, host: Host) -> redis.Redis:
        """A client for one server."""
        return self._client(host, self._address.login, self._address.database)

    def sentinel(self, host: Host) -> redis.Redis:
        """A client for one sentinel, which has users and passwords of its own."""
        return self._client(host, self._address.sentinel_login, 0)

    def socket(self, path: str) -> redis.Redis:
        """A client for the server on a unix socket."""
        given = {"connection_class": UnixDomainSocketConnection, "path": path}
        return self._open(self._address.login, self._address.database, given)

    def _client(self, host: Host, login: Login, database: int) -> redis.Redis:
        given: dict[str, Any] = {"connection_class": Connection, "host": host[0], "port": host[1]}
        if self._context is not None:
            given |= {"connection_class": _TlsConnection, "context": self._context}
        return self._open(login, database, given | {"socket_keepalive": True})

    def _open(self, login: Login, database: int, given: dict[str, Any]) -> redis.Redis:
        pool = ConnectionPool(
            **given,
            username=login.username,
            password=login.password,
            db=database,
            socket_timeout=None,  # a deadline stands over every round trip
            socket_connect_timeout=self._connect_seconds,
            retry=Retry(NoBackoff(), 0),
            health_check_interval=0,
            protocol=3,
            client_name="imagegate",
            driver_info=None,  # 6.2 and 7.0 do not know CLIENT SETINFO
            # With it redis-py would write to idle connections that the server has closed.
            maint_notifications_config=MaintNotificationsConfig(enabled=False),
        )
        return redis.Redis.from_pool(pool)


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
