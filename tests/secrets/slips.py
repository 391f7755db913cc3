"""What people do with a key by mistake: show a wrong one, and paste one into every place that takes a text."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx

from tests.faults.traffic import PICTURE, SMALL

GENERATIONS = "/v1/images/generations"


@dataclass(frozen=True, slots=True)
class Slip:
    """One HTTP request."""

    path: str
    given: dict[str, Any]
    method: str = "POST"


def wrong_credentials(key: str) -> Iterator[Slip]:
    """A key that is not one here, in every place where one might be expected."""
    for path in (GENERATIONS, "/v1/images/edits", "/v1/images/quote", "/admin/v1/teams"):
        for value in (f"Bearer {key}", key, f"Basic {key}", f"bearer  {key}"):
            yield Slip(path, {"headers": {"Authorization": value}, "json": SMALL})
    for path in ("/v1/models", "/v1/usage", "/metrics", "/admin/v1/me"):
        given = {"headers": {"Authorization": f"Bearer {key}", "X-Forwarded-For": "10.0.0.9"}}
        yield Slip(path, given, "GET")
    yield Slip(GENERATIONS, {"headers": {"x-api-key": key}, "json": SMALL})
    yield Slip(GENERATIONS, {"headers": [("Authorization", f"Bearer {key}")] * 2, "json": SMALL})


def pasted(key: str, prompt: str) -> Iterator[Slip]:
    """A key where it does not belong, in requests for pictures."""
    body = SMALL | {"prompt": prompt}
    for field in ("prompt", "model", "user", "size", "quality", "background", "response_format", "n", "stream"):
        yield Slip(GENERATIONS, {"json": body | {field: key}})
        yield Slip("/v1/images/quote", {"json": body | {field: key}})
    yield Slip(GENERATIONS, {"json": body | {"metadata": {"key": key}}})
    yield Slip(GENERATIONS, {"json": body | {key: "1"}})
    yield Slip(GENERATIONS, {"json": body | {"user": f"https://host/?key={key}&x=1"}})
    yield Slip(GENERATIONS, {"content": f'{{"prompt": "{key}", '})
    yield Slip(
        GENERATIONS, {"content": f"prompt={key}", "headers": {"content-type": "application/x-www-form-urlencoded"}}
    )
    yield Slip(GENERATIONS, {"content": b"{}", "headers": {"content-type": f"text/{key}"}})
    yield Slip(f"{GENERATIONS}?api_key={key}", {"json": body})
    for name in ("Idempotency-Key", "x-request-id", "User-Agent", "tracestate", "Cookie", "Prefer", "X-Forwarded-For"):
        given = {"traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01", name: f"k={key}" if name == "tracestate" else key}
        yield Slip(GENERATIONS, {"json": body, "headers": given})
    for path in (f"/v1/images/{key}", f"/v1/models/{key}", f"/{key}", f"/v1/images/requests/{key}", f"/images/{key}/x"):
        yield Slip(path, {}, "GET")
    form = {name: str(value) for name, value in body.items()}
    yield Slip("/v1/images/edits", {"data": form, "files": {"image": (f"{key}.png", PICTURE, "image/png")}})
    yield Slip("/v1/images/edits", {"data": form | {key: key}, "files": {"image": ("a.png", PICTURE, "image/png")}})
    yield Slip("/v1/images/edits", {"data": form, "files": {key: ("a.png", PICTURE, "image/png")}})
    yield Slip("/v1/images/edits", {"json": body | {"images": [{"image_url": f"https://203.0.113.9/{key}.png"}]}})


def misplaced(prompt: str) -> Iterator[Slip]:
    """A prompt where something else belongs."""
    body = SMALL | {"prompt": "a boat"}
    for field in ("model", "size", "quality", "background", "response_format", "n", "stream"):
        yield Slip(GENERATIONS, {"json": body | {field: prompt}})
        yield Slip("/v1/images/quote", {"json": body | {field: prompt}})
    yield Slip(GENERATIONS, {"json": body | {prompt: "1"}})
    yield Slip(GENERATIONS, {"content": prompt.encode()})
    yield Slip("/v1/images/edits", {"data": {"prompt": prompt}, "files": {"image": (prompt, b"none", "image/png")}})
    for path in (f"/v1/images/{prompt}", f"/v1/models/{prompt}", f"{GENERATIONS}?prompt={prompt}"):
        yield Slip(path, {}, "GET")


def pasted_by_an_operator(key: str) -> Iterator[Slip]:
    """A key where it does not belong, at the operator's door."""
    door = "/admin/v1"
    yield Slip(f"{door}/teams", {"json": {"name": key}})
    yield Slip(f"{door}/teams", {"json": {"name": "x", key: 1}})
    yield Slip(f"{door}/teams/design/keys", {"json": {"alias": key}})
    yield Slip(f"{door}/teams/design/keys", {"json": {"alias": "fine", "metadata": {"note": key}}})
    yield Slip(f"{door}/teams/design/keys", {"json": {"alias": "fine", "metadata": {key: "note"}}})
    yield Slip(f"{door}/teams/design/keys", {"json": {"alias": "fine", "models": [key]}})
    yield Slip(f"{door}/tokens", {"json": {"name": key, "role": "viewer"}})
    yield Slip(f"{door}/ledger/credits", {"json": {"team": "design", "amount": "0.001", "reason": key}})
    yield Slip(f"{door}/ledger/credits", {"json": {"request": key, "amount": key, "reason": "r"}})
    yield Slip(f"{door}/teams", {"json": {"name": "named"}, "headers": {"Idempotency-Key": key}})
    for path in (
        f"/teams/{key}",
        f"/teams/{key}/keys",
        f"/teams/design/keys/{key}",
        f"/requests?team={key}",
        f"/requests?team=design&key={key}",
        f"/usage?group_by={key}",
        f"/usage?group_by=user&user={key}",
        f"/ledger/entries?team=design&user={key}",
        f"/ledger/requests/{key}?team=design",
        f"/audit?cursor={key}",
    ):
        yield Slip(door + path, {}, "GET")
    for path in (f"/teams/design/keys/{key}x/disable", f"/teams/{key}/keys/ana/rotate"):
        yield Slip(door + path, {})
    yield Slip(f"{door}/tokens/{key}x", {}, "DELETE")
    yield Slip(f"{door}/teams/{key}", {"json": {"limits": {}}}, "PATCH")


async def make(client: httpx.AsyncClient, slip: Slip) -> int:
    """Send it; its status."""
    given = slip.given
    if isinstance(headers := given.get("headers"), list):
        given = given | {"headers": httpx.Headers([*client.headers.items(), *headers])}
    return (await client.request(slip.method, slip.path, **given)).status_code
