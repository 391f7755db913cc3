"""Opens what speaks with servers that are not ours: the upstream, hosts of pictures, the account's balance."""

import os
import ssl
from collections.abc import Callable
from contextlib import AsyncExitStack

import httpx

from app.settings.fields import Settings
from app.settings.names import SettingsError
from app.upstream.balance_watch import BalanceWatch
from app.upstream.client import UpstreamClient
from app.upstream.fetch import ImageFetcher
from app.upstream.http1.route import proxy_for, ssl_context
from app.upstream.http1.transport import UpstreamTransport
from app.upstream.httpx_transport import HttpxTransport
from app.upstream.keys import split_keys
from app.wiring.version import VERSION

_IDLE_SECONDS = 30.0
"""Below what proxies and CDNs allow an idle connection (nginx: 75 s), so that we close first."""

_MOST_IDLE = 128
"""Connections kept for the next request; more of them are what a crowd has left behind, which has gone."""


def open_upstream(settings: Settings, trust: ssl.SSLContext) -> UpstreamClient:
    """The client of CometAPI, with the keys it may use."""
    key = settings.cometapi_key
    return UpstreamClient(
        open_transport(settings, settings.cometapi_base_url, trust),
        settings.cometapi_base_url,
        split_keys(key.get_secret_value() if key else ""),
        retries=settings.upstream_retries,
        total_seconds=settings.upstream_total_seconds,
        user_agent=f"imagegate/{VERSION}",
    )


def open_fetcher(settings: Settings, trust: ssl.SSLContext, stack: AsyncExitStack) -> ImageFetcher:
    """What fetches pictures from links of others; on any host, so by no route of one."""
    transport = open_transport(settings, "https://any.public.host", trust)
    stack.push_async_callback(transport.aclose)
    return ImageFetcher(
        transport,
        max_bytes=settings.max_image_bytes,
        total_seconds=settings.fetch_seconds,
        networks=settings.fetch_networks,
        user_agent=f"imagegate/{VERSION}",
    )


def open_balance(
    settings: Settings, trust: ssl.SSLContext, stack: AsyncExitStack, *, background: bool
) -> BalanceWatch | None:
    """Asks with a key of its own only: the question has it in its URL."""
    secrets = split_keys(settings.balance_key.get_secret_value()) if settings.balance_key else ()
    if not secrets:
        return None
    url = settings.balance_url
    watch = BalanceWatch(open_transport(settings, url, trust), url, secrets[0], f"imagegate/{VERSION}")
    stack.push_async_callback(watch.aclose)
    if background:
        watch.start()
    return watch


def open_trust(settings: Settings) -> ssl.SSLContext:
    """Which authorities are believed; one for all transports, because each would read a megabyte of certificates."""
    return ssl_context(settings.ca_bundle)


def open_transport(settings: Settings, url: str, trust: ssl.SSLContext) -> httpx.AsyncBaseTransport:
    """A transport for one address and its like: what proxy it goes through depends on that.

    Raises:
        SettingsError: the proxy's own address is wrong.

    """
    is_own = settings.upstream_transport == "own"
    make: Callable[..., httpx.AsyncBaseTransport] = UpstreamTransport if is_own else HttpxTransport
    proxy = proxy_for(url, os.environ)
    try:
        return make(
            connect_seconds=settings.upstream_connect_seconds,
            read_seconds=settings.upstream_read_seconds,
            ssl_context=trust,
            proxy=proxy,
            max_connections=settings.upstream_connections,
            max_idle_connections=min(_MOST_IDLE, settings.upstream_connections),
            idle_seconds=_IDLE_SECONDS,
        )
    except httpx.InvalidURL:  # its text may repeat a part of the password
        raise SettingsError(
            "HTTPS_PROXY, HTTP_PROXY or ALL_PROXY: the address of a proxy is wanted, such as http://host:3128; "
            "/ ? # and @ in a password are written as %2F %3F %23 and %40"
        ) from None
    except ValueError as error:
        raise SettingsError(f"HTTPS_PROXY, HTTP_PROXY or ALL_PROXY: {error}") from None
