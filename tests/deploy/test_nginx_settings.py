"""What nginx and the gateway have to agree on: times, sizes, and the routes that the access log tells."""

import os
import re

import pytest

from app.cli.serve import server_config
from app.metrics import Metrics
from app.settings.fields import Settings
from app.settings.loading import load_settings
from tests.deploy.shipped_nginx import SHIPPED
from tests.house.tree import DOCS

TEXT = (SHIPPED / "nginx.conf").read_text(encoding="utf-8")
ROUTES = [re.compile(found.replace("(?<", "(?P<")) for found in re.findall(r"^ +~(\^\S+) \S+;$", TEXT, re.MULTILINE)]


def directive(name: str) -> str:
    """The one value of a directive that is there once."""
    (value,) = re.findall(rf"^ *{name} ([^;]+);", TEXT, re.MULTILINE)
    return str(value)


def seconds(name: str) -> int:
    """A time, which is written in seconds."""
    return int(directive(name).removesuffix("s"))


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings as they are when nobody says anything."""
    for name in [name for name in os.environ if name.startswith("IMAGEGATE_")]:
        monkeypatch.delenv(name)
    return load_settings()


def test_the_gateway_gives_up_first(settings: Settings) -> None:
    """On a silent upstream and on a client that takes nothing: so the client is told why."""
    assert seconds("proxy_read_timeout") >= settings.upstream_total_seconds + settings.queue_seconds + 30
    assert seconds("send_timeout") > settings.send_seconds


def test_nginx_closes_idle_connections_first(settings: Settings) -> None:
    """The gateway keeps them longer, so no request meets a connection that is just being closed."""
    assert seconds("keepalive_timeout") < server_config(lambda: None, settings, Metrics("0", "0")).timeout_keep_alive


def test_as_much_is_let_in_as_the_gateway_takes(settings: Settings) -> None:
    """Not less, or edits would be refused; and the head of a request has as long as there."""
    assert int(directive("client_max_body_size").removesuffix("m")) * 1024 * 1024 == settings.max_upload_bytes
    assert seconds("client_header_timeout") == settings.head_seconds


def test_every_route_has_a_name_in_the_log() -> None:
    """Those of the public door and the operator's; hosted pictures by their folder alone, whatever else is `other`."""
    listed = re.findall(r"^\| `[A-Z]+ (/\S*)`", (DOCS / "api.md").read_text(encoding="utf-8"), re.MULTILINE)
    paths = [re.sub(r"\{\w+\}", "x", path) for path in listed]

    assert len(paths) > 40
    assert [path for path in paths if _name(path) is None] == []
    assert _name("/images/signature/picture.png") == ""
    assert _name("/v1/images/requests/req_x") == "/images/requests"
    assert _name("/sk-ig-secret") is None


def _name(path: str) -> str | None:
    """What the log tells of a path; "" where the name is fixed, None where it is `other`."""
    for route in ROUTES:
        if found := route.search(path):
            return str(found.group(1)) if route.groups else ""
    return None
