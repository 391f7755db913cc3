"""Operators of a gateway without a network between: clients of its door, and admin tokens for them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from app.main import create_app
from app.wiring.services import Services
from tests.support.gateway import ADMIN_TOKEN


@asynccontextmanager
async def entering(services: Services, token: str | None = ADMIN_TOKEN) -> AsyncIterator[httpx.AsyncClient]:
    """An operator's client of a gateway of these services."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    transport = httpx.ASGITransport(create_app(services))
    async with httpx.AsyncClient(transport=transport, base_url="http://imagegate/admin/v1", headers=headers) as client:
        yield client


async def made_token(door: httpx.AsyncClient, name: str, role: str) -> dict[str, Any]:
    """An admin token, with its text."""
    answer = await door.post("/tokens", json={"name": name, "role": role})
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body
