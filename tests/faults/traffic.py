"""Requests of every kind, faults of the upstream and impatient clients, chosen by a seed; and what came of each."""

import asyncio
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

import httpx
from PIL import Image

SMALL: dict[str, Any] = {"model": "gpt-image-2", "size": "1024x640", "quality": "low", "output_format": "jpeg"}
"""Drawn in a few milliseconds."""
IMPATIENT = 0.05
"""The share of clients that hang up."""
STRUCK = 0.25
"""The share of requests that meet a fault of the upstream."""
FAULTS = (
    "code=moderation_blocked",
    "status=429 retry_after_seconds=1",
    "status=502 code=bad_response",
    "status=503 code=model_not_found",
    "content=html",
    "content=empty_data",
    "content=error_inside_200",
    "content=cut_json",
    "content=redirect",
    "content=error_event fault_event=1",
    "content=not_completed",
    "fault=reset_before_headers",
    "fault=reset_mid_body",
    "fault=cut_body fault_at=0.9",
    "fault=hang",
    "usage=missing",
    "usage=negative",
    "usage=absurd",
    "usage_first chunked piece_bytes=1000",
    "ignores_stream",
    "other_container",
    "max_pictures=1",
    "latency_seconds=0.2",
    "close_after_answer",
    "stale_after_answer",
)


def _picture() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (32, 32), "brown").save(file, "PNG")
    return file.getvalue()


PICTURE = _picture()


@dataclass(frozen=True, slots=True)
class Errand:
    """One request to be made."""

    kind: str
    route: str
    fields: Mapping[str, Any]
    files: tuple[tuple[str, Any], ...] = ()
    leaves_after_seconds: float | None = None


@dataclass(slots=True)
class Outcome:
    """What a client saw of a request."""

    kind: str
    status: int = 0
    """0: it hung up before there was one, or there never was one."""
    request_id: str = ""
    left: bool = False
    pictures: int | None = None
    """In a whole answer, or the completed events of a stream with their last blank line; None: no whole answer."""


def errand(random: Random) -> Errand:
    """A request, more of the ordinary kinds than of others."""
    kind = random.choices(
        ("generation", "stream", "edit", "link", "fan-out", "quote", "bad"), (30, 20, 15, 12, 3, 12, 8)
    )[0]
    fault = f"[scenario: {random.choice(FAULTS)}]" if random.random() < STRUCK else ""
    body = SMALL | {"prompt": f"a paper boat {random.random()} {fault}"}
    route = "generations"
    files: tuple[tuple[str, Any], ...] = ()
    leaves = random.uniform(0, 0.2) if random.random() < IMPATIENT else None
    match kind:
        case "generation":
            body |= {"n": random.choice((1, 1, 1, 2, 3))}
        case "stream":
            body |= {"stream": True, "partial_images": random.randint(0, 2), "n": random.choice((1, 1, 2))}
        case "edit":
            picture = ("boat.png", PICTURE, "image/png")
            files = (("image[]", picture),) * random.randint(1, 3)
            route, body = "edits", {name: str(value) for name, value in body.items()}
        case "link":
            body |= {"response_format": "url"}
        case "fan-out":
            body = {"model": "qwen-image", "prompt": body["prompt"], "n": random.randint(2, 3)}
        case "quote":
            route, leaves = "quote", None
        case _:
            body |= random.choice(({"size": "7x7"}, {"model": "nobody"}, {"n": 0}, {"prompt": ""}))
    return Errand(kind, route, body, files, leaves)


async def run(client: httpx.AsyncClient, key: Mapping[str, str], errand: Errand) -> Outcome:
    """Make the request, and hang up when it says so."""
    outcome = Outcome(errand.kind)
    try:
        async with asyncio.timeout(errand.leaves_after_seconds):
            await _read(client, key, errand, outcome)
    except TimeoutError:
        outcome.left, outcome.pictures = True, None
    except httpx.TransportError:
        if not errand.fields.get("stream"):
            outcome.pictures = None
    return outcome


async def _read(client: httpx.AsyncClient, key: Mapping[str, str], errand: Errand, outcome: Outcome) -> None:
    given: dict[str, Any] = {"data": errand.fields, "files": errand.files} if errand.files else {"json": errand.fields}
    async with client.stream("POST", f"/v1/images/{errand.route}", headers=key, **given) as answer:
        outcome.status, outcome.request_id = answer.status_code, answer.headers["x-request-id"]
        if answer.status_code != 200:
            await answer.aread()
        elif answer.headers["content-type"].startswith("text/event-stream"):
            outcome.pictures, event = 0, ""
            async for line in answer.aiter_lines():
                outcome.pictures += not line and event.endswith(".completed")
                event = line if line.startswith("event:") else event if line else ""
        else:
            outcome.pictures = len(json.loads(await answer.aread()).get("data", ()))
