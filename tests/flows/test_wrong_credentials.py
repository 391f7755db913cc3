"""Guessing at both doors of a gateway: wrong credentials are slowed down and refused, good ones never are."""

import asyncio
import logging
from pathlib import Path

import httpx
import pytest

from app.simulator.server import Simulator
from tests.support.gateway import ADMIN_TOKEN, Gateway, running_gateway

PATHS = ("/v1/models", "/admin/v1/teams")
WRONG = {"Authorization": "Bearer sk-ig-aaaaaaaa-bbbbbbbb-cccccccccccccccc"}


async def guess(client: httpx.AsyncClient, path: str, forwarded: str = "") -> httpx.Response:
    """Try a key that is none."""
    return await client.get(path, headers=WRONG | ({"X-Forwarded-For": forwarded} if forwarded else {}))


async def guess_often(client: httpx.AsyncClient, path: str, forwarded: str = "") -> set[int]:
    """Try many at a time; what they are answered."""
    return {answer.status_code for answer in await asyncio.gather(*(guess(client, path, forwarded) for _ in range(30)))}


@pytest.mark.parametrize("path", PATHS)
async def test_guessing_ends_in_429_and_hurts_nobody_else(gateway: Gateway, path: str) -> None:
    """At either door, for both; a good key and a good token from the same address are served as ever."""
    key = await gateway.new_key(await gateway.new_team())
    async with gateway.http() as stranger, gateway.http(key) as teammate, gateway.http(ADMIN_TOKEN) as operator:
        assert await guess_often(stranger, path) == {401, 429}
        for other in PATHS:
            last = await guess(stranger, other)
            assert last.status_code == 429
            assert last.headers["x-request-id"].startswith("req_")
            error = last.json() if other.startswith("/admin/") else last.json()["error"]
            assert error["code"] == "too_many_failures"
        assert (await teammate.get("/v1/models")).status_code == 200
        assert (await operator.get("/admin/v1/teams")).status_code == 200
        assert (await stranger.get(path)).status_code == 401  # who sends none does not guess


@pytest.mark.parametrize("path", PATHS)
async def test_a_guess_is_one_line_of_the_log(gateway: Gateway, path: str, caplog: pytest.LogCaptureFixture) -> None:
    """Whether it is told 401 or 429: guessing often fills no log twice as fast."""
    with caplog.at_level(logging.INFO, "imagegate.request"):
        async with gateway.http() as client:
            assert await guess_often(client, path) == {401, 429}

    assert [line.getMessage() for line in caplog.records if line.name == "imagegate.request"] == ["refused"] * 30


async def test_clients_of_a_trusted_proxy_are_told_apart(redis_url: str, tmp_path: Path, simulator: Simulator) -> None:
    """Each counts for itself, whatever it writes into the header before the proxy does."""
    async with (
        running_gateway(redis_url, tmp_path, simulator, trusted_proxies="127.0.0.0/8") as gateway,
        gateway.http() as client,
    ):
        assert await guess_often(client, PATHS[0], "198.51.100.1, 192.0.2.1") == {401, 429}
        assert (await guess(client, PATHS[0], "192.0.2.1, 192.0.2.2")).status_code == 401
        assert (await guess(client, PATHS[0], "198.51.100.2, 192.0.2.1")).status_code == 429


async def test_nobody_else_is_believed(gateway: Gateway) -> None:
    """Without the setting the header is the client's own invention."""
    async with gateway.http() as client:
        await guess_often(client, PATHS[0], "192.0.2.1")
        assert (await guess(client, PATHS[0], "192.0.2.2")).status_code == 429
