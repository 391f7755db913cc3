"""The frame of the console: who signs in sees their pages and nobody else does, with a mouse or without one."""

import json

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, Page, expect

from tests.browser.axe import assert_accessible
from tests.browser.operator import (
    give_secret,
    go_to,
    heading,
    kept_by_the_tab,
    navigation,
    open_console,
    settled,
    sign_in,
    sign_out,
    tab_to,
)
from tests.browser.screens import Screenshot
from tests.browser.watching import Watch, secrets_on
from tests.support.gateway import ADMIN_TOKEN, Gateway

OPERATORS = ["Overview", "Keys and teams", "Usage", "Ledger", "Playground", "Access", "Audit"]
TEAMMATES = ["My usage", "Playground"]


@pytest_asyncio.fixture(loop_scope="session")
async def key(gateway: Gateway) -> str:
    """A teammate's virtual key."""
    return await gateway.new_key(await gateway.new_team())


async def test_an_operator_sees_all_pages(page: Page, gateway: Gateway, screenshot: Screenshot) -> None:
    """The admin token opens every page; each says which one it is, above, in the title and in the navigation."""
    await sign_in(page, gateway, ADMIN_TOKEN)

    await expect(heading(page)).to_have_text("Overview")
    await expect(navigation(page).get_by_role("link")).to_have_text(OPERATORS)
    await screenshot(page, "shell-operator")
    for name in OPERATORS:
        await go_to(page, name)
        title = await heading(page).inner_text()
        await expect(page).to_have_title(f"{title} · imagegate")
        await expect(navigation(page).locator("[aria-current=page]")).to_have_text([name])
        assert await secrets_on(page) == []


async def test_a_teammate_sees_what_is_theirs(page: Page, gateway: Gateway, key: str) -> None:
    """A virtual key opens its own usage and the playground; an operator's address is nothing to it."""
    await sign_in(page, gateway, key)
    await expect(heading(page)).to_have_text("My usage")
    await expect(navigation(page).get_by_role("link")).to_have_text(TEAMMATES)
    await page.goto("/console/#/audit")

    await expect(heading(page)).to_have_text("Nothing here")
    await expect(navigation(page).locator("[aria-current]")).to_have_count(0)
    assert await secrets_on(page) == []


@pytest.mark.parametrize(
    ("secret", "path"),
    [
        ("no-such-admin-token", "/admin/v1/me"),
        ("sk-ig-admin-nobody-nosecret", "/admin/v1/me"),
        ("sk-ig-a-b-c", "/v1/usage"),
    ],
)
async def test_a_wrong_secret_is_told(page: Page, gateway: Gateway, watch: Watch, secret: str, path: str) -> None:
    """Whoever gives a wrong one is told so at once, also who only hears it, and can try again."""
    watch.allow(401, path)
    await open_console(page, gateway)
    await give_secret(page, secret)

    await expect(page.get_by_role("alert")).not_to_be_empty()
    await expect(page.get_by_role("alert")).not_to_contain_text(secret)
    assert await kept_by_the_tab(page) == {}
    await give_secret(page, ADMIN_TOKEN)
    await expect(heading(page)).to_have_text("Overview")


async def test_nothing_is_asked_without_a_secret(page: Page, gateway: Gateway) -> None:
    """An empty field is told in the page; nothing goes to the gateway."""
    await open_console(page, gateway)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await page.get_by_role("button", name="Sign in").click()

    await expect(page.get_by_role("alert")).to_contain_text("Admin token or virtual key")
    await expect(page.get_by_label("Admin token or virtual key")).to_be_focused()
    assert asked == []


async def test_a_double_click_signs_in_once(page: Page, gateway: Gateway) -> None:
    """The gateway is asked who this is one time, however often the button is pressed."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await open_console(page, gateway)
    await page.get_by_label("Admin token or virtual key").fill(ADMIN_TOKEN)
    await page.get_by_role("button", name="Sign in").dblclick()

    await expect(heading(page)).to_have_text("Overview")
    assert [url for url in asked if url.endswith("/me")] == [f"{gateway.address}/admin/v1/me"]


async def test_a_reload_keeps_who_is_signed_in_and_where(page: Page, gateway: Gateway) -> None:
    """The tab remembers the secret; the address says the page, and back and forward go between pages."""
    await sign_in(page, gateway, ADMIN_TOKEN)
    await go_to(page, "Ledger")
    await page.reload()
    await expect(heading(page)).to_have_text("Ledger")
    await settled(page)
    await page.go_back()
    await expect(heading(page)).to_have_text("Overview")
    await page.go_forward()
    await expect(heading(page)).to_have_text("Ledger")


async def test_another_tab_knows_nothing(page: Page, gateway: Gateway, window: BrowserContext) -> None:
    """The secret belongs to the tab it was given to: another one asks for it."""
    await sign_in(page, gateway, ADMIN_TOKEN)
    other = await window.new_page()
    await open_console(other, gateway)

    assert await kept_by_the_tab(other) == {}
    await expect(navigation(other)).to_have_count(0)


async def test_a_secret_not_to_be_kept_is_gone_with_the_page(page: Page, gateway: Gateway) -> None:
    """Who does not want to stay signed in is not: nothing is stored, and a reload asks again."""
    await open_console(page, gateway)
    await page.get_by_label("Stay signed in until this tab is closed").uncheck()
    await give_secret(page, ADMIN_TOKEN)
    await expect(heading(page)).to_have_text("Overview")
    assert await kept_by_the_tab(page) == {}
    await page.reload()

    await expect(heading(page)).to_have_text("Sign in")


async def test_signing_out_forgets_the_secret(page: Page, gateway: Gateway) -> None:
    """Afterwards nothing of it is stored or shown, and neither a reload nor the back button brings it back."""
    await sign_in(page, gateway, ADMIN_TOKEN)
    await go_to(page, "Audit")
    assert ADMIN_TOKEN in (await kept_by_the_tab(page)).values()
    await sign_out(page)

    assert await kept_by_the_tab(page) == {}
    assert await secrets_on(page) == []
    await expect(navigation(page)).to_have_count(0)
    await page.go_back()
    await expect(heading(page)).to_have_text("Sign in")
    await page.reload()
    await expect(heading(page)).to_have_text("Sign in")


async def test_a_key_that_was_revoked_meanwhile_is_told(page: Page, gateway: Gateway, watch: Watch, key: str) -> None:
    """Whoever comes back with a key that opens nothing any more reads why, and is signed out."""
    watch.allow(401, "/v1/usage")
    await sign_in(page, gateway, key)
    await gateway.services.accounts.revoke_key(*key.split("-")[2:4])
    await page.reload()

    await expect(heading(page)).to_have_text("Sign in")
    await expect(page.get_by_role("alert")).to_contain_text("revoked")
    assert await kept_by_the_tab(page) == {}


async def test_the_console_needs_no_mouse(page: Page, gateway: Gateway) -> None:
    """Type and Enter sign in; Tab and Enter go to a page, whose heading has the focus then; the same way out again."""
    await open_console(page, gateway)
    await expect(page.get_by_label("Admin token or virtual key")).to_be_focused()
    await page.keyboard.type(ADMIN_TOKEN)
    await page.keyboard.press("Enter")
    await expect(heading(page)).to_be_focused()
    await tab_to(page, navigation(page).get_by_role("link", name="Usage"), backwards=True)
    await page.keyboard.press("Enter")
    await expect(heading(page)).to_have_text("Usage")
    await expect(heading(page)).to_be_focused()
    await expect(page.get_by_role("status")).to_have_text("Usage")
    await tab_to(page, page.get_by_role("button", name="Sign out"), backwards=True)
    await page.keyboard.press("Enter")

    await expect(page.get_by_label("Admin token or virtual key")).to_be_focused()


async def test_the_first_stop_skips_what_is_the_same_everywhere(page: Page, gateway: Gateway) -> None:
    """Before everything else is a link that is seen when it has the focus, and leads to what the page is about."""
    await sign_in(page, gateway, ADMIN_TOKEN)
    skip = page.get_by_role("link").first
    await tab_to(page, skip, backwards=True)

    await expect(skip).to_have_text("Skip to content")
    await expect(skip).to_be_in_viewport(ratio=1)
    await page.keyboard.press("Enter")
    await expect(heading(page)).to_be_focused()
    await expect(heading(page)).to_have_text("Overview")


async def test_the_form_is_for_everybody(page: Page, gateway: Gateway, watch: Watch, screenshot: Screenshot) -> None:
    """Signing in, a wrong secret, a page and one that is not there: nothing hinders anybody, on any screen."""
    watch.allow(401, "/admin/v1/me")
    await open_console(page, gateway)
    await assert_accessible(page)
    await screenshot(page, "shell-sign-in")
    await give_secret(page, "no-such-admin-token")
    await expect(page.get_by_role("alert")).not_to_be_empty()
    await assert_accessible(page)
    await screenshot(page, "shell-wrong-secret")
    await sign_in(page, gateway, ADMIN_TOKEN)
    await assert_accessible(page)
    await page.goto("/console/#/no-such-page")
    await expect(heading(page)).to_have_text("Nothing here")
    await assert_accessible(page)
    await screenshot(page, "shell-nothing-here")


async def test_an_address_that_is_none_leads_nowhere(page: Page, gateway: Gateway) -> None:
    """Half a percent sign is no name of a team: the page says so, and the way back works."""
    await sign_in(page, gateway, ADMIN_TOKEN)
    await page.goto(f"{gateway.address}/console/#/teams/%")
    await expect(heading(page)).to_have_text("Nothing here")
    await page.get_by_role("link", name="To the first page").click()
    await expect(heading(page)).to_have_text("Overview")


async def test_notes_may_be_called_anything(page: Page, gateway: Gateway) -> None:
    """Names that every object of the language has are told from those of a document: none is lost in a change."""
    await open_console(page, gateway)
    patch = await page.evaluate(
        """async () => {
            const { mergePatch } = await import("/console/differences.js");
            const before = JSON.parse('{"constructor": "c", "__proto__": "p", "toString": "t", "kept": "1"}');
            const added = mergePatch({}, before);
            return [mergePatch(before, { kept: "1" }), added].map((patch) => JSON.stringify(patch));
        }"""
    )
    assert json.loads(patch[0]) == {"constructor": None, "__proto__": None, "toString": None}
    assert json.loads(patch[1]) == {"constructor": "c", "__proto__": "p", "toString": "t", "kept": "1"}


async def test_the_next_person_finds_nothing_of_the_one_before(page: Page, gateway: Gateway) -> None:
    """What the tab remembers survives a reload, and is forgotten when somebody signs in with another secret."""
    key = await gateway.new_key(await gateway.new_team())
    await sign_in(page, gateway, key)
    await page.evaluate("sessionStorage.setItem('imagegate.draft', '\"a secret plan\"')")
    await page.reload()
    await settled(page)
    assert "imagegate.draft" in await kept_by_the_tab(page)
    await page.evaluate("sessionStorage.removeItem('imagegate.secret')")
    await page.reload()
    await give_secret(page, await gateway.new_key(await gateway.new_team()))
    await settled(page)
    assert "imagegate.draft" not in await kept_by_the_tab(page)
