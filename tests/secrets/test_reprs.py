"""What holds a secret does not show it: settings, clients, credentials and errors, however somebody prints them."""

import re
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from app.accounts.admin_tokens import AdminTokens
from app.accounts.credentials import read_credential
from app.accounts.minting import mint
from app.accounts.models import Limits, Principal, Team
from app.admin.schemas import CreatedKey
from app.datastore.address import parse_address
from app.datastore.datastore import Datastore
from app.settings.fields import Settings
from app.settings.loading import load_settings
from app.settings.sources import is_secret
from app.upstream.dialect import request_headers
from app.wiring.upstream import open_balance, open_trust, open_upstream

MARKER = "mArKeR0123456789abcdefghijklmnopqrstuvwx"
SECRETS = {
    "admin_token": MARKER,
    "balance_key": f"sk-{MARKER}",
    "cometapi_key": f"sk-{MARKER},other.{MARKER}",
    "metrics_token": MARKER,
    "redis_url": f"rediss://imagegate:{MARKER}@redis.example.com:6380/1",
    "signing_key": MARKER,
}
SOUNDS_SECRET = re.compile(r"(?<!by_)key|token|password|secret|credential|redis_url")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings with every secret set."""
    return load_settings(data_dir=tmp_path, **SECRETS)


def shown(thing: Any) -> str:
    """What a thing says of itself, to people, to programmers and in a list."""
    return f"{thing}\n{thing!r}\n{[thing]}"


def test_every_secret_setting_is_a_secret_text() -> None:
    """Those that are secret, and by name all that sound like it; each is one that pydantic shows as asterisks."""
    fields = Settings.model_fields
    assert {name for name, field in fields.items() if is_secret(field)} == SECRETS.keys()
    assert {name for name in fields if SOUNDS_SECRET.search(name)} == SECRETS.keys()
    assert all(fields[name].annotation == SecretStr | None for name in SECRETS)


def test_settings_show_no_secret(settings: Settings) -> None:
    """Neither printed nor written out, as they are or changed."""
    for one in (settings, settings.model_copy(update={"port": 1})):
        told = "\n".join((shown(one), one.model_dump_json(), str(one.model_dump()), str(dict(one))))
        assert MARKER not in told
        assert told.count("**********") >= 4 * len(SECRETS)
    assert settings.signing_key is not None
    assert settings.signing_key.get_secret_value() == MARKER


async def test_clients_of_others_show_no_key(settings: Settings) -> None:
    """What speaks with the upstream, with the account and with Redis, and what these are put together from."""
    trust = open_trust(settings)
    client = open_upstream(settings, trust)
    turn = client.keys.choose([])
    assert turn is not None
    assert turn.key.secret == f"sk-{MARKER}"
    assert settings.redis_url is not None
    address = parse_address(settings.redis_url.get_secret_value())
    async with AsyncExitStack() as stack:
        stack.push_async_callback(client.aclose)
        watch = open_balance(settings, trust, stack, background=False)
        for thing in (client, client.keys, turn, turn.key, watch, address, address.login):
            assert MARKER not in shown(thing)


def test_a_request_shows_no_header() -> None:
    """What httpx says of a request of ours, its headers included; only who asks for one gets it."""
    request = httpx.Request("POST", "https://api.cometapi.com/v1", headers=request_headers(f"sk-{MARKER}", "tests"))
    assert request.headers["authorization"] == f"Bearer sk-{MARKER}"
    for told in (repr(request), repr(request.headers), str(httpx.ReadError("cut", request=request))):
        assert MARKER not in told


def test_credentials_show_no_secret(datastore: Datastore) -> None:
    """A virtual key taken apart, what is kept of it, who holds it, and the one answer that has its text."""
    now = datetime.now(UTC)
    team = Team("Ab12Cd34", "design", now, Limits())
    key, text = mint(team.id, "ana", Limits())
    secret = text.rpartition("-")[2]
    created = CreatedKey.with_secret(key, team, now, text)
    things = (read_credential(text), key, key.document(), Principal(team, key), AdminTokens(datastore, secret), created)
    for thing in things:
        assert secret not in shown(thing)
    assert created.model_dump()["key"] == text
    assert text not in str(created.without_secret())
