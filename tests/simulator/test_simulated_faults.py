"""Every scripted fault is seen by a client as the fault it plays."""

import asyncio
import base64
import gzip
import json
from urllib.parse import urlsplit

import httpx
import pytest

from app.simulator.scenario import Content, Fault, Scenario
from app.simulator.server import Simulator

PATH = "/v1/images/generations"
ORDER = {"model": "gpt-image-2", "prompt": "a fox", "quality": "low", "size": "1024x640", "output_format": "webp"}


async def ask(client: httpx.AsyncClient, simulator: Simulator, scenario: Scenario) -> httpx.Response:
    """Play one scenario."""
    simulator.next(scenario)
    return await client.post(PATH, json=ORDER)


async def read_noting_head(client: httpx.AsyncClient, heads: list[int]) -> None:
    """Note the status as soon as it is there, then read on."""
    async with client.stream("POST", PATH, json=ORDER) as answer:
        heads.append(answer.status_code)
        await answer.aread()


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize(
    ("fault", "error", "has_head"),
    [
        (Fault.RESET_BEFORE_HEADERS, httpx.ReadError, False),
        (Fault.RESET_MID_BODY, httpx.ReadError, True),
        (Fault.CUT_BODY, httpx.RemoteProtocolError, True),
    ],
)
async def test_broken_connections(
    *,
    simulator: Simulator,
    client: httpx.AsyncClient,
    fault: Fault,
    error: type[httpx.HTTPError],
    has_head: bool,
    chunked: bool,
) -> None:
    """A reset is a read error, a clean cut a protocol error; the picture was drawn all the same."""
    simulator.next(Scenario(fault=fault, chunked=chunked))
    heads: list[int] = []
    with pytest.raises(error):
        await read_noting_head(client, heads)

    assert heads == ([200] if has_head else [])
    assert simulator.pictures == 1


async def test_stall_goes_on_when_released(simulator: Simulator, client: httpx.AsyncClient) -> None:
    """A stalled body falls silent half-way and is whole once released."""
    asked = asyncio.create_task(ask(client, simulator, Scenario(fault=Fault.STALL_MID_BODY)))
    await simulator.waiting(1)
    assert not asked.done()
    simulator.release()

    assert base64.b64decode((await asked).json()["data"][0]["b64_json"])


@pytest.mark.parametrize("fault", [Fault.STALL_MID_BODY, Fault.HANG])
async def test_silence_ends_with_the_client(simulator: Simulator, fault: Fault) -> None:
    """A hung or stalled exchange lasts until its client leaves."""
    async with httpx.AsyncClient(headers={"Authorization": "Bearer sk-test"}, base_url=simulator.origin) as client:
        asked = asyncio.create_task(ask(client, simulator, Scenario(fault=fault)))
        await simulator.waiting(1)
        assert simulator.in_flight == 1
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)
    await simulator.quiet()

    assert simulator.pictures == 1


async def test_hang_is_not_released(simulator: Simulator, client: httpx.AsyncClient) -> None:
    """Releasing frees what is withheld and leaves what hangs."""
    hung = asyncio.create_task(ask(client, simulator, Scenario(fault=Fault.HANG)))
    await simulator.waiting(1)
    held = asyncio.create_task(ask(client, simulator, Scenario(withhold=True)))
    await simulator.waiting(2)

    assert simulator.release() == 1
    assert (await held).status_code == 200
    assert not hung.done()
    hung.cancel()
    await asyncio.gather(hung, return_exceptions=True)


async def test_html(simulator: Simulator, client: httpx.AsyncClient) -> None:
    """Cloudflare's page has status 524 unless another is given; the picture is billed."""
    timed_out = await ask(client, simulator, Scenario(content=Content.HTML))
    failed = await ask(client, simulator, Scenario(status=520))
    bad_gateway = await ask(client, simulator, Scenario(content=Content.HTML, status=502))

    assert [answer.status_code for answer in (timed_out, failed, bad_gateway)] == [524, 520, 502]
    assert all(answer.headers["content-type"].startswith("text/html") for answer in (timed_out, failed, bad_gateway))
    assert simulator.pictures == 3


async def test_answers_without_pictures(simulator: Simulator, client: httpx.AsyncClient) -> None:
    """Empty data, an empty body, an error inside a 200 and a redirect draw nothing."""
    empty = await ask(client, simulator, Scenario(content=Content.EMPTY_DATA))
    nothing = await ask(client, simulator, Scenario(content=Content.EMPTY_BODY))
    error = await ask(client, simulator, Scenario(content=Content.ERROR_INSIDE_200))
    redirect = await ask(client, simulator, Scenario(content=Content.REDIRECT))

    assert (empty.status_code, empty.json()["data"]) == (200, [])
    assert (nothing.status_code, nothing.content) == (200, b"")
    assert (error.status_code, error.json()["error"]["type"]) == (200, "comet_api_error")
    assert redirect.status_code == 301
    assert simulator.pictures == 0


async def test_cut_json(simulator: Simulator, client: httpx.AsyncClient) -> None:
    """The framing is whole and the JSON is not."""
    answer = await ask(client, simulator, Scenario(content=Content.CUT_JSON, fault_at=0.9))

    assert int(answer.headers["content-length"]) == len(answer.content)
    with pytest.raises(json.JSONDecodeError):
        answer.json()


async def test_too_long_content_length(simulator: Simulator, client: httpx.AsyncClient) -> None:
    """A length that promises more than comes ends in a protocol error."""
    with pytest.raises(httpx.RemoteProtocolError, match=r"received \d+ bytes, expected \d+"):
        await ask(client, simulator, Scenario(content_length_error=10))


async def test_too_short_content_length(simulator: Simulator, client: httpx.AsyncClient) -> None:
    """A length that promises less than comes cuts the JSON off."""
    answer = await ask(client, simulator, Scenario(content_length_error=-10))

    with pytest.raises(json.JSONDecodeError):
        answer.json()


async def test_dripping_body(simulator: Simulator, client: httpx.AsyncClient) -> None:
    """A slow body comes in pieces, framed as chunks here, and is whole in the end."""
    simulator.next(Scenario(chunked=True, piece_bytes=4096, piece_pause_seconds=0.001))
    async with client.stream("POST", PATH, json=ORDER) as answer:
        pieces = [piece async for piece in answer.aiter_raw()]

    assert answer.headers["transfer-encoding"] == "chunked"
    assert len(pieces) > 1
    assert json.loads(b"".join(pieces))["data"]


async def test_gzip_unasked(simulator: Simulator, client: httpx.AsyncClient) -> None:
    """The body is compressed although the client wanted it plain."""
    simulator.next(Scenario(gzip=True))
    async with client.stream("POST", PATH, json=ORDER, headers={"Accept-Encoding": "identity"}) as answer:
        raw = b"".join([piece async for piece in answer.aiter_raw()])

    assert answer.headers["content-encoding"] == "gzip"
    assert json.loads(gzip.decompress(raw))["data"]


async def test_padding(simulator: Simulator, client: httpx.AsyncClient) -> None:
    """Padding makes answers of a realistic size."""
    answer = await ask(client, simulator, Scenario(padding_bytes=1_500_000))

    assert 2_000_000 < len(answer.content) < 2_300_000


@pytest.mark.parametrize(
    ("scenario", "status", "code", "words"),
    [
        (Scenario(status=429), 429, "rate_limited", "saturated"),
        (Scenario(status=503), 503, "model_not_found", "no available channel"),
        (Scenario(status=401), 401, "", "invalid token"),
        (Scenario(status=500), 500, "invalid_request", "field messages is required"),
        (Scenario(code="insufficient_user_quota"), 403, "insufficient_user_quota", "quota is not enough"),
        (Scenario(code="moderation_blocked"), 400, "moderation_blocked", "safety system"),
        (Scenario(status=418, code="odd", message="I am a teapot"), 418, "odd", "I am a teapot"),
    ],
)
async def test_played_refusals(
    *, simulator: Simulator, client: httpx.AsyncClient, scenario: Scenario, status: int, code: str, words: str
) -> None:
    """A scenario names a refusal by status or code, and CometAPI's own words come with it."""
    answer = await ask(client, simulator, scenario)

    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (status, code)
    assert words in error["message"]
    assert simulator.pictures == 0


async def test_retry_after(simulator: Simulator, client: httpx.AsyncClient) -> None:
    """A refusal carries Retry-After when the scenario says so."""
    answer = await ask(client, simulator, Scenario(status=429, retry_after_seconds=1.5))

    assert answer.headers["retry-after"] == "1.5"


async def test_close_after_answer(simulator: Simulator) -> None:
    """The connection is closed behind a whole answer that said keep-alive."""
    simulator.next(Scenario(close_after_answer=True))
    answer = await raw_exchange(simulator)

    assert b"Connection: keep-alive" in answer
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["data"]


async def test_stale_after_answer(simulator: Simulator, client: httpx.AsyncClient) -> None:
    """The next request on the same connection meets a reset and is never read."""
    await ask(client, simulator, Scenario(stale_after_answer=True))
    with pytest.raises(httpx.ReadError):
        await client.post(PATH, json=ORDER)

    assert (simulator.exchanges, simulator.pictures, simulator.connections) == (1, 1, 1)


async def raw_exchange(simulator: Simulator) -> bytes:
    """One request over a bare socket, read until the simulator closes."""
    parts = urlsplit(simulator.origin)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    body = json.dumps(ORDER).encode()
    writer.write(b"POST %b HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sk-a\r\n" % PATH.encode())
    writer.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


async def test_reset_is_a_reset(simulator: Simulator) -> None:
    """On the socket a reset is a reset, not an orderly end."""
    simulator.next(Scenario(fault=Fault.RESET_BEFORE_HEADERS))
    with pytest.raises(ConnectionResetError):
        await raw_exchange(simulator)


async def test_cut_is_an_orderly_end(simulator: Simulator) -> None:
    """On the socket a cut is an orderly end, short of the promised length, at the share asked for."""
    simulator.next(Scenario(fault=Fault.CUT_BODY, fault_at=0.25))
    head, _, body = (await raw_exchange(simulator)).partition(b"\r\n\r\n")

    promised = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    assert len(body) == promised // 4
