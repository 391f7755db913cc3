"""What an operator does with teams and virtual keys, and what is seen of a secret."""

import json
import re

from playwright.async_api import Locator, Page, expect

from tests.browser.operator import go_to, heading, kept_by_the_tab, settled, sign_in
from tests.browser.watching import SECRET, secrets_on
from tests.support.gateway import ADMIN_TOKEN, Gateway


def button(within: Page | Locator, name: str) -> Locator:
    """A button by exactly this name."""
    return within.get_by_role("button", name=name, exact=True)


def key_called(page: Page, alias: str) -> Locator:
    """A key's place in its team's list."""
    return page.get_by_role("listitem").filter(has=page.get_by_role("heading", name=alias, exact=True))


async def open_team(page: Page, gateway: Gateway, team: str) -> None:
    """Sign in, and go to a team's page as one does: by its name in the list."""
    await sign_in(page, gateway, ADMIN_TOKEN)
    await go_to(page, "Keys and teams")
    await page.get_by_role("link", name=team, exact=True).click()
    await expect(heading(page)).to_have_text(f"Team {team}")
    await settled(page)


async def create_key(page: Page, alias: str) -> str:
    """Make a key with nothing but an alias; its secret, whose dialog is left open."""
    await button(page, "Create key").click()
    await page.get_by_label("Alias").fill(alias)
    await button(page.get_by_role("dialog"), "Create key").click()
    return await shown_secret(page)


async def shown_secret(page: Page) -> str:
    """The secret that the open dialog shows."""
    text = await page.get_by_role("region", name=re.compile("^(Virtual key|Admin token)$")).inner_text()
    assert SECRET.fullmatch(text)
    return text


async def assert_gone(page: Page, secret: str) -> None:
    """Nothing of a secret is left where somebody could find it."""
    await expect(page.get_by_role("dialog")).to_have_count(0)
    assert await secrets_on(page) == []
    assert secret not in json.dumps(await kept_by_the_tab(page))
