"""What became of requests, as the same key can ask: the list, one request, the kept answer."""

from typing import Any

import httpx

from tests.support.waiting import until

REQUESTS = "/v1/images/requests"


async def recent(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    """The key's recent requests, newest first."""
    answer = await client.get(REQUESTS)
    assert answer.status_code == 200, answer.text
    listed: list[dict[str, Any]] = answer.json()["data"]
    return listed


async def state(client: httpx.AsyncClient, request_id: str) -> str:
    """What became of one request, in a word, by the list."""
    (found,) = [request["status"] for request in await recent(client) if request["id"] == request_id]
    return str(found)


async def come_to(client: httpx.AsyncClient, request_id: str, wanted: str, seconds: float = 10) -> None:
    """Wait until the request has come to this state."""

    async def there() -> bool:
        return await state(client, request_id) == wanted

    await until(there, seconds)


async def kept_answer(client: httpx.AsyncClient, request_id: str) -> httpx.Response:
    """The answer as first given."""
    answer = await client.get(f"{REQUESTS}/{request_id}")
    assert answer.status_code == 200, answer.text
    assert "data" in answer.json(), answer.text[:500]
    return answer
