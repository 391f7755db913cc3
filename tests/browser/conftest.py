"""A Chromium for every test process, and for every test a gateway with its simulator and a window of its own.

The browser outlives the test, so all tests here run in one event loop, and so must their own asynchronous fixtures:
``@pytest_asyncio.fixture(loop_scope="session")``.
"""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from app.simulator.server import Simulator
from tests.browser.screens import Screenshot, picture_taker
from tests.browser.watching import Watch, watched_window
from tests.support.gateway import Gateway, running_gateway
from tests.support.programs import program

HERE = Path(__file__).parent

PATIENCE_MS = 30_000
"""A busy machine is no failure."""

SCREENS_VARIABLE = "SCREENS"
"""Names the folder (`make screens`); without IMAGEGATE_, as the gateway refuses settings it does not know."""

ARGUMENTS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    "--no-proxy-server",
    # The page's own faults are seen by the watch; this is for what a browser does of its own accord.
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
)


@pytest.hookimpl(tryfirst=True)  # before -m chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests that are here into the browser's event loop; those that ask for the browser are slow."""
    for item in items:
        if HERE not in item.path.parents:
            continue
        if pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)
        if isinstance(item, pytest.Function) and "browser" in item.fixturenames:
            item.add_marker(pytest.mark.slow)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """The Chromium of the system."""
    expect.set_options(timeout=PATIENCE_MS)
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(
            executable_path=program("chromium", "chromium"),
            args=ARGUMENTS,
            chromium_sandbox=os.geteuid() != 0,  # it does not start with one for root
        )
        yield launched
        await launched.close()


@pytest_asyncio.fixture(loop_scope="session")
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def gateway(redis_url: str, tmp_path: Path, simulator: Simulator) -> AsyncIterator[Gateway]:
    async with running_gateway(redis_url, tmp_path, simulator) as running:
        yield running


@pytest.fixture
def watch(gateway: Gateway) -> Watch:
    """What must not happen in this test's window; ask for it to allow an answer that is an error."""
    return Watch(gateway.address)


@pytest_asyncio.fixture(loop_scope="session")
async def window(browser: Browser, watch: Watch) -> AsyncIterator[BrowserContext]:
    """A window of the browser, for tests that open several tabs."""
    async with watched_window(browser, watch) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def page(window: BrowserContext) -> Page:
    """The first tab of the window."""
    return await window.new_page()


@pytest.fixture
def screenshot(tmp_path: Path) -> Screenshot:
    """Takes pictures of a page under a name, in both themes, on a phone and on a desktop."""
    return picture_taker(Path(os.environ.get(SCREENS_VARIABLE) or tmp_path / "screens"))
