"""A window of the browser that is watched: whatever must not happen in it is a fault, wherever it happens."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import unquote

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Frame, Page, Request, Response, WebError

from tests.support.gateway import ADMIN_TOKEN

SECRET = re.compile(rf"sk-ig-[0-9A-Za-z]+-[0-9A-Za-z]+-[0-9A-Za-z]+|{re.escape(ADMIN_TOKEN)}")
"""What only its holder may see: a whole virtual key or admin token. The public id is the part before the last dash."""

TELL_OF_VIOLATIONS = """
document.addEventListener('securitypolicyviolation', event =>
  console.error(`content security policy: ${event.effectiveDirective} forbids ${event.blockedURI} ${event.sample}`))
"""
"""Chromium complains of most violations by itself, and says of none which one it was."""

EVERYTHING_ON_A_PAGE = """[document.documentElement.outerHTML, location.href,
  ...[...document.querySelectorAll('input, textarea')].map(field => field.value)].join(' ')"""

GIVEN_UP = "net::ERR_ABORTED"
"""The page itself gave the request up, or was left meanwhile: nothing failed."""


@dataclass  # without slots: Playwright keeps something of its own on whatever listens
class Watch:
    """What must not happen in a window, and what a test lets happen all the same."""

    address: str
    faults: list[str] = field(default_factory=list)
    _refusals: set[tuple[int, str]] = field(default_factory=set)

    def allow(self, status: int, path: str) -> None:
        """Let answers of this status be: those to addresses that have ``path`` in them."""
        self._refusals.add((status, path))

    def follow(self, context: BrowserContext) -> None:
        """Watch a window from now on, with every tab it has and will have."""
        context.on("page", self._on_page)
        context.on("console", self._on_console)
        context.on("weberror", self._on_error)
        context.on("request", self._on_request)
        context.on("requestfailed", self._on_failed_request)
        context.on("response", self._on_response)

    def _on_page(self, page: Page) -> None:
        page.on("framenavigated", self._on_address)

    def _on_address(self, frame: Frame) -> None:
        # Unlike that of a request, this address has its fragment, where the console keeps the name of its page.
        self._expect_no_secret("the address", frame.url)

    def _on_console(self, message: ConsoleMessage) -> None:
        # What is complained of here was an answer or a failed request, and is judged there.
        if message.type in ("error", "warning") and not message.text.startswith("Failed to load resource"):
            self.faults.append(f"console {message.type}: {message.text}")

    def _on_error(self, error: WebError) -> None:
        self.faults.append(f"uncaught: {error.error}")

    def _on_request(self, request: Request) -> None:
        if not request.url.startswith((f"{self.address}/", f"blob:{self.address}/", "data:")):
            self.faults.append(f"went elsewhere: {request.method} {request.url}")
        self._expect_no_secret("a request's address", request.url)

    def _on_failed_request(self, request: Request) -> None:
        if request.failure != GIVEN_UP:
            self.faults.append(f"failed: {request.method} {request.url}: {request.failure}")

    def _on_response(self, response: Response) -> None:
        is_allowed = any(response.status == status and path in response.url for status, path in self._refusals)
        if response.status >= 400 and not is_allowed:
            self.faults.append(f"answered {response.status}: {response.request.method} {response.url}")

    def _expect_no_secret(self, where: str, address: str) -> None:
        if found := SECRET.search(unquote(address)):
            self.faults.append(f"{where} has a secret in it: {found[0]}")


@asynccontextmanager
async def watched_window(browser: Browser, watch: Watch) -> AsyncIterator[BrowserContext]:
    """A window that shares nothing with any other; when the block ends, nothing may have happened that must not."""
    context = await browser.new_context(
        base_url=watch.address,
        viewport={"width": 1440, "height": 900},
        locale="en-GB",
        timezone_id="UTC",
        reduced_motion="reduce",  # no picture is taken, and no contrast measured, half-way
        permissions=["clipboard-read", "clipboard-write"],
    )
    try:
        await context.add_init_script(TELL_OF_VIOLATIONS)
        watch.follow(context)
        yield context
        kept = await context.storage_state()
        assert not watch.faults, "\n".join(watch.faults)
        assert not kept["cookies"], f"there are cookies: {kept['cookies']}"
        assert not SECRET.search(str(kept["origins"])), f"a secret outlives the tab: {kept['origins']}"
    finally:
        await context.close()


async def secrets_on(page: Page) -> list[str]:
    """The secrets that stand anywhere in a page, seen or not."""
    return SECRET.findall(await page.evaluate(EVERYTHING_ON_A_PAGE))
