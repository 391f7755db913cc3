"""One full run of two gateways: everything they can be asked, rightly and by mistake, with the secrets of one run."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import Any

import httpx

from app.simulator.scenario import Content, Scenario
from app.simulator.server import Simulator
from tests.faults.traffic import SMALL, errand, run
from tests.secrets.answers import Answers
from tests.secrets.markers import Markers
from tests.secrets.replica import Replica
from tests.secrets.slips import GENERATIONS, make, misplaced, pasted, pasted_by_an_operator, wrong_credentials
from tests.support.redis_server import RedisServer
from tests.support.waiting import until

ERRANDS = 80
AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class WholeRun:
    """What a run has to do with; ``answers`` keeps what its clients are told."""

    replicas: tuple[Replica, Replica]
    simulator: Simulator
    redis: RedisServer
    markers: Markers
    answers: Answers

    def client(self, token: str | None = None, at: int = 0) -> httpx.AsyncClient:
        """A client whose answers are kept."""
        return self.answers.client(self.replicas[at].address, token)

    async def team(self, name: str) -> str:
        """A team of this name with a virtual key, which is given."""
        async with self.client(self.markers.admin_token) as door:
            limits = {"budget": {"limit": "50", "alerts": [1]}, "concurrent_images": 8}
            made = await door.post("/admin/v1/teams", json={"name": name, "limits": limits})
            assert made.status_code == 201, made.text
            made = await door.post(f"/admin/v1/teams/{name}/keys", json={"alias": "ana"})
            key: str = made.json()["key"]
        self.markers.made[f"virtual key of {name}"] = key
        return key

    async def buy(self, key: str) -> None:
        """Pictures in every way and with every fault, at both replicas; twice under one name; fetched later."""
        random = Random(9)
        prompt = self.markers.prompt("everyday")
        turn = asyncio.Semaphore(AT_ONCE)

        async def one(at: int) -> None:
            chosen = errand(random)
            fields = {**chosen.fields, "prompt": chosen.fields["prompt"].replace("a paper boat", prompt)}
            if not chosen.fields["prompt"]:
                fields["prompt"] = ""
            async with turn, self.client(key, at % 2) as client:
                await run(client, {}, replace(chosen, fields=fields))

        await asyncio.gather(*(one(at) for at in range(ERRANDS)))
        await self.recover(key)
        body = SMALL | {"prompt": prompt, "user": "ana"}
        async with self.client(key) as client:
            for headers in (
                {"Idempotency-Key": "boat"},
                {"Idempotency-Key": "boat"},
                {"x-stainless-lang": "python", "x-stainless-retry-count": "1"},
                {"Prefer": "respond-async"},
            ):
                answer = await client.post(GENERATIONS, json=body, headers=headers)
                assert answer.is_success, answer.text
            request = answer.headers["x-request-id"]
            for path in (f"/v1/images/requests/{request}", "/v1/images/requests", "/v1/usage"):
                await client.get(path)
            await self.open_a_link(client, body | {"response_format": "url"})
            kept = body | {"model": "dall-e-3", "prompt": self.markers.prompt("rewriting"), "size": "1024x1024"}
            kept.pop("quality"), kept.pop("output_format")
            made = await client.post(GENERATIONS, json=kept)
            assert made.is_success, made.text
            assert self.markers.written["rewriting"] in made.json()["data"][0]["revised_prompt"], made.text

    async def open_a_link(self, client: httpx.AsyncClient, body: Mapping[str, Any]) -> None:
        """A picture behind a signed link: opened, opened wrongly, and taken for something else."""
        link: str = (await client.post(GENERATIONS, json=body)).json()["data"][0]["url"]
        self.markers.links.append(link)
        for address, status in (
            (link, 200),
            (f"{link}x", 404),
            (f"{link}?x=1", 200),
            (link.replace("/images/", "/"), 404),
        ):
            assert (await client.get(address)).status_code == status, address
        assert (await client.post(link)).status_code == 405

    async def recover(self, key: str) -> None:
        """Wait until an upstream key that rests after a fault is back."""
        async with self.client(key) as client:

            async def sells() -> bool:
                answer = await client.post(GENERATIONS, json=SMALL | {"prompt": self.markers.prompt("everyday")})
                return answer.status_code == 200

            await until(sells, seconds=30)

    async def echo(self, key: str) -> None:
        """Errors of the upstream that repeat its keys and the prompt, in every form it has for errors."""
        prompt = self.markers.prompt("an echo")
        said = f"{self.markers.upstream_keys[0]} {self.markers.upstream_keys[1]} {prompt}"
        errors: list[Scenario] = []
        for message in (f"failed: {said}", f"Invalid value: '{said}'", f"Invalid value: '{prompt}'"):
            for status, code in ((400, "invalid_value"), (400, "moderation_blocked"), (500, "bad"), (418, None)):
                errors.append(Scenario(status=status, code=code, message=message))
            errors.append(Scenario(content=Content.ERROR_INSIDE_200, message=message, code="invalid_value"))
            errors.append(Scenario(content=Content.ERROR_EVENT, message=message, code="moderation_blocked"))
        errors.append(Scenario(status=504, code="channel:response_time_exceeded", message=said))
        await self.recover(key)
        async with self.client(key) as client:
            for number, scenario in enumerate(errors):
                is_stream = scenario.content is Content.ERROR_EVENT
                self.simulator.next(scenario)
                answer = await client.post(GENERATIONS, json=SMALL | {"prompt": prompt, "stream": is_stream})
                body = await answer.aread()
                self.answers.kept[f"echo {number}: {scenario.content} {scenario.status}"] = body

    async def slip(self, key: str) -> None:
        """Keys that are wrong, and keys in wrong places, of every kind that looks like one."""
        mistyped = self.markers.wrong_key("mistyped key", key)
        async with self.client(self.markers.admin_token) as door:
            made = await door.post("/admin/v1/tokens", json={"name": "eve", "role": "viewer"})
            token = self.markers.made["admin token of eve"] = made.json()["token"]
            for secret in (key, mistyped, token, self.markers.upstream_keys[0]):
                for mistake in pasted_by_an_operator(secret):
                    await make(door, mistake)
        async with self.client(token) as viewer:
            assert (await viewer.post("/admin/v1/teams", json={"name": "x"})).status_code == 403
        async with self.client() as stranger:
            wrong = self.markers.wrong_key("mistyped admin token", token)
            for secret in (mistyped, wrong, self.markers.metrics_token, self.markers.upstream_keys[0]):
                await asyncio.gather(*(make(stranger, mistake) for mistake in wrong_credentials(secret)))
        async with self.client(key, 1) as client:
            for secret in (key, mistyped, token, self.markers.upstream_keys[0]):
                for mistake in pasted(secret, self.markers.prompt("a slip")):
                    await make(client, mistake)
        for at in (0, 1):
            async with self.replicas[at].http(key) as client:  # what it is told are its own words
                for mistake in misplaced(self.markers.prompt("another field")):
                    await make(client, mistake)

    async def look(self) -> None:
        """Every page that repeats what was written."""
        async with self.client(self.markers.admin_token) as door:
            pages = ("/teams", "/teams/design/keys", "/tokens", "/audit", "/overview", "/live", "/usage", "/me")
            others = ("/usage?group_by=user", "/requests?team=design", "/ledger/entries?team=design")
            for path in (*pages, *others, "/ledger/export?team=design", "/ledger/verify?team=design"):
                assert (await door.get(f"/admin/v1{path}")).is_success, path

    async def metrics(self) -> dict[str, bytes]:
        """The scrape of each replica."""
        found = {}
        for at in (0, 1):
            async with self.client(self.markers.metrics_token, at) as client:
                found[f"metrics of {at}"] = (await client.get("/metrics", headers={"Forwarded": "for=x"})).content
        return found
