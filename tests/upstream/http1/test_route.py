"""The way out of this machine: trust and proxies."""

import ssl

import pytest

from app.upstream.http1.route import proxy_for, ssl_context
from tests.upstream.http1.scripted import CERTIFICATES


def test_a_bundle_replaces_the_systems_trust() -> None:
    """With a bundle, only its authorities are trusted; certificates and names are verified either way."""
    context = ssl_context(CERTIFICATES / "authority.pem")

    assert len(context.get_ca_certs()) == 1
    assert ssl.CERT_REQUIRED is context.verify_mode
    assert context.check_hostname


def test_the_systems_trust_is_the_default() -> None:
    """Without a bundle, verification is still on."""
    context = ssl_context(None)

    assert ssl.CERT_REQUIRED is context.verify_mode
    assert context.check_hostname


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, None),
        ({"HTTPS_PROXY": "http://proxy:3128"}, "http://proxy:3128"),
        ({"https_proxy": "http://lower:1", "HTTPS_PROXY": "http://upper:1"}, "http://lower:1"),
        ({"HTTP_PROXY": "http://proxy:3128"}, None),
        ({"ALL_PROXY": "proxy:3128"}, "http://proxy:3128"),
        ({"HTTPS_PROXY": ""}, None),
        ({"HTTPS_PROXY": "http://p", "NO_PROXY": "*"}, None),
        ({"HTTPS_PROXY": "http://p", "NO_PROXY": "localhost, api.cometapi.com"}, None),
        ({"HTTPS_PROXY": "http://p", "NO_PROXY": ".cometapi.com"}, None),
        ({"HTTPS_PROXY": "http://p", "no_proxy": "cometapi.com"}, None),
        ({"HTTPS_PROXY": "http://p", "NO_PROXY": "api.cometapi.com:8443"}, "http://p"),
        ({"HTTPS_PROXY": "http://p", "NO_PROXY": "etapi.com,,"}, "http://p"),
    ],
)
def test_the_environment_prescribes_the_proxy(environ: dict[str, str], expected: str | None) -> None:
    """Scheme, case, ALL_PROXY and NO_PROXY follow the convention curl and Python share."""
    assert expected == proxy_for("https://api.cometapi.com/v1", environ)


def test_an_exempt_port_exempts_only_that_port() -> None:
    """``host:port`` in NO_PROXY covers a URL that names that port."""
    environ = {"HTTP_PROXY": "http://p", "NO_PROXY": "127.0.0.1:8081"}

    assert proxy_for("http://127.0.0.1:8081/v1", environ) is None
    assert proxy_for("http://127.0.0.1:8082/v1", environ) == "http://p"
