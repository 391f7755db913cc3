"""Settings that are wrong are told without the secret that stands in them, and so is what others say about theirs."""

import logging
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from click.testing import CliRunner
from opentelemetry.util.re import parse_env_headers

from app.cli.main import main
from app.datastore.address import AddressError, parse_address
from app.logs import configure_logging
from app.settings.fields import Settings
from app.settings.loading import load_settings
from app.settings.names import SettingsError, variable_name
from app.wiring.upstream import open_trust, open_upstream

MARKER = "mArKeR0123"
MISSPELT = ("u:{0}/x{0}", ":{0}#x{0}", ":{0}?x{0}=1", "u:a@{0}/x{0}", "u:{0}/x{0}?{0}")
"""User and password of an address, with letters in the password that end it unless they are escaped."""
ADDRESSES = ("cometapi_base_url", "balance_url", "public_url", "image_store", "result_store", "archive_store")


@pytest.fixture
def lines() -> Iterator[StringIO]:
    """The lines of a log as a process has it, for as long as the test lasts."""
    root, before = logging.getLogger(), logging.getLogger().handlers[:]
    level = root.level
    told = StringIO()
    configure_logging("debug", "json", told)
    yield told
    root.handlers[:] = before
    root.setLevel(level)


@pytest.mark.parametrize("login", MISSPELT)
@pytest.mark.parametrize("scheme", ["redis", "rediss", "unix", "redis+sentinel", "redis+cluster"])
def test_no_piece_of_a_password_of_redis_is_told(scheme: str, login: str) -> None:
    """A password that is not escaped falls into pieces: none of them is told as a wrong host, port or database."""
    url = f"{scheme}://{login.format(MARKER)}@redis.example.com:6379/books"
    told = []
    for read in (lambda: load_settings(redis_url=url), lambda: parse_address(url)):
        try:
            read()
        except (SettingsError, AddressError) as error:
            told.append(str(error))
    assert any("%2F" in one for one in told)
    assert MARKER not in "".join(told)


@pytest.mark.parametrize("login", MISSPELT[:3])
def test_no_piece_of_a_password_of_a_proxy_is_told(login: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Likewise of the proxy on the way to the upstream."""
    settings = load_settings(data_dir=tmp_path, cometapi_key="sk-of-the-tests")
    monkeypatch.setenv("https_proxy", f"http://{login.format(MARKER)}@proxy.example.com:3128")
    with pytest.raises(SettingsError, match="HTTPS_PROXY") as wrong:
        open_upstream(settings, open_trust(settings))
    assert MARKER not in str(wrong.value)


@pytest.mark.parametrize("name", ADDRESSES)
def test_an_address_that_everybody_sees_has_no_login(name: str) -> None:
    """Addresses that are no secrets are shown and logged; one with a password is refused, and not repeated."""
    for scheme in ("https", "s3", "ftp"):
        with pytest.raises(SettingsError) as wrong:
            load_settings(**{name: f"{scheme}://user:{MARKER}@host.example.com/v1"})
        assert variable_name(name) in str(wrong.value)
        assert MARKER not in str(wrong.value)
        assert "host.example.com" in str(wrong.value)


def test_every_address_is_looked_at() -> None:
    """The list above has every setting that is an address or a place."""
    named = {name for name in Settings.model_fields if name.endswith(("_url", "_store"))}
    assert named - {"redis_url"} == set(ADDRESSES)


@pytest.mark.parametrize("name", ["log_level", "port", "public_url", "trusted_proxies", "total_budget"])
def test_a_key_in_the_wrong_variable_is_not_repeated(name: str) -> None:
    """What was found is told of any other setting; a key that was pasted there is not."""
    with pytest.raises(SettingsError) as wrong:
        load_settings(**{name: f"sk-{MARKER}"})
    assert variable_name(name) in str(wrong.value)
    assert MARKER not in str(wrong.value)


def test_headers_of_the_collector_are_not_told(lines: StringIO) -> None:
    """OpenTelemetry repeats a header it cannot read; it is the collector's token with a colon for an equals sign."""
    parse_env_headers(f"x-team: {MARKER}, x-{MARKER}", liberal=True)
    assert "Header format invalid" in lines.getvalue()
    assert MARKER not in lines.getvalue()


@pytest.mark.parametrize("token", [f"{MARKER} x", f"{MARKER}\nx", f"{MARKER}é"])
def test_a_token_that_cannot_be_sent_is_not_told(token: str) -> None:
    """A command says what is wrong with it, where the client library would repeat the header."""
    done = CliRunner().invoke(main, ["teams", "list", "--url", "http://127.0.0.1:9", "--token", token])
    assert "no admin token" in done.output
    assert MARKER not in done.output


@pytest.mark.parametrize("login", [f"user:{MARKER}", f"user:{MARKER}/x", MARKER])
def test_a_login_in_the_address_of_a_gateway_is_not_told(login: str) -> None:
    """It is refused, for it would be sent in the place of the token."""
    done = CliRunner().invoke(main, ["teams", "list", "--url", f"http://{login}@127.0.0.1:9", "--token", "a-token"])
    assert "127.0.0.1:9 is no address of a gateway" in done.output
    assert MARKER not in done.output
