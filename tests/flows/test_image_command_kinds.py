"""``imagegate image``: the kind of picture that a file's name asks for, and changes told in words."""

import json
from pathlib import Path

import pytest
from PIL import Image

from tests.support.gateway import Gateway
from tests.support.terminal import Terminal

BOAT = ("image", "a paper boat", "--size", "1024x1024", "--quality", "low")


@pytest.fixture
async def key(gateway: Gateway) -> str:
    """A teammate's."""
    return await gateway.new_key(await gateway.new_team())


async def told(gateway: Gateway, key: str, *words: str | Path) -> tuple[str, str]:
    """What a command that succeeds prints, and what it remarks."""
    done = await Terminal(gateway).run(*map(str, (*BOAT, *words)), IMAGEGATE_KEY=key)
    assert done.exit_code == 0, done.output
    return done.stdout, done.stderr


@pytest.mark.parametrize(("name", "kind"), [("boat.jpg", "JPEG"), ("boat.JPEG", "JPEG"), ("boat.webp", "WEBP")])
async def test_a_name_asks_for_its_kind(gateway: Gateway, key: str, tmp_path: Path, name: str, kind: str) -> None:
    """Of a picture and of a change of one, where no format is given."""
    path = tmp_path / name
    _, remark = await told(gateway, key, "-o", path)
    with Image.open(path) as picture:
        assert picture.format == kind
    await told(gateway, key, "-i", path, "-o", tmp_path / f"changed-{name}")
    with Image.open(tmp_path / f"changed-{name}") as picture:
        assert picture.format == kind
    assert remark == ""


async def test_what_is_given_wins(gateway: Gateway, key: str, tmp_path: Path) -> None:
    """An option or a parameter over a name; a name that ends in .png asks for nothing, for that is what models give."""
    await told(gateway, key, "-o", tmp_path / "boat.png")
    assert "output_format" not in json.loads(gateway.simulator.received[-1].body)
    _, remark = await told(gateway, key, "--output-format", "png", "-o", tmp_path / "boat.jpg")
    assert "boat.jpg is a png" in remark
    await told(gateway, key, "--param", "output_format=webp", "-o", tmp_path / "boat.jpeg")
    assert json.loads(gateway.simulator.received[-1].body)["output_format"] == "webp"


async def test_what_would_be_changed_is_told_in_words(gateway: Gateway, key: str) -> None:
    """What is left out and what another name stands for; nothing of the model where none is named."""
    words = ("--model", "gpt-image-2-2026-04-21", "--param", "style=vivid", "--quote")
    printed, _ = await told(gateway, key, *words)
    assert printed.splitlines()[1] == "Changed or left out: model is gpt-image-2, style is left out."
    printed, _ = await told(gateway, key, "--quote")
    assert "Changed" not in printed
