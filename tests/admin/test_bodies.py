"""Bodies at the operator's door: bounded, in time, and text throughout; what is none harms nobody else."""

import asyncio
from collections import Counter

import httpx
import pytest

from app.wiring.services import Services
from tests.admin.operators import entering
from tests.ledger.scene import open_scene

HALF = '"\\ud800"'


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/ledger/credits", f'{{"team":{HALF},"amount":"1","reason":"x"}}'),
        ("/teams", f'{{"name":{HALF}}}'),
        ("/teams/{team}/keys", f'{{"alias":"a","models":[{HALF}]}}'),
        ("/teams/{team}/keys", f'{{"alias":"a","metadata":{{{HALF}:"x"}}}}'),
        ("/tokens", f'{{"name":"a","role":{HALF}}}'),
    ],
)
@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "once-more"}])
async def test_half_a_character_is_refused(
    door: httpx.AsyncClient, services: Services, path: str, body: str, headers: dict[str, str]
) -> None:
    """JSON can spell a lone surrogate; it is the caller's fault, and Redis never sees it."""
    scene = await open_scene(services.datastore)
    sent = {"content-type": "application/json", **headers}
    answers = [await door.post(path.format(team=scene.team.id), content=body, headers=sent) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [400] * 4
    assert services.datastore.errors == 0


async def test_a_patch_with_half_a_character_is_refused(door: httpx.AsyncClient, services: Services) -> None:
    """What comes out of a merge is looked at as what was sent whole."""
    scene = await open_scene(services.datastore)
    path = f"/teams/{scene.team.id}/keys/{scene.keys[0].id}"
    for patch in (f'{{"metadata":{{"a":{HALF}}}}}', f'{{"models":[{HALF}]}}'):
        answer = await door.patch(path, content=patch, headers={"content-type": "application/json"})
        assert answer.status_code == 400
    assert services.datastore.errors == 0


async def test_a_body_has_a_bound(door: httpx.AsyncClient, services: Services) -> None:
    """A megabyte, by what it says of itself or by what comes; so have the models of a key."""
    scene = await open_scene(services.datastore)
    large = b'{"name":"' + b"x" * 1_100_000 + b'"}'

    async def pieces() -> object:
        yield large[:600_000]
        yield large[600_000:]

    for content in (large, pieces()):
        answer = await door.post("/teams", content=content, headers={"content-type": "application/json"})  # type: ignore[arg-type]  # httpx takes both
        assert (answer.status_code, answer.json()["code"]) == (413, "request_too_large")
    body = {"alias": "a", "models": ["gpt-image-2"] * 201}
    assert (await door.post(f"/teams/{scene.team.id}/keys", json=body)).status_code == 400


async def test_an_alias_is_one_key_s_however_many_ask_at_once(services: Services) -> None:
    """Of several who make a key of one name at the same moment one succeeds; other names come about beside it."""
    scene = await open_scene(services.datastore)
    async with entering(services) as door:
        path = f"/teams/{scene.team.id}/keys"
        same = [door.post(path, json={"alias": "ana"}) for _ in range(6)]
        others = [door.post(path, json={"alias": f"key-{number}"}) for number in range(6)]
        answers = await asyncio.gather(*same, *others)
        listed = (await door.get(path)).json()
    assert Counter(answer.status_code for answer in answers[:6]) == {201: 1, 409: 5}
    assert [answer.status_code for answer in answers[6:]] == [201] * 6
    assert Counter(key["alias"] for key in listed)["ana"] == 1


async def test_a_rotation_sent_again_is_one(door: httpx.AsyncClient, services: Services) -> None:
    """The second answer is the first without its secret, and says so; the key has been changed once."""
    scene = await open_scene(services.datastore)
    path = f"/teams/{scene.team.id}/keys/{scene.keys[0].id}/rotate"
    headers = {"Idempotency-Key": "rotate-once"}
    first, again = [await door.post(path, json={"grace_seconds": 60}, headers=headers) for _ in range(2)]
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json()["key"].startswith("sk-ig-")
    assert again.json()["key"] is None
    assert again.headers["idempotent-replayed"] == "true"
    key = (await services.accounts.keys(scene.team.id))[0]
    assert len(key.previous) == 1
