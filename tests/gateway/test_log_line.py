"""The line of a request: what it tells of each kind of end, and what no line ever has in it."""

import base64
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.simulator.scenario import Content, Scenario
from app.simulator.server import Simulator
from tests.gateway.conftest import Logged
from tests.support.gateway import Gateway, running_gateway
from tests.support.waiting import until

PROMPT = "zephyrine quokkas juggling marzipan"
BOAT = {"model": "gpt-image-2", "prompt": PROMPT, "size": "1024x1024", "quality": "low"}
NOISE = base64.b64encode(bytes(range(256)) * 3).decode()
ECHO = f"cannot draw '{PROMPT}' for sk-upstream-of-the-tests: {NOISE} (request id: 2026112304) "


async def test_a_delivered_request_is_told_in_full(
    redis_url: str, tmp_path: Path, simulator: Simulator, logged: Logged
) -> None:
    """Who, what, how long, how much: the numbers are those of the ledger, and every stage has its time."""
    async with running_gateway(redis_url, tmp_path, simulator) as gateway:
        team = await gateway.new_team()
        async with gateway.http(key := await gateway.new_key(team)) as client:
            answer = await client.post("/v1/images/generations", json=BOAT)
        (entry,) = await gateway.entries(team.id)

    (line,) = logged.requests
    assert line["request_id"] == answer.headers["x-request-id"]
    assert (line["team"], line["key_alias"]) == (team.name, "tester")
    assert key.startswith(line["key"])
    assert (line["operation"], line["model"]) == ("generations", "gpt-image-2")
    assert (line["stage"], line["code"], line["status"], line["outcome"]) == ("settle", "ok", 200, "delivered")
    assert line["tokens_by_kind"] == {"text_input": entry.text_input, "image_output": entry.image_output}
    assert line["tokens"] == sum(line["tokens_by_kind"].values())
    assert line["cost"] == f"${entry.cost / 10**9:.9f}".rstrip("0")
    assert float(line["quote"][1:]) >= float(line["cost"][1:])
    assert set(line["stages"]) == {"authenticate", "normalise", "quote", "admit", "forward", "settle"}
    assert line["bytes"] == len(answer.content)
    assert 0 < line["first_byte_seconds"] <= line["seconds"]
    assert (line["attempts"], line["upstream_key"]) == (1, "key 1 of 1")
    assert not {"detail", "prompt", "trace_id", "queue_seconds", "param"} & set(line)


async def test_a_request_sent_again_tells_how_often(
    redis_url: str, tmp_path: Path, simulator: Simulator, logged: Logged
) -> None:
    """Attempts are counted, the key is that of the last one; the line of the pause has the request's id."""
    simulator.next(Scenario(status=401))
    keys = "sk-first-of-the-tests,sk-second-of-the-tests"
    async with (
        running_gateway(redis_url, tmp_path, simulator, cometapi_key=keys) as gateway,
        gateway.http(await gateway.new_key(await gateway.new_team())) as client,
    ):
        answer = await client.post("/v1/images/generations", json=BOAT)

    (line,) = logged.requests
    assert answer.status_code == 200
    assert (line["attempts"], line["upstream_key"]) == (2, "key 2 of 2")
    assert f'"upstream request is sent again","request_id":"{line["request_id"]}"' in logged.text
    assert '"event":"upstream_key_out"' in logged.text


async def test_what_the_client_was_answered_is_told(
    redis_url: str, tmp_path: Path, simulator: Simulator, logged: Logged
) -> None:
    """The status of a refusal, of a failure, and of a request whose answer is fetched later."""
    simulator.next(Scenario(status=500, code="server_error", message=ECHO))
    async with (
        running_gateway(redis_url, tmp_path, simulator) as gateway,
        gateway.http(await gateway.new_key(await gateway.new_team())) as client,
    ):
        await client.post("/v1/images/generations", json=BOAT)
        await client.post("/v1/images/generations", json=BOAT | {"quality": PROMPT})
        await client.post("/v1/images/generations", json=BOAT, headers={"Prefer": "respond-async"})
        await until(lambda: _has(logged, 3))

    failed, refused, later = logged.requests
    assert (failed["status"], failed["code"], failed["outcome"]) == (502, "upstream_failed", "failed")
    assert failed["upstream_id"] == "2026112304"
    assert failed["detail"].startswith("status 500, code 'server_error'")
    assert (refused["status"], refused["stage"], refused["param"]) == (400, "normalise", "quality")
    assert (later["status"], later["code"]) == (202, "ok")


async def _has(logged: Logged, number: int) -> bool:
    return len(logged.requests) >= number


async def test_prompts_are_logged_where_that_is_wanted(
    redis_url: str, tmp_path: Path, simulator: Simulator, logged: Logged
) -> None:
    """With IMAGEGATE_LOG_PROMPTS the line has the prompt, cut, and what the upstream said; keys and base64 never."""
    simulator.next(Scenario(status=500, code="server_error", message=ECHO))
    async with (
        running_gateway(redis_url, tmp_path, simulator, log_prompts=True) as gateway,
        gateway.http(await gateway.new_key(await gateway.new_team())) as client,
    ):
        await client.post("/v1/images/generations", json=BOAT)
        await client.post("/v1/images/generations", json=BOAT | {"prompt": "ab " * 1000})

    failed, long = logged.requests
    assert failed["prompt"] == PROMPT
    assert failed["upstream_message"].startswith(f"cannot draw '{PROMPT}' for ***: <base64>")
    assert len(long["prompt"]) == 2000


async def test_no_line_has_a_prompt_a_key_or_a_picture(
    redis_url: str, tmp_path: Path, simulator: Simulator, logged: Logged
) -> None:
    """Through successes, refusals of every kind and an upstream that echoes everything, nothing of it is in the log."""
    async with running_gateway(redis_url, tmp_path, simulator) as gateway:
        key = await gateway.new_key(await gateway.new_team())
        await _everything(gateway, simulator, key)

    text = logged.text
    assert len(logged.requests) == len(_orders()) + len(_echoes()) + 2
    assert [word for word in PROMPT.split() if word in text] == []
    assert key[-12:] not in text
    assert "sk-upstream" not in text
    assert NOISE[:40] not in text
    assert re.findall(r"[A-Za-z0-9+/]{120,}", text) == []
    assert {line["outcome"] for line in logged.requests} >= {"delivered", "refused", "failed", "unknown"}


async def _everything(gateway: Gateway, simulator: Simulator, key: str) -> None:
    """Ask for every kind of end with one key."""
    picture = await _picture(simulator)
    async with gateway.http(key) as client:
        for order in _orders():
            await client.post("/v1/images/generations", **order)
        files = {"image": ("boat.png", picture, "image/png")}
        await client.post("/v1/images/edits", data=BOAT, files=files)
        await client.post("/v1/images/edits", data=BOAT, files={PROMPT: ("boat.png", picture, "image/png")})
        for echo in _echoes():
            simulator.reset()
            simulator.next(echo)
            await client.post("/v1/images/generations", json=BOAT)


async def _picture(simulator: Simulator) -> bytes:
    async with httpx.AsyncClient(headers={"Authorization": "Bearer sk-x"}) as client:
        answer = await client.post(f"{simulator.url}/images/generations", json=BOAT | {"prompt": "x"})
    return base64.b64decode(answer.json()["data"][0]["b64_json"])


def _orders() -> list[dict[str, Any]]:
    """Bodies with the prompt where it belongs, and where it does not."""
    return [
        {"json": BOAT},
        {"json": BOAT | {"stream": True}},
        {"json": BOAT | {"size": PROMPT}},
        {"json": BOAT | {PROMPT: 1}},
        {"json": BOAT | {"prompt": [PROMPT]}},
        {"json": BOAT | {"prompt": f"{PROMPT} " * 2000}},
        {"json": BOAT | {"image": NOISE}},
        {"content": f'{{"prompt": "{PROMPT}" {PROMPT}', "headers": {"content-type": "application/json"}},
    ]


def _echoes() -> list[Scenario]:
    """An upstream that repeats the prompt and our key wherever it can."""
    said: dict[str, Any] = {"message": ECHO}
    return [
        Scenario(status=400, code="invalid_value", **said),
        Scenario(status=400, code=PROMPT, **said),
        Scenario(status=429, code="rate_limited", **said),
        Scenario(status=500, code="server_error", **said),
        Scenario(status=503, code="model_not_found", **said),
        Scenario(content=Content.ERROR_INSIDE_200, code="server_error", **said),
        Scenario(status=502, content=Content.HTML),
        Scenario(status=403, code="insufficient_user_quota", **said),  # takes the only key out, so it comes last
    ]


@pytest.mark.parametrize("header", ["Bearer {}", "Basic {}", "{}"])
async def test_a_credential_that_is_none_is_not_told(
    redis_url: str, tmp_path: Path, simulator: Simulator, logged: Logged, header: str
) -> None:
    """Whatever somebody sends as a key, it may be one of somewhere else: the log does not have it."""
    async with running_gateway(redis_url, tmp_path, simulator) as gateway, gateway.http() as client:
        headers = {"Authorization": header.format("zephyrine-quokkas-0123456789")}
        await client.post("/v1/images/generations", json=BOAT, headers=headers)

    assert [line["status"] for line in logged.requests] == [401]
    assert "quokkas" not in logged.text
