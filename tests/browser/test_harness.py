"""The browser tests see what they are there to see: pages with one fault each, behind the console's own headers."""

import json
import re
from pathlib import Path

import pytest
from playwright.async_api import Browser, BrowserContext, Page, Route

from tests.browser.axe import LOCKED_IN, assert_accessible, violations
from tests.browser.screens import picture_taker
from tests.browser.watching import Watch, watched_window
from tests.support.gateway import ADMIN_TOKEN, Gateway

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "require-trusted-types-for 'script'"
)
FAULTLESS = "<main><h1>A page</h1><p>with a sentence.</p></main>"


async def show(window: BrowserContext, body: str, script: str = "") -> Page:
    """A tab with a page made of this body and this script, at the address of the gateway."""
    head = '<meta name=viewport content="width=device-width"><title>A page</title><link rel=icon href="data:,">'
    text = f'<!doctype html><html lang="en"><head>{head}<script src="/pretended.js" defer></script></head>{body}</html>'
    files = {"/pretended": ("text/html; charset=utf-8", text), "/pretended.js": ("text/javascript", script)}

    async def answer(route: Route) -> None:
        kind, content = files["/" + route.request.url.rpartition("/")[2]]
        headers = {"Content-Type": kind, "Content-Security-Policy": POLICY}
        await route.fulfill(body=content, headers=headers)

    await window.route(re.compile("/pretended"), answer)
    page = await window.new_page()
    await page.goto("/pretended")
    return page


def pictures_in(folder: Path) -> set[str]:
    """What the pictures in a folder are called."""
    return {path.stem for path in folder.glob("*.png")}


async def test_a_faultless_page_has_no_faults(window: BrowserContext, tmp_path: Path) -> None:
    """Nothing the tests do to a page, looking, measuring or taking pictures, breaks its content security policy."""
    page = await show(window, FAULTLESS, "console.log('all is well'); sessionStorage.token = 'mine'")
    await assert_accessible(page)
    await picture_taker(tmp_path)(page, "faultless")
    assert pictures_in(tmp_path) == {f"faultless-{size}-{theme}" for size in (390, 1440) for theme in ("light", "dark")}


async def watch_a_page_do(browser: Browser, address: str, script: str) -> None:
    """Let a page do this in a watched window, until all it asked for has come."""
    async with watched_window(browser, Watch(address)) as window:
        page = await show(window, FAULTLESS, script)
        await page.wait_for_load_state("networkidle")


@pytest.mark.parametrize(
    ("script", "complaint"),
    [
        ("console.error('this went wrong')", "console error: this went wrong"),
        ("console.warn('this may go wrong')", "console warning: this may go wrong"),
        ("throw new Error('never caught')", "uncaught: .*never caught"),
        ("Promise.reject(new Error('never awaited'))", "uncaught: .*never awaited"),
        ("document.body.setAttribute('style', 'color: red')", "content security policy: style-src-attr forbids inline"),
        ("document.body.innerHTML = '<p>'", "content security policy: require-trusted-types-for"),
        ("fetch('http://127.0.0.1:9/').catch(() => 0)", "content security policy: connect-src"),
        ("location = 'http://127.0.0.1:9/'", "went elsewhere: GET http://127.0.0.1:9/"),
        ("fetch('/v1/models')", "answered 401: GET .*/v1/models"),
        ("location.hash = 'sk-ig-team-key-secret'", "the address has a secret in it: sk-ig-team-key-secret"),
        (f"history.pushState(0, '', '?token={ADMIN_TOKEN}')", f"the address has a secret in it: {ADMIN_TOKEN}"),
        (f"fetch('/healthz?token={ADMIN_TOKEN}')", f"a request's address has a secret in it: {ADMIN_TOKEN}"),
        ("document.cookie = 'token=1'", "there are cookies: .*token"),
        ("localStorage.token = 'sk-ig-team-key-secret'", "a secret outlives the tab"),
    ],
)
async def test_a_watched_window_tells_of_what_must_not_happen(
    browser: Browser, gateway: Gateway, script: str, complaint: str
) -> None:
    """Each fault, of a page or of what it asks for, is one of the window's, and names itself."""
    with pytest.raises(AssertionError, match=complaint):
        await watch_a_page_do(browser, gateway.address, script)


async def test_an_answer_that_was_allowed_is_no_fault(window: BrowserContext, watch: Watch) -> None:
    """A test that refuses something on purpose says which answer it means."""
    watch.allow(401, "/v1/models")
    page = await show(window, FAULTLESS)
    assert await page.evaluate("fetch('/v1/models').then(answer => answer.status)") == 401


async def test_what_hinders_people_is_found(window: BrowserContext, capsys: pytest.CaptureFixture[str]) -> None:
    """A picture without words fails the page; a heading too many is only printed; both name the element."""
    page = await show(window, '<main><h1>A page</h1><h4>Deep</h4><img class="bare" src="data:,"></main>')
    with pytest.raises(AssertionError, match=r"light: critical: image-alt(?s:.)*img(?s:.)*dark: critical: image-alt"):
        await assert_accessible(page)
    assert "moderate: heading-order" in capsys.readouterr().out
    assert {found["id"] for found in await violations(page)} >= {"image-alt", "heading-order"}


async def test_small_targets_are_found(window: BrowserContext) -> None:
    """The rule of WCAG 2.2 that axe-core leaves off is on."""
    tiny = "for (const one of document.querySelectorAll('button')) one.style = 'font: 4px serif; padding: 0; border: 0'"
    page = await show(window, "<main><h1>A page</h1><button>a</button><button>b</button></main>", tiny)
    assert "target-size" in {found["id"] for found in await violations(page)}


async def test_a_page_wider_than_a_phone_is_found(window: BrowserContext, tmp_path: Path) -> None:
    """What sticks out is named."""
    page = await show(window, '<main><h1>A page</h1><pre class="wide">' + "long" * 50 + "</pre></main>")
    with pytest.raises(AssertionError, match=r'(?s)wider than 390 px.*class="wide"'):
        await picture_taker(tmp_path)(page, "wide")


def test_the_lock_of_axe_names_no_registry() -> None:
    """It comes from wherever the machine's npm is told to, and is known by its hash."""
    locked = json.loads((LOCKED_IN / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    assert [name for name in locked if name] == ["node_modules/axe-core"]
    assert locked["node_modules/axe-core"]["integrity"].startswith("sha512-")
    assert "://" not in str(locked)
