"""Everything a gateway asks of Redis, done once: pictures of every kind, and every page of the operator's door."""

import io
from typing import Any

import httpx
from PIL import Image

from tests.support.gateway import ADMIN_TOKEN, Gateway

BOAT: dict[str, Any] = {"model": "gpt-image-2", "prompt": "a paper boat", "size": "1024x1024", "quality": "low"}
GENERATIONS = "/v1/images/generations"
_LIMITS = {"requests_per_minute": 60, "concurrent_images": 8, "budget": {"limit": "20", "period": "month"}}


async def use_everything(gateway: Gateway) -> None:
    """Make a team and a key at the operator's door, buy with it in every way, and look at all of it."""
    operator = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    async with httpx.AsyncClient(base_url=f"{gateway.address}/admin/v1", headers=operator, timeout=30) as door:
        await _done(door, "POST", "/teams", {"name": "design", "limits": _LIMITS}, {"Idempotency-Key": "once"})
        made = await _done(door, "POST", "/teams/design/keys", {"alias": "ana", "limits": {"images_per_minute": 60}})
        request = await buy(gateway, made.json()["key"])
        await _change(door)
        await _read(door, request)
        await _done(door, "POST", "/ledger/credits", {"request": request, "amount": "0.001", "reason": "blurred"})
        await _end(door)


async def buy(gateway: Gateway, key: str) -> str:
    """Pictures at once, streamed, edited, twice under one name, tried again and fetched; gives a request's id."""
    sdk = gateway.sdk(key)
    made = await sdk.images.with_raw_response.generate(**BOAT)
    stream = await sdk.images.generate(**BOAT, stream=True, partial_images=1)
    assert [event.type async for event in stream][-1] == "image_generation.completed"
    assert (await sdk.images.edit(image=_png(), **BOAT)).data
    async with gateway.http(key) as client:
        for headers in (
            {"Idempotency-Key": "boat"},
            {"Idempotency-Key": "boat"},
            {"x-stainless-lang": "python", "x-stainless-retry-count": "1"},
            {"Prefer": "respond-async"},
        ):
            await _done(client, "POST", GENERATIONS, BOAT, headers)
        refused = await client.post(GENERATIONS, json=BOAT | {"prompt": "[scenario: code=moderation_blocked]"})
        assert refused.status_code == 400
        request: str = made.headers["x-request-id"]
        await _done(client, "POST", "/v1/images/quote", BOAT)
        for path in ("/v1/usage", "/v1/images/requests", f"/v1/images/requests/{request}", "/readyz"):
            await _done(client, "GET", path)
        await _done(client, "DELETE", f"/v1/images/requests/{request}")
    return request


async def _change(door: httpx.AsyncClient) -> None:
    await _done(door, "PATCH", "/teams/design", {"limits": {"budget": {"limit": "30"}}})
    await _done(door, "PATCH", "/teams/design/keys/ana", {"metadata": {"floor": "3"}})
    for verb in ("rotate", "disable", "enable"):
        await _done(door, "POST", f"/teams/design/keys/ana/{verb}", {} if verb == "rotate" else None)
    await _done(door, "POST", "/tokens", {"name": "eve", "role": "viewer"})


async def _read(door: httpx.AsyncClient, request: str) -> None:
    for path in (
        "/teams",
        "/teams/design",
        "/teams/design/standing",
        "/teams/design/keys",
        "/me",
        "/tokens",
        "/audit",
        "/overview",
        "/live",
        "/usage",
        "/usage?group_by=team,day",
        "/usage?group_by=user",
        "/requests?team=design",
        "/ledger/entries?team=design",
        f"/ledger/requests/{request}?team=design",
        "/ledger/export?team=design",
        "/ledger/verify?team=design",
    ):
        await _done(door, "GET", path)


async def _end(door: httpx.AsyncClient) -> None:
    await _done(door, "POST", "/ledger/credits", {"team": "design", "amount": "0.001", "reason": "goodwill"})
    await _done(door, "DELETE", "/tokens/eve")
    await _done(door, "POST", "/teams/design/keys/ana/revoke")


async def _done(
    client: httpx.AsyncClient, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
) -> httpx.Response:
    answer = await client.request(method, path, json=body, headers=headers)
    assert answer.status_code < 300, f"{method} {path}: {answer.status_code} {answer.text[:500]}"
    return answer


def _png() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (64, 64), "brown").save(file, "PNG")
    return file.getvalue()
