"""What axe-core finds wrong with a page for people who do not see it, or use no mouse."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from playwright.async_api import Page

from tests.browser.screens import THEMES
from tests.contract.environments import npm_packages

LOCKED_IN = Path(__file__).parent / "node"

TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice")
SERIOUS = ("serious", "critical")

OPTIONS = {
    "runOnly": {"type": "tag", "values": TAGS},
    "rules": {"target-size": {"enabled": True}},  # the one rule of WCAG 2.2, off unless asked for
    "resultTypes": ["violations"],
}


async def assert_accessible(page: Page) -> None:
    """Nothing serious or critical is found, in either theme; what is less so is printed."""
    serious = []
    for theme in THEMES:
        await page.emulate_media(color_scheme=theme)
        for violation in await violations(page):
            told = _told(theme, violation)
            print(told)
            if violation["impact"] in SERIOUS:
                serious.append(told)
    await page.emulate_media(color_scheme="null")
    assert not serious, "\n".join(serious)


async def violations(page: Page) -> list[dict[str, Any]]:
    """Every rule of axe-core the page breaks as it stands, with the elements that do."""
    # Both as expressions from outside: the content security policy lets no script of ours in.
    await page.evaluate(_axe_core())
    found: list[dict[str, Any]] = (await page.evaluate(f"axe.run(document, {json.dumps(OPTIONS)})"))["violations"]
    return found


@cache
def _axe_core() -> str:
    path = npm_packages("axe-core", LOCKED_IN) / "axe-core" / "axe.min.js"
    return path.read_text(encoding="utf-8")


def _told(theme: str, violation: dict[str, Any]) -> str:
    """A violation as a person reads it: its rule, and each element with what is wrong there."""
    nodes = [f"  {node['target']}: {node['failureSummary']}" for node in violation["nodes"]]
    return "\n".join([f"{theme}: {violation['impact']}: {violation['id']}: {violation['help']}", *nodes])
