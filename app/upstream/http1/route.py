"""What this machine says about the way to an upstream: which certificates it trusts, and which proxy it prescribes."""

import ssl
from collections.abc import Mapping
from pathlib import Path

import certifi
import httpx


def ssl_context(ca_bundle: Path | None) -> ssl.SSLContext:
    """A client context that verifies certificates and host names.

    Against the bundle if one is given, else against the system's store, else (images without one) certifi's.
    """
    context = ssl.create_default_context(cafile=ca_bundle)
    if ca_bundle is None and not _has_trust_store(context):
        context.load_verify_locations(certifi.where())
    context.set_alpn_protocols(["http/1.1"])
    return context


def proxy_for(base_url: str, environ: Mapping[str, str]) -> str | None:
    """The proxy the environment prescribes for this URL, by the convention curl and Python share.

    ``HTTPS_PROXY`` or ``HTTP_PROXY`` by the URL's scheme, else ``ALL_PROXY``, unless ``NO_PROXY`` names the host.
    Lower-case names win over upper-case ones.
    """
    settings = {name.lower(): value for name, value in sorted(environ.items()) if value}  # lower case sorts last, wins
    url = httpx.URL(base_url)
    if _is_exempt(url, settings.get("no_proxy", "")):
        return None
    proxy = settings.get(f"{url.scheme}_proxy") or settings.get("all_proxy")
    return proxy if proxy is None or "://" in proxy else f"http://{proxy}"


def _is_exempt(url: httpx.URL, no_proxy: str) -> bool:
    """Whether a list of ``*``, hosts, domains (with or without a leading dot) and ``host:port`` covers the URL."""
    host = url.host.lower()
    for entry in (entry.strip().lower().lstrip(".") for entry in no_proxy.split(",")):
        if entry == "*" or (entry and entry in {host, f"{host}:{url.port}"}):
            return True
        if entry and host.endswith(f".{entry}"):
            return True
    return False


def _has_trust_store(context: ssl.SSLContext) -> bool:
    """Whether the system has any certificates: loaded ones, or a folder OpenSSL will look into when it needs one."""
    folder = ssl.get_default_verify_paths().capath
    return bool(context.get_ca_certs()) or any(Path(folder).iterdir() if folder else ())
