"""What a person does in the console, found by what it is called as they would find it."""

from playwright.async_api import Locator, Page, expect

from tests.support.gateway import Gateway

MOST_TABS = 60
"""More stops of the Tab key than any page has before the thing somebody wants."""


BOAT = {"model": "gpt-image-2", "prompt": "a paper boat", "size": "1024x1024", "quality": "low"}
"""The body of a small picture's generation."""


def card(page: Page, name: str) -> Locator:
    """A part of the page by its name."""
    return page.get_by_role("region", name=name, exact=True)


def heading(page: Page) -> Locator:
    """The one heading that says which page this is."""
    return page.get_by_role("heading", level=1)


def navigation(page: Page) -> Locator:
    """The links to the pages; there are none before somebody is signed in."""
    return page.get_by_role("navigation", name="Pages")


async def open_console(page: Page, gateway: Gateway) -> None:
    """Go to the console without being signed in, and see its form."""
    await page.goto(f"{gateway.address}/console/")
    await expect(heading(page)).to_have_text("Sign in")


async def give_secret(page: Page, secret: str) -> None:
    """Fill in the form, and send it."""
    await page.get_by_label("Admin token or virtual key").fill(secret)
    await page.get_by_role("button", name="Sign in").click()


async def sign_in(page: Page, gateway: Gateway, secret: str) -> None:
    """Sign in with an admin token or a virtual key, and see the first page of whoever that is."""
    await open_console(page, gateway)
    await give_secret(page, secret)
    await expect(navigation(page)).to_be_visible()
    await settled(page)


async def sign_out(page: Page) -> None:
    """Sign out, and be where one signs in."""
    await page.get_by_role("button", name="Sign out").click()
    await expect(heading(page)).to_have_text("Sign in")


async def go_to(page: Page, name: str) -> None:
    """Go to a page by its link above, and see all of it."""
    link = navigation(page).get_by_role("link", name=name, exact=True)
    await link.click()
    await expect(link).to_have_attribute("aria-current", "page")
    await settled(page)


async def settled(page: Page) -> None:
    """Wait until nothing on the page is under way."""
    await expect(heading(page)).to_be_visible()
    await expect(page.locator("[aria-busy=true]")).to_have_count(0)


async def tab_to(page: Page, wanted: Locator, *, backwards: bool = False) -> None:
    """Press Tab until this has the focus, as somebody without a mouse does; fails if it never has."""
    for _ in range(MOST_TABS):
        if await wanted.evaluate("element => element === document.activeElement"):
            return
        await page.keyboard.press("Shift+Tab" if backwards else "Tab")
    raise AssertionError(f"the Tab key does not lead to {wanted}")


async def kept_by_the_tab(page: Page) -> dict[str, str]:
    """Everything in the tab's session storage."""
    kept: dict[str, str] = await page.evaluate("({...sessionStorage})")
    return kept


async def copied(page: Page) -> str:
    """What is on the clipboard."""
    text: str = await page.evaluate("navigator.clipboard.readText()")
    return text
