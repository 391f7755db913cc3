"""The answers of these measurements: a base64 picture of every size."""

from typing import Final

from tests.load.answers import Answer, Menu, picture_answer

SIZES_BYTES: Final = (300, 3_000, 30_000, 300_000, 2_100_000, 10_000_000, 40_000_000)
MENU: Final = Menu(tuple(Answer(str(size), picture_answer(size)) for size in SIZES_BYTES))
SMALL: Final = MENU.request("300")
