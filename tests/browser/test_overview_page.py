"""The overview: what an operator sees at a glance, of a new gateway, of a busy one, and when something is away."""

import re

import pytest
from playwright.async_api import Locator, Page, expect

from app.accounts.models import Budget, Limits
from app.money import Money
from tests.browser.axe import assert_accessible
from tests.browser.operator import BOAT, card, go_to, heading, open_console, settled, sign_in
from tests.browser.screens import Screenshot
from tests.browser.watching import Watch
from tests.ledger.long_ledger import write_ledger
from tests.ledger.scene import Scene, open_scene
from tests.support.gateway import ADMIN_TOKEN, Gateway

CENT = 10_000_000
"""In nano-dollars."""
REFRESHED_MS = 15_000

LOOK = """state => {
  Object.defineProperty(document, 'visibilityState', {value: state, configurable: true})
  document.dispatchEvent(new Event('visibilitychange'))
}"""
"""As a browser does when a tab is left, or seen again."""

TICKS = [
    ([0, 0.038, False], [0, 0.01, 0.02, 0.03, 0.04]),
    ([0, 0, False], [0, 0.5]),
    ([0, 0, True], [0, 1]),
    ([0, 3, True], [0, 1, 2, 3]),
    ([0, 12_345, False], [0, 5_000, 10_000, 15_000]),
    ([-3, 5, False], [-4, -2, 0, 2, 4, 6]),
    ([-3, -1, False], [-3, -2, -1, 0]),
]
"""The least and the most of a chart and whether there are no parts of one; and where its lines are."""


def figure(page: Page, name: str) -> Locator:
    """What a figure says."""
    term = page.get_by_role("term").filter(has_text=re.compile(f"^{name}$"))
    return page.locator("div.figure").filter(has=term).get_by_role("definition")


async def busy_team(gateway: Gateway) -> Scene:
    """A team that has bought 90 pictures in 29 days, for 1 cent each, and may spend two dollars in all."""
    scene = await open_scene(gateway.services.datastore, Limits(budget=Budget(Money(200 * CENT), "total")))
    await write_ledger(scene, 100, cost=CENT)
    return scene


async def test_a_new_gateway_says_what_to_do(page: Page, gateway: Gateway, screenshot: Screenshot) -> None:
    """Without a team it leads to teams; with one and no picture, to the playground. What runs is told all along."""
    await sign_in(page, gateway, ADMIN_TOKEN)
    steps = card(page, "First steps")
    await expect(steps).to_contain_text("There is no team yet")
    await expect(steps.get_by_role("link", name="Keys and teams")).to_have_attribute("href", "#/teams")
    await expect(figure(page, "Spent today")).to_contain_text("$0.00")
    await expect(card(page, "Last 30 days")).to_be_hidden()
    await expect(card(page, "Right now")).to_contain_text("Key 1 of 1in use")
    await expect(card(page, "Right now")).to_contain_text("No team has a request under way")
    await assert_accessible(page)
    await screenshot(page, "overview-new")

    team = await gateway.new_team()
    await page.get_by_role("button", name="Refresh now").click()
    await expect(steps).to_contain_text("No picture has been made")
    await expect(card(page, "Budgets")).to_contain_text("No budget: it may spend without an end.")
    await steps.get_by_role("link", name="Playground").click()
    await expect(heading(page)).to_have_text("Playground")
    await page.go_back()
    await page.get_by_role("link", name=team.name).click()
    await expect(page).to_have_url(re.compile(f"#/teams/{team.name}$"))


async def test_a_busy_gateway_at_a_glance(page: Page, gateway: Gateway, screenshot: Screenshot) -> None:
    """Money against budgets, days and models as charts and as tables, what is held; by mouse, keyboard and ear."""
    scene = await busy_team(gateway)
    await scene.hold("drawn", 10 * CENT, images=2)
    await sign_in(page, gateway, ADMIN_TOKEN)

    budget = card(page, "Budgets").get_by_role("listitem").filter(has_text=scene.team.name)
    words = "$0.90 of $2.00 spent, $0.10 held, $1.00 left"
    await expect(budget.get_by_role("img", name=words)).to_be_visible()
    await expect(budget).to_contain_text("Never resets")
    await expect(card(page, "Right now").get_by_role("row", name=scene.team.name)).to_contain_text("$0.10")

    days = card(page, "Last 30 days")
    chart = days.get_by_role("img", name=re.compile(r"^Spend by day\. \$0\.90 in all, most on "))
    await chart.focus()
    await page.keyboard.press("End")
    await expect(days).to_contain_text(re.compile(r": \$\d\.\d+, \d+ pictures?, so far"))
    await page.keyboard.press("ArrowLeft")
    await expect(days).not_to_contain_text("so far")
    await days.get_by_role("button", name="Pictures").click()
    await expect(days.get_by_role("img", name=re.compile(r"^Pictures by day\. 90 pictures in all"))).to_be_visible()
    await expect(card(page, "Models in these 30 days").get_by_role("img")).to_have_accessible_name(
        re.compile(r"^Spend by model: .*gpt-image-1-mini \$0\.\d+")
    )
    await assert_accessible(page)
    await screenshot(page, "overview")

    await days.get_by_role("button", name="Table").click()
    await expect(days.get_by_role("button", name="Table")).to_have_attribute("aria-pressed", "true")
    await expect(days.get_by_role("row")).to_have_count(1 + 30 + 1)
    await expect(days.get_by_role("row").last).to_contain_text("$0.90")
    await card(page, "Models in these 30 days").get_by_role("button", name="Table").click()
    await assert_accessible(page)
    await screenshot(page, "overview-tables")


async def test_it_stays_fresh_and_keeps_what_it_has(page: Page, gateway: Gateway, watch: Watch) -> None:
    """It asks again by itself; when that fails it says so, shows what it had, and goes on when it can."""
    await page.clock.install()
    team = await gateway.new_team(Limits(budget=Budget(Money(100 * CENT), "month")))
    client = gateway.sdk(await gateway.new_key(team))
    await sign_in(page, gateway, ADMIN_TOKEN)
    await expect(figure(page, "Pictures today")).to_contain_text("0")
    await page.get_by_role("link", name=team.name).focus()

    await client.images.generate(**BOAT)  # type: ignore[call-overload] # any body
    await page.clock.fast_forward(REFRESHED_MS)
    await expect(figure(page, "Pictures today")).to_contain_text("1")
    await expect(figure(page, "Half take at most")).to_contain_text("p50 of 1 request")
    await expect(page.get_by_role("link", name=team.name)).to_be_focused()

    watch.allow(503, "/admin/v1/overview")
    refusal = '{"detail": "Not at the moment.", "code": "store_unavailable"}'
    await page.route("**/admin/v1/overview", lambda route: route.fulfill(status=503, body=refusal))
    await page.clock.fast_forward(REFRESHED_MS)
    await expect(page.get_by_role("alert").filter(has_text="Not refreshed: Not at the moment.")).to_be_visible()
    await expect(figure(page, "Pictures today")).to_contain_text("1")

    await page.unroute("**/admin/v1/overview")
    await page.get_by_label("Refresh every 15 seconds").uncheck()
    await page.get_by_role("button", name="Refresh now").click()
    await expect(page.get_by_text("Not refreshed")).to_have_count(0)


async def test_nobody_looks_so_nothing_is_asked(page: Page, gateway: Gateway) -> None:
    """A tab in the background, or a page that was left, asks nothing; whoever comes back sees what is new."""
    await page.clock.install()
    await sign_in(page, gateway, ADMIN_TOKEN)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.rpartition("/")[2]))
    await page.evaluate(LOOK, "hidden")
    await page.clock.fast_forward(10 * REFRESHED_MS)
    assert asked == []

    async with page.expect_response("**/admin/v1/live"), page.expect_response("**/admin/v1/overview"):
        await page.evaluate(LOOK, "visible")
    await go_to(page, "Audit")
    asked.clear()
    await page.clock.fast_forward(10 * REFRESHED_MS)
    assert not {"live", "overview"} & set(asked)


async def test_a_part_that_fails_takes_no_other_with_it(page: Page, gateway: Gateway, watch: Watch) -> None:
    """Without the sums, what goes on right now is there all the same; trying again brings the rest."""
    watch.allow(503, "/admin/v1/overview")
    refusal = '{"detail": "Redis does not answer.", "code": "store_unavailable"}'
    await page.route("**/admin/v1/overview", lambda route: route.fulfill(status=503, body=refusal))
    await sign_in(page, gateway, ADMIN_TOKEN)
    await expect(page.get_by_role("alert").filter(has_text="Redis does not answer.")).to_be_visible()
    await expect(card(page, "Right now")).to_contain_text("Running since")

    await page.unroute("**/admin/v1/overview")
    await page.get_by_role("button", name="Try again").click()
    await settled(page)
    await expect(figure(page, "Spent this month")).to_contain_text("$0.00")


async def test_trouble_is_told_above_everything(page: Page, gateway: Gateway) -> None:
    """Redis away, no key of the upstream in use, an account without money: in words, also for who may only look."""
    async with gateway.http(ADMIN_TOKEN) as operator:
        viewer = (await operator.post("/admin/v1/tokens", json={"name": "guest", "role": "viewer"})).json()["token"]
        live = (await operator.get("/admin/v1/live")).json()
    balance = {"usd": None, "asked_at": live["started_at"], "error": "the key is refused (status 401)"}
    upstream = {"keys": {"key 1 of 1": "refused"}, "attempts": {"failed": 5}, "balance": balance}
    trouble = live | {"redis": False, "teams": None, "journal_records": 3, "upstream": upstream}
    await page.route("**/admin/v1/live", lambda route: route.fulfill(json=trouble))
    await sign_in(page, gateway, viewer)
    told = page.get_by_role("status").filter(has_text="Redis does not answer")
    await expect(told).to_contain_text("CometAPI is out of use for now")
    now = card(page, "Right now")
    for words in (
        "3 waiting",
        "refused: somebody has to look",
        "5 failed",
        "the key is refused",
        "not known while Redis",
    ):
        await expect(now).to_contain_text(words)
    await expect(card(page, "First steps")).to_contain_text("An owner's token is needed for that")
    await assert_accessible(page)


async def test_lines_of_a_chart_are_at_round_numbers(page: Page, gateway: Gateway) -> None:
    """From the least to the most with zero among them, also below zero, where there is nothing, and without halves."""
    await open_console(page, gateway)
    asked = [arguments for arguments, _ in TICKS]
    script = "async all => { const { ticks } = await import('./chart.js'); return all.map(one => ticks(...one)) }"
    found = await page.evaluate(script, asked)
    for lines, (arguments, wanted) in zip(found, TICKS, strict=True):
        assert lines == pytest.approx(wanted), arguments
