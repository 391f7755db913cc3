"""Access and the audit log: who may open the operator's door, and what they did there."""

import re

from playwright.async_api import Page, expect

from app.accounts.models import Budget, Limits
from app.money import Money
from tests.browser.axe import assert_accessible
from tests.browser.keys import button
from tests.browser.operator import copied, go_to, heading, kept_by_the_tab, settled, sign_in
from tests.browser.screens import Screenshot
from tests.browser.watching import SECRET, Watch, secrets_on
from tests.support.gateway import ADMIN_TOKEN, Gateway


async def change(gateway: Gateway, method: str, path: str, body: object = None) -> None:
    """Change something at the operator's door, as the command line does."""
    async with gateway.http(ADMIN_TOKEN) as client:
        (await client.request(method, f"/admin/v1{path}", json=body)).raise_for_status()


async def test_a_token_is_made_shown_once_and_revoked(page: Page, gateway: Gateway, screenshot: Screenshot) -> None:
    """A double click makes one token; its text is shown until it was copied; it opens the door until it is revoked."""
    await sign_in(page, gateway, ADMIN_TOKEN)
    await go_to(page, "Access")
    rows = page.get_by_role("row")
    await expect(rows.filter(has_text="bootstrap")).to_contain_text("you")
    await button(page, "Create token").click()
    await page.get_by_label("Name").fill("ana")
    await page.get_by_label("Role").select_option("owner")
    await assert_accessible(page)
    await button(page.get_by_role("dialog"), "Create token").dblclick()
    token = await page.get_by_role("region", name="Admin token", exact=True).inner_text()
    assert SECRET.fullmatch(token)
    await page.keyboard.press("Escape")
    await page.keyboard.press("Escape")
    await button(page, "Copy").click()
    await expect(button(page, "Copied")).to_be_visible()
    assert await copied(page) == token
    await assert_accessible(page)
    await button(page, "I have copied it").click()
    await settled(page)

    assert await secrets_on(page) == []
    assert token not in (await kept_by_the_tab(page)).values()
    assert [(one.name, one.role) for one in await gateway.services.admin_tokens.all()] == [("ana", "owner")]
    await expect(rows.filter(has_text="ana")).to_contain_text("owner")
    await assert_accessible(page)
    await screenshot(page, "access-tokens")
    async with gateway.http(token) as client:
        assert (await client.get("/admin/v1/me")).json()["name"] == "ana"
        await button(page, "Revoke ana").click()
        await expect(page.get_by_role("dialog")).to_contain_text("This cannot be undone.")
        await button(page, "Revoke for ever").click()
        await expect(rows.filter(has_text="ana")).to_have_count(0)
        assert (await client.get("/admin/v1/me")).status_code == 401


async def test_a_name_that_is_taken_is_told(page: Page, gateway: Gateway, watch: Watch) -> None:
    """The form stays open, says so, and leads to the field."""
    watch.allow(409, "/admin/v1/tokens")
    await gateway.services.admin_tokens.create("ana", "viewer")
    await sign_in(page, gateway, ADMIN_TOKEN)
    await go_to(page, "Access")
    await button(page, "Create token").click()
    await page.get_by_label("Name").fill("ana")
    await button(page.get_by_role("dialog"), "Create token").click()

    await expect(page.get_by_role("alert").filter(has_text="'ana' already")).to_be_visible()
    await expect(page.get_by_label("Name")).to_be_focused()


async def test_who_revokes_their_own_token_is_signed_out(page: Page, gateway: Gateway) -> None:
    """The question says so; afterwards nothing is kept, and the form says why."""
    _, token = await gateway.services.admin_tokens.create("ana", "owner")
    await sign_in(page, gateway, token)
    await go_to(page, "Access")
    await button(page, "Revoke ana").click()
    await expect(page.get_by_role("dialog")).to_contain_text("you will be signed out")
    await button(page, "Revoke for ever").click()

    await expect(heading(page)).to_have_text("Sign in")
    await expect(page.get_by_role("alert")).to_contain_text("Your admin token is revoked.")
    assert await kept_by_the_tab(page) == {}


async def test_a_token_that_was_revoked_meanwhile_signs_out(page: Page, gateway: Gateway, watch: Watch) -> None:
    """Whatever is asked next, also out of a dialog, leads to the form, which says why; nothing is kept."""
    watch.allow(401, "/admin/v1/")
    made, token = await gateway.services.admin_tokens.create("ana", "owner")
    await sign_in(page, gateway, token)
    await go_to(page, "Access")
    await button(page, "Create token").click()
    await page.get_by_label("Name").fill("ben")
    await change(gateway, "DELETE", f"/tokens/{made.id}")
    await button(page.get_by_role("dialog"), "Create token").click()

    await expect(heading(page)).to_have_text("Sign in")
    await expect(page.get_by_role("alert")).not_to_be_empty()
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await expect(page.get_by_label("Admin token or virtual key")).to_be_focused()
    assert await kept_by_the_tab(page) == {}
    assert [one.name for one in await gateway.services.admin_tokens.all()] == []


async def test_changes_are_told_as_what_differs(page: Page, gateway: Gateway, screenshot: Screenshot) -> None:
    """Each entry says who did what to whom; of a change the fields that differ, of something new what it began with."""
    team = await gateway.new_team(Limits(images_per_day=5, budget=Budget(Money(10**9))))
    await change(
        gateway, "PATCH", f"/teams/{team.name}", {"limits": {"images_per_day": 1200, "budget": {"limit": "2"}}}
    )
    await change(gateway, "PATCH", f"/teams/{team.name}", {"limits": {"budget": None}})
    await change(gateway, "POST", f"/teams/{team.name}/keys", {"alias": "ana", "models": ["gpt-image-2"]})
    await change(gateway, "POST", f"/teams/{team.name}/keys/ana/revoke")
    await change(gateway, "POST", "/tokens", {"name": "looker"})
    await sign_in(page, gateway, ADMIN_TOKEN)
    await go_to(page, "Audit")
    entries = page.get_by_role("main").get_by_role("listitem")

    await expect(entries).to_contain_text(
        [
            "bootstrap (owner) made the admin token looker",
            f"bootstrap (owner) revoked the key ana of {team.name}",
            f"bootstrap (owner) made the key ana of {team.name}",
            f"bootstrap (owner) changed the team {team.name}",
            f"bootstrap (owner) changed the team {team.name}",
        ]
    )
    await expect(entries.nth(1)).to_contain_text(re.compile("State.*active.*→.*revoked"))
    await expect(entries.nth(3)).to_contain_text(re.compile(r"Budget.*\$2\.00 a month, UTC → .*none"))
    await expect(entries.nth(4)).to_contain_text(re.compile(r"Budget.*\$1\.00 → .*\$2\.00"))
    await expect(entries.nth(4)).to_contain_text(re.compile(r"Pictures per day.*5 → .*1,200"))
    await entries.nth(2).get_by_text("As it was made").click()
    await expect(entries.nth(2).get_by_role("definition").filter(has_text="gpt-image-2")).to_be_visible()
    await assert_accessible(page)
    await screenshot(page, "audit-log")
    await page.get_by_label("Team").select_option(team.name)
    await expect(entries).to_have_count(4)
    await page.reload()
    await expect(page.get_by_label("Team")).to_have_value(team.name)


async def test_older_changes_are_a_button_away(page: Page, gateway: Gateway) -> None:
    """The log comes in pages; the next one is put below, and the focus goes to where it begins."""
    team = await gateway.new_team()
    for number in range(1, 31):
        await change(gateway, "PATCH", f"/teams/{team.name}", {"limits": {"images_per_day": number}})
    await sign_in(page, gateway, ADMIN_TOKEN)
    await go_to(page, "Audit")
    entries = page.get_by_role("main").get_by_role("listitem")
    await expect(entries).to_have_count(25)
    await button(page, "Older").dblclick()

    await expect(entries).to_have_count(30)
    await expect(entries.nth(25)).to_be_focused()
    await expect(entries.last).to_contain_text("before: none → after: 1Request")
    await expect(button(page, "Older")).to_have_count(0)
    await expect(page.get_by_text("That is all of it.")).to_be_visible()


async def test_an_empty_or_absent_log_is_told(
    page: Page, gateway: Gateway, watch: Watch, screenshot: Screenshot
) -> None:
    """Nothing changed yet is no error; a log that cannot be read is one, and can be asked for again."""
    watch.allow(503, "/admin/v1/audit")
    await page.route("**/audit?*", lambda route: route.fulfill(status=503, body='{"detail": "The log is away."}'))
    await sign_in(page, gateway, ADMIN_TOKEN)
    await go_to(page, "Audit")
    await expect(page.get_by_role("alert").filter(has_text="The log is away.")).to_be_visible()
    await screenshot(page, "audit-away")
    await page.unroute("**/audit?*")
    await button(page, "Try again").click()

    await expect(page.get_by_text("Nothing has been changed yet.")).to_be_visible()
    await assert_accessible(page)
