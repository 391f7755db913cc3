"""The operator's door of a gateway, without a network between."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from msgspec.structs import replace

from app.accounts.store import AccountStore
from app.money import Money
from app.settings.loading import load_settings
from app.wiring.services import Services, open_services
from tests.admin.operators import entering
from tests.support.gateway import ADMIN_TOKEN


@pytest.fixture
async def services(redis_url: str, tmp_path: Path) -> AsyncIterator[Services]:
    """The services of a gateway on an empty Redis."""
    settings = load_settings(admin_token=ADMIN_TOKEN, data_dir=tmp_path, redis_timeout_seconds=10)
    async with open_services(settings, redis_url, background=False) as opened:
        yield opened


@pytest.fixture
async def door(services: Services) -> AsyncIterator[httpx.AsyncClient]:
    """Its operator's door."""
    async with entering(services) as client:
        yield client


@pytest.fixture
async def frugal_door(services: Services) -> AsyncIterator[httpx.AsyncClient]:
    """The same where all teams together may have $100."""
    accounts = AccountStore(services.datastore, Money(100_000_000_000))
    async with entering(replace(services, accounts=accounts)) as client:
        yield client
