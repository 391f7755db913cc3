"""What a refusal leaves in memory: nothing, and at once. The collector of cycles, which comes late, is not needed."""

import gc
import tracemalloc
from collections.abc import Iterator

import pytest

from app.simulator.server import Simulator
from tests.support.gateway import Gateway

LARGE = "a" * 2_000_000
TIMES = 8
MOST_BYTES = 1_000_000
"""More than before, all in all: half of one body."""
PICTURE = '"images":[{"image_url":"data:image/png;base64,iVBORw0KGgo="}]'
REFUSED: dict[str, tuple[str, int]] = {
    "no JSON": ('{"prompt":"' + LARGE + '",}', 400),
    "a prompt too long": ('{"model":"gpt-image-2",' + PICTURE + ',"prompt":"' + LARGE + '"}', 400),
    "no base64": (
        '{"model":"gpt-image-2","prompt":"x","images":[{"image_url":"data:image/png;base64,!' + LARGE + '"}]}',
        400,
    ),
    "a link of no kind": ('{"model":"gpt-image-2","prompt":"x","images":[{"image_url":"' + LARGE + '"}]}', 400),
    "an unknown model": ('{"model":"nobody",' + PICTURE + ',"prompt":"' + LARGE + '"}', 404),
    "refused upstream": (
        '{"model":"gpt-image-2","prompt":"[scenario: code=moderation_blocked]",'
        + PICTURE.replace('"}]', "A" * len(LARGE) + '"}]').replace("KGgo=", "KGgoA")
        + "}",
        400,
    ),
}


@pytest.fixture
def without_collector() -> Iterator[None]:
    """Cycles stay; what is allocated is counted."""
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        yield
    finally:
        tracemalloc.stop()
        gc.enable()


@pytest.mark.usefixtures("without_collector")
@pytest.mark.parametrize("case", REFUSED)
async def test_a_refused_body_is_let_go(gateway: Gateway, simulator: Simulator, case: str) -> None:
    """The same body again and again takes no more than once: thirty of 28 MB would end a gateway of 1 GiB."""
    body, status = REFUSED[case]
    sent = body.encode()
    async with gateway.http(await gateway.new_key(await gateway.new_team())) as client:

        async def ask() -> int:
            answer = await client.post("/v1/images/edits", content=sent, headers={"Content-Type": "application/json"})
            return answer.status_code

        assert await ask() == status  # what every further one shares
        before, _ = tracemalloc.get_traced_memory()
        assert {await ask() for _ in range(TIMES)} == {status}
        exchanges = simulator.exchanges
        simulator.reset()  # which keeps what it received
        after, _ = tracemalloc.get_traced_memory()

    assert after - before < MOST_BYTES
    assert (exchanges > 0) == (case == "refused upstream")
