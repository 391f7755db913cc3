"""One team: its limits, how it and its keys stand, and who may change what."""

import json
import re
from datetime import UTC, datetime

from playwright.async_api import Page, expect

from app.accounts.models import Budget, Limits
from app.money import Money
from tests.browser.axe import assert_accessible
from tests.browser.keys import button, key_called, open_team
from tests.browser.operator import go_to, settled, sign_in
from tests.browser.screens import Screenshot
from tests.browser.watching import Watch
from tests.support.gateway import Gateway

CHANGING = re.compile("create|edit|rotate|disable|enable|revoke", re.IGNORECASE)


async def test_only_what_changed_is_sent(page: Page, gateway: Gateway) -> None:
    """Limits of a team, its defaults and a key are changed part by part; a field that was emptied is taken away."""
    limits = Limits(requests_per_minute=9, images_per_day=5, budget=Budget(Money(10**9)))
    team = await gateway.new_team(limits)
    await gateway.new_key(team)
    await open_team(page, gateway, team.name)
    patches: list[object] = []
    page.on("request", lambda request: patches.append(request.post_data_json) if request.method == "PATCH" else None)

    await button(page, "Edit limits of the team").click()
    await page.get_by_label("Dollars").fill("2.50")
    await page.get_by_label("Pictures per day").fill("")
    await button(page, "Save").dblclick()
    await expect(button(page, "Edit limits of the team")).to_be_focused()
    await button(page, "Edit defaults for new keys").click()
    await page.get_by_label("Pictures at the same time").fill("2")
    await button(page, "Save").click()
    await settled(page)
    await button(page, "Edit tester").click()
    await page.get_by_text("Rarely needed").click()
    await page.get_by_label("Heartbeat, seconds").fill("20")
    await page.get_by_label("Tokens per minute").fill("1000")
    await button(page, "Save").click()
    await expect(page.get_by_role("heading", name="tester", exact=True)).to_be_focused()
    await button(page, "Edit tester").click()
    await page.get_by_label("Heartbeat, seconds").fill("")
    await button(page, "Save").click()
    await expect(page.get_by_role("heading", name="tester", exact=True)).to_be_focused()
    await button(page, "Edit tester").click()
    await button(page, "Save").click()
    await expect(page.get_by_role("heading", name="tester", exact=True)).to_be_focused()

    assert patches == [
        {"limits": {"images_per_day": None, "budget": {"limit": "2.50"}}},
        {"key_limits": {"concurrent_images": 2}},
        {"limits": {"tokens_per_minute": 1000}, "heartbeat_seconds": 20},
        {"heartbeat_seconds": None},
    ]
    await expect(page.get_by_text("$2.50 a month, UTC")).to_be_visible()


async def test_a_wrong_limit_is_told_at_its_field(page: Page, gateway: Gateway, watch: Watch) -> None:
    """What the form sees is not sent, what the gateway refuses is told by the field's name; both get the focus."""
    watch.allow(400, "/admin/v1/teams/")
    team = await gateway.new_team()
    await open_team(page, gateway, team.name)
    await button(page, "Edit limits of the team").click()
    await page.get_by_label("Dollars").fill("much")
    await button(page, "Save").click()
    await expect(page.get_by_role("alert").filter(has_text="Dollars: ")).to_be_in_viewport()
    await expect(page.get_by_label("Dollars")).to_be_focused()
    await page.get_by_label("Dollars").fill("5")
    await page.get_by_label("Time zone").fill("Atlantis")
    await button(page, "Save").click()

    await expect(page.get_by_role("alert").filter(has_text="Time zone: not a time zone")).to_be_in_viewport()
    await expect(page.get_by_label("Time zone")).to_be_focused()
    await assert_accessible(page)


async def test_bars_tell_what_is_spent(page: Page, gateway: Gateway) -> None:
    """After a picture was bought the team's bar, the key's and the list of teams tell the same spend."""
    team = await gateway.new_team(Limits(budget=Budget(Money(10**9))))
    client = gateway.sdk(await gateway.new_key(team))
    await client.images.generate(model="gpt-image-2", prompt="a boat", size="1024x1024", quality="low")
    [entry] = await gateway.entries(team.id)
    await open_team(page, gateway, team.name)
    spent = f"${entry.cost / 10**9:.6f}".rstrip("0")
    words = re.compile(rf"^{re.escape(spent)} of \$1\.00 spent, \$0\.\d+ left$")

    await expect(page.get_by_role("img", name=words)).to_be_visible()
    await expect(key_called(page, "tester")).to_contain_text(f"{spent} spent")
    await go_to(page, "Keys and teams")
    row = page.get_by_role("row").filter(has_text=team.name)
    await expect(row).to_contain_text(f"{spent} of $1.00 spent")
    await expect(row.get_by_role("cell").last).to_have_text("1")


async def test_one_of_many_keys_is_found(page: Page, gateway: Gateway) -> None:
    """A long list can be searched by alias, id and notes, and shows what is of use only, if wanted."""
    team = await gateway.new_team()
    for number in range(9):
        await gateway.new_key(team, metadata=(("seat", f"row {number}"),))
    [first, *_] = await gateway.services.accounts.keys(team.id)
    await gateway.services.accounts.revoke_key(team.id, first.id)
    await gateway.new_key(team, expires_at=datetime(2026, 1, 31, tzinfo=UTC))
    await open_team(page, gateway, team.name)
    keys = page.get_by_role("heading", name="tester")
    await expect(keys).to_have_count(10)
    await expect(page.get_by_role("listitem").filter(has_text="expired")).to_contain_text("on Jan 31, 2026")
    await page.get_by_label("Without revoked and expired ones").check()
    await expect(keys).to_have_count(8)
    await page.get_by_label("Find").fill("ROW 8")

    await expect(keys).to_have_count(1)
    await expect(page.get_by_text("1 of 10 keys")).to_be_visible()
    await assert_accessible(page)


async def test_a_viewer_only_looks(page: Page, gateway: Gateway, screenshot: Screenshot) -> None:
    """With a viewer's token there is nothing to change anything with on these pages, and everything to be seen."""
    team = await gateway.new_team(Limits(budget=Budget(Money(10**9))))
    await gateway.new_key(team)
    _, token = await gateway.services.admin_tokens.create("looker", "viewer")
    await sign_in(page, gateway, token)
    for name in ("Keys and teams", "Access", "Audit"):
        await go_to(page, name)
        await expect(page.get_by_role("main").get_by_role("button", name=CHANGING)).to_have_count(0)
    await page.goto(f"/console/#/teams/{team.name}")

    await expect(key_called(page, "tester")).to_be_visible()
    await settled(page)
    await expect(page.get_by_role("main").get_by_role("button")).to_have_count(0)
    await screenshot(page, "keys-viewer")


async def test_one_failed_part_leaves_the_others(
    page: Page, gateway: Gateway, watch: Watch, screenshot: Screenshot
) -> None:
    """Where the books cannot be read the keys are there all the same; a team that is not there is told as such."""
    watch.allow(503, "/standing")
    watch.allow(404, "/admin/v1/teams/nobodys")
    team = await gateway.new_team()
    await gateway.new_key(team)
    away = json.dumps({"status": 503, "detail": "The books are away.", "code": "store_unavailable"})
    await page.route("**/standing", lambda route: route.fulfill(status=503, body=away))
    await open_team(page, gateway, team.name)
    await expect(page.get_by_role("alert").filter(has_text="The books are away.")).to_be_visible()
    await expect(key_called(page, "tester")).to_contain_text("active")
    await screenshot(page, "keys-books-away")
    await page.unroute("**/standing")
    await button(page, "Try again").click()
    await expect(page.get_by_text("$0.00 spent").first).to_be_visible()
    await button(page, "Create key").click()
    await page.goto("/console/#/teams/nobodys")

    await expect(page.get_by_role("dialog")).to_have_count(0)
    await expect(page.get_by_role("alert").filter(has_text="There is no team")).to_be_visible()
