"""Keys: an operator makes a team and a key, sees its secret once, and takes it out of use."""

import asyncio
import sys
from pathlib import Path

from PIL import Image
from playwright.async_api import Page, Route, expect

from app.accounts.models import Budget, Limits
from app.money import Money
from tests.browser.axe import assert_accessible
from tests.browser.keys import assert_gone, button, create_key, key_called, open_team, shown_secret
from tests.browser.operator import copied, go_to, heading, settled, sign_in
from tests.browser.screens import Screenshot
from tests.browser.watching import Watch
from tests.support.gateway import ADMIN_TOKEN, Gateway


async def create_team(page: Page, screenshot: Screenshot) -> None:
    """Fill in the form for a team, and press its button twice."""
    await button(page, "Create team").click()
    dialog = page.get_by_role("dialog", name="New team")
    await dialog.get_by_label("Name", exact=True).fill("design")
    await dialog.get_by_label("Dollars").first.fill("25")
    await dialog.get_by_label("Period").first.select_option("week")
    await dialog.get_by_label("First day").first.select_option("Wednesday")
    await dialog.get_by_label("Alerts").first.fill("80, 50")
    await dialog.get_by_label("Pictures per minute").first.fill("20")
    await dialog.get_by_text("Defaults for its keys").click()
    await dialog.get_by_label("Pictures per day").last.fill("7")
    await assert_accessible(page)
    await screenshot(page, "keys-new-team")
    await button(dialog, "Create team").dblclick()


async def create_key_with_all(page: Page, screenshot: Screenshot) -> None:
    """Fill in the form for a key, its rare fields, too, and press its button twice."""
    await button(page, "Create key").click()
    dialog = page.get_by_role("dialog", name="New virtual key of design")
    await dialog.get_by_label("Alias").fill("ana")
    await expect(dialog.get_by_label("Pictures per day")).to_have_value("7")
    await dialog.get_by_label("Requests per minute").fill("60")
    await dialog.get_by_label("Only some models").check()
    await dialog.get_by_label("gpt-image-2", exact=True).check()
    await dialog.get_by_label("Expires").fill("2099-01-31T12:00")
    await dialog.get_by_text("Rarely needed").click()
    await button(dialog, "Add a note").click()
    await dialog.get_by_label("Name of the note").fill("who")
    await dialog.get_by_label("Note", exact=True).fill("Ana of design")
    await assert_accessible(page)
    await screenshot(page, "keys-new-key")
    await button(dialog, "Create key").dblclick()


async def test_a_team_and_its_first_key(page: Page, gateway: Gateway, screenshot: Screenshot) -> None:
    """A double click makes one team and one key; the secret is shown until it was copied, works, and then is gone."""
    await sign_in(page, gateway, ADMIN_TOKEN)
    await go_to(page, "Keys and teams")
    await expect(page.get_by_text("No team yet.")).to_be_visible()
    await screenshot(page, "keys-no-team")
    await create_team(page, screenshot)
    await expect(heading(page)).to_have_text("Team design")
    await settled(page)
    [team] = await gateway.services.accounts.teams()
    assert team.limits == Limits(images_per_minute=20, budget=Budget(Money(25 * 10**9), "week", "UTC", 3, (50, 80)))
    assert team.key_limits == Limits(images_per_day=7)
    await expect(page.get_by_text("No key yet.")).to_be_visible()
    await screenshot(page, "keys-no-key")

    await create_key_with_all(page, screenshot)
    secret = await shown_secret(page)
    [key] = await gateway.services.accounts.keys(team.id)
    assert (key.alias, key.models, dict(key.metadata)) == ("ana", ("gpt-image-2",), {"who": "Ana of design"})
    assert key.limits == Limits(requests_per_minute=60, images_per_day=7)
    assert key.expires_at is not None
    assert key.expires_at.isoformat() == "2099-01-31T12:00:00+00:00"
    await page.get_by_text("Copy this key now").click()  # the focus is nowhere then
    for _ in range(3):
        await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog", name="Virtual key of ana")).to_be_visible()
    await button(page, "Copy").first.click()
    await expect(button(page, "Copied")).to_be_visible()
    assert await copied(page) == secret
    await assert_accessible(page)
    await button(page, "I have copied it").click()

    await settled(page)
    await assert_gone(page, secret)
    await expect(page.get_by_role("heading", name="ana", exact=True)).to_be_focused()
    await expect(key_called(page, "ana")).to_contain_text("Only gpt-image-2")
    await assert_accessible(page)
    await screenshot(page, "keys-team")
    async with gateway.http(secret) as client:
        assert (await client.get("/v1/usage")).json()["key"]["alias"] == "ana"


async def test_the_code_beside_a_new_key_is_ready(page: Page, gateway: Gateway, tmp_path: Path) -> None:
    """Python, Node and curl, a tab each, also by the arrow keys, with this gateway's address and key; Python runs."""
    team = await gateway.new_team()
    await open_team(page, gateway, team.name)
    secret = await create_key(page, "ana")
    await page.get_by_role("tab", name="Python").click()
    script = await page.get_by_role("region", name="Code for a first picture, Python").inner_text()
    for name in ("Python", "Node", "curl"):
        await expect(page.get_by_role("tab", name=name)).to_have_attribute("aria-selected", "true")
        code = page.get_by_role("region", name=f"Code for a first picture, {name}")
        await expect(code).to_contain_text(gateway.base_url)
        await expect(code).to_contain_text(secret)
        await page.keyboard.press("ArrowRight")

    await expect(page.get_by_role("tab", name="Python")).to_be_focused()
    running = await asyncio.create_subprocess_exec(sys.executable, "-c", script, cwd=tmp_path)
    assert await running.wait() == 0
    with Image.open(tmp_path / "picture-1.png") as picture:
        assert picture.size == (1024, 1024)


async def test_a_new_key_can_be_tried_at_once(page: Page, gateway: Gateway) -> None:
    """The button leads to the playground, which has the key; neither the page, the address nor the storage shows it."""
    team = await gateway.new_team()
    await open_team(page, gateway, team.name)
    secret = await create_key(page, "ana")
    await button(page, "Try it in the playground").click()

    await expect(heading(page)).to_have_text("Playground")
    await settled(page)
    await assert_gone(page, secret)


async def test_rotate_disable_enable_revoke(page: Page, gateway: Gateway, screenshot: Screenshot) -> None:
    """Each is what the gateway does from the next request on; the badges say so, and what is final asks before."""
    team = await gateway.new_team()
    old = await gateway.new_key(team)
    await open_team(page, gateway, team.name)
    key = key_called(page, "tester")

    async def answer_to(text: str) -> int:
        async with gateway.http(text) as client:
            return (await client.get("/v1/usage")).status_code

    await button(page, "Rotate tester").click()
    await page.get_by_label("The old secret still works for").select_option("An hour")
    await button(page.get_by_role("dialog"), "Rotate").click()
    new = await shown_secret(page)
    await button(page, "I have copied it").click()
    await settled(page)
    await assert_gone(page, new)
    await expect(key).to_contain_text("rotated")
    assert (new != old, await answer_to(old), await answer_to(new)) == (True, 200, 200)

    await button(page, "Disable tester").click()
    await screenshot(page, "keys-disable")
    await button(page.get_by_role("dialog"), "Disable").click()
    await expect(key).to_contain_text("disabled")
    assert await answer_to(new) == 401
    await button(page, "Enable tester").click()
    await expect(key).to_contain_text("active")
    assert await answer_to(new) == 200

    await button(page, "Revoke tester").click()
    await expect(button(page, "Cancel")).to_be_focused()
    await button(page, "Cancel").click()
    assert await answer_to(new) == 200
    await button(page, "Revoke tester").click()
    await button(page, "Revoke for ever").click()
    await expect(key).to_contain_text("revoked")
    await expect(key.get_by_role("button")).to_have_count(0)
    assert await answer_to(new) == 401
    await assert_accessible(page)


async def test_a_create_whose_answer_got_lost_is_done_once(page: Page, gateway: Gateway, watch: Watch) -> None:
    """Pressed again after a lost answer, the key is not made twice; that its secret is lost is told."""
    watch.allow(502, "/keys")
    team = await gateway.new_team()
    await open_team(page, gateway, team.name)

    async def lose(route: Route) -> None:
        await route.fetch()
        await route.fulfill(status=502, body="")

    await page.route("**/keys", lose, times=1)
    await button(page, "Create key").click()
    await page.get_by_label("Alias").fill("ana")
    await button(page.get_by_role("dialog"), "Create key").click()
    await expect(page.get_by_role("alert").filter(has_text="502")).to_be_visible()
    await button(page.get_by_role("dialog"), "Create key").click()

    await expect(page.get_by_role("dialog")).to_contain_text("Rotate the key to get a new one.")
    await button(page, "Close").click()
    await expect(page.get_by_role("heading", name="ana", exact=True)).to_be_focused()
    assert len(await gateway.services.accounts.keys(team.id)) == 1
