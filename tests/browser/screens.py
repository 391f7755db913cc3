"""Pictures of a page for a person to look at: in both themes, on a phone and on a desktop."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Literal

from playwright.async_api import Page, ViewportSize

Screenshot = Callable[[Page, str], Awaitable[None]]

THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
SCREENS: tuple[ViewportSize, ...] = ({"width": 390, "height": 844}, {"width": 1440, "height": 900})
"""A phone and a desktop, in CSS pixels."""

STICKING_OUT = """() => {
  const sticksOut = element => element.getBoundingClientRect().left + element.scrollWidth > innerWidth + 1
  const page = document.scrollingElement
  return page.scrollWidth <= innerWidth ? [] : [page, ...document.querySelectorAll('body *')].filter(sticksOut)
    .map(element => element.cloneNode().outerHTML)
}"""
"""Empty where a person never has to scroll sideways; else the elements to look at, from the outermost inwards."""


def picture_taker(folder: Path) -> Screenshot:
    """Takes pictures into a folder: four of each page, called ``<name>-<width>-<theme>.png``."""

    async def screenshot(page: Page, name: str) -> None:
        """Take the page as it is; nothing of it may be wider than the screen."""
        before = page.viewport_size
        for screen in SCREENS:
            await page.set_viewport_size(screen)
            for theme in THEMES:
                await page.emulate_media(color_scheme=theme)
                path = folder / f"{name}-{screen['width']}-{theme}.png"
                await page.screenshot(path=path, full_page=True, animations="disabled")
            wide = await page.evaluate(STICKING_OUT)
            assert not wide, f"{name} is wider than {screen['width']} px: {wide}"
        await page.emulate_media(color_scheme="null")
        if before:
            await page.set_viewport_size(before)

    return screenshot
