"""My usage: what a teammate with nothing but a virtual key sees of it."""

import asyncio
import re

import openai
import pytest
from playwright.async_api import Page, expect

from app.accounts.models import Budget, Limits
from app.money import Money
from app.simulator.scenario import Scenario
from tests.browser.axe import assert_accessible
from tests.browser.operator import BOAT, card, copied, heading, sign_in
from tests.browser.screens import Screenshot
from tests.browser.watching import Watch, secrets_on
from tests.support.gateway import ADMIN_TOKEN, Gateway

DOLLAR = 10**9
REFRESHED_MS = 15_000
LIMITED = Limits(budget=Budget(Money(DOLLAR), "month", "Asia/Kolkata"), images_per_minute=10, concurrent_images=2)


async def test_a_teammate_sees_use_limits_and_requests(page: Page, gateway: Gateway, screenshot: Screenshot) -> None:
    """What was bought and what is left, whose each limit is, and what became of each request; never the key."""
    await page.clock.install()
    team = await gateway.new_team(LIMITED)
    key = await gateway.new_key(team)
    client = gateway.sdk(key)
    await client.images.generate(**BOAT)  # type: ignore[call-overload] # any body
    gateway.simulator.next(Scenario(status=400, code="content_policy_violation"))
    with pytest.raises(openai.BadRequestError):
        await client.images.generate(**BOAT | {"prompt": "a rude boat"})  # type: ignore[call-overload]
    await sign_in(page, gateway, key)

    mine = card(page, "What this key has used")
    await expect(mine).to_contain_text(f"Virtual key tester of team {team.name}")
    await expect(mine).to_contain_text("1 of 2 requests delivered")
    await expect(mine).to_contain_text("Days and months are those of Asia/Kolkata")
    limits = card(page, "Limits").get_by_role("listitem")
    await expect(limits).to_have_count(3)
    budget = limits.filter(has=page.get_by_role("heading", name="Budget"))
    await expect(budget).to_contain_text("the team's")
    words = re.compile(r"\$0\.00\d+ of \$1\.00 used, \$0\.99\d* left")
    await expect(budget.get_by_role("img", name=words)).to_be_visible()
    await expect(budget).to_contain_text("Resets in")
    rows = card(page, "My requests").get_by_role("row")
    await expect(rows).to_have_count(1 + 2)
    await expect(rows.nth(1)).to_contain_text("failed")
    await expect(rows.nth(2)).to_contain_text("delivered")
    await assert_accessible(page)
    await screenshot(page, "mine")

    gateway.simulator.next(Scenario(withhold=True))
    third = asyncio.create_task(client.images.generate(**BOAT))  # type: ignore[call-overload]
    await gateway.simulator.waiting(1)
    await page.clock.fast_forward(REFRESHED_MS)
    await expect(rows.nth(1)).to_contain_text("in progress")
    await expect(rows.nth(1)).to_contain_text("at most $0.00")
    gateway.simulator.release()
    await third
    await page.clock.fast_forward(REFRESHED_MS)
    await expect(mine).to_contain_text("2 of 3 requests delivered")
    await expect(rows).to_have_count(1 + 3)
    assert await secrets_on(page) == []
    await rows.nth(1).get_by_role("link").click()
    await expect(page).to_have_url(re.compile(r"#/mine/req_\w+$"))


async def test_a_new_key_is_told_how_to_begin(page: Page, gateway: Gateway, screenshot: Screenshot) -> None:
    """Nothing used, no limit, no request, and code that uses the key without showing it."""
    key = await gateway.new_key(await gateway.new_team())
    await sign_in(page, gateway, key)
    await expect(card(page, "Limits")).to_contain_text("No limit")
    await expect(card(page, "My requests")).to_contain_text("No request in the last day")
    await expect(card(page, "By model")).to_contain_text("Nothing was used this month")
    use = card(page, "Use this key")
    await use.get_by_role("button", name="Copy").first.click()
    assert f"OPENAI_BASE_URL={gateway.base_url}" in await copied(page)
    await use.get_by_role("tab", name="curl").click()
    await expect(use.get_by_role("tabpanel")).to_contain_text(f"{gateway.base_url}/images/generations")
    assert await secrets_on(page) == []
    await assert_accessible(page)
    await screenshot(page, "mine-new")
    await card(page, "By model").get_by_role("link", name="Playground").click()
    await expect(heading(page)).to_have_text("Playground")


async def test_a_key_that_was_taken_back_signs_out(page: Page, gateway: Gateway, watch: Watch) -> None:
    """The next time it asks, the page says why the key does not work any more, and nothing of it is left."""
    await page.clock.install()
    watch.allow(401, "/v1/")
    team = await gateway.new_team()
    key = await gateway.new_key(team)
    await sign_in(page, gateway, key)
    [known] = await gateway.services.accounts.keys(team.id)
    async with gateway.http(ADMIN_TOKEN) as operator:
        answer = await operator.post(f"/admin/v1/teams/{team.name}/keys/{known.id}/revoke")
    assert answer.status_code == 200
    await page.clock.fast_forward(REFRESHED_MS)
    await expect(heading(page)).to_have_text("Sign in")
    await expect(page.get_by_role("alert")).to_contain_text("revoked")
    assert await secrets_on(page) == []


async def test_a_list_that_fails_takes_no_other_part_with_it(page: Page, gateway: Gateway, watch: Watch) -> None:
    """The numbers are there while the requests are not; trying again brings those."""
    watch.allow(503, "/v1/images/requests")
    refusal = '{"error": {"message": "The store is away.", "code": "store_unavailable"}}'
    await page.route("**/v1/images/requests*", lambda route: route.fulfill(status=503, body=refusal))
    await sign_in(page, gateway, await gateway.new_key(await gateway.new_team()))
    await expect(page.get_by_role("alert").filter(has_text="The store is away.")).to_be_visible()
    await expect(card(page, "What this key has used")).to_contain_text("no requests")

    await page.unroute("**/v1/images/requests*")
    await page.get_by_role("button", name="Try again").click()
    await expect(card(page, "My requests")).to_contain_text("No request in the last day")
