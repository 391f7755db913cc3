"""The whole story in one window: a team, its key, a picture, the spend that moves, and the key that is refused."""

from playwright.async_api import Locator, Page, expect

from app.money import dollars
from tests.browser.operator import go_to, heading, settled, sign_in, sign_out
from tests.browser.watching import SECRET, Watch
from tests.support.gateway import ADMIN_TOKEN, Gateway


def button(within: Page | Locator, name: str) -> Locator:
    """A button by exactly this name."""
    return within.get_by_role("button", name=name, exact=True)


async def new_team_and_key(page: Page) -> str:
    """Make the team `design` with $5 and the key `ana`; its secret, whose dialog is left open."""
    await go_to(page, "Keys and teams")
    await button(page, "Create team").click()
    dialog = page.get_by_role("dialog", name="New team")
    await dialog.get_by_label("Name", exact=True).fill("design")
    await dialog.get_by_label("Dollars").first.fill("5")
    await button(dialog, "Create team").click()
    await expect(heading(page)).to_have_text("Team design")
    await settled(page)
    await button(page, "Create key").click()
    dialog = page.get_by_role("dialog", name="New virtual key of design")
    await dialog.get_by_label("Alias").fill("ana")
    await button(dialog, "Create key").click()
    secret = await page.get_by_role("region", name="Virtual key", exact=True).inner_text()
    assert SECRET.fullmatch(secret)
    return secret


async def make_picture(page: Page) -> None:
    """Make the smallest picture in the playground, and see it."""
    await page.get_by_label("Prompt", exact=True).fill("a paper boat")
    await page.get_by_label("Size", exact=True).select_option("1024x1024")
    await page.get_by_label("Quality", exact=True).select_option("low")
    await button(page, "Make").click()
    picture = page.get_by_role("img", name="Picture 1: a paper boat").first
    await expect(picture).to_be_visible()
    assert await picture.evaluate("image => image.decode().then(() => image.naturalWidth)") == 1024


async def test_from_a_team_to_a_refused_key(page: Page, gateway: Gateway, watch: Watch) -> None:
    """What an operator does on the first day, and what the teammate sees of it."""
    await sign_in(page, gateway, ADMIN_TOKEN)
    secret = await new_team_and_key(page)
    await button(page, "Try it in the playground").click()
    await expect(heading(page)).to_have_text("Playground")
    await make_picture(page)
    await settled(page)

    [team] = await gateway.services.accounts.teams()
    [entry] = await gateway.entries(team.id)
    spent = f"${dollars(entry.cost)}"
    await go_to(page, "Overview")
    await expect(page.get_by_text(f"{spent} of $5.00 spent").first).to_be_visible()
    await go_to(page, "Ledger")
    await page.get_by_role("link", name=entry.request).first.click()
    await settled(page)
    await expect(page.get_by_text(spent).first).to_be_visible()
    for stage in ("authenticate", "normalise", "quote", "admit", "forward", "settle", "record"):
        await expect(page.get_by_text(stage, exact=True).first).to_be_visible()

    await go_to(page, "Keys and teams")
    await page.get_by_role("link", name="design", exact=True).click()
    await settled(page)
    await button(page, "Revoke ana").click()
    await button(page.get_by_role("dialog"), "Revoke for ever").click()
    await settled(page)
    await expect(page.get_by_text("revoked", exact=True).first).to_be_visible()

    watch.allow(401, "/v1/")
    await go_to(page, "Playground")
    await expect(page.get_by_text("This virtual key is revoked.").first).to_be_visible()
    await sign_out(page)
    await page.get_by_label("Admin token or virtual key").fill(secret)
    await button(page, "Sign in").click()
    await expect(page.get_by_role("alert").filter(has_text="This virtual key is revoked.")).to_be_visible()
    assert len(await gateway.entries(team.id)) == 1
