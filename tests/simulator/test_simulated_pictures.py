"""The pictures are real: they decode, have the size asked for, and tell each other apart."""

import io

import pytest
from PIL import Image

from app.simulator.pictures import Sketch, draw, draw_preview, read_serial


@pytest.mark.parametrize("output_format", ["png", "jpeg", "webp"])
@pytest.mark.parametrize(("width", "height"), [(1024, 1024), (1536, 1024), (272, 816)])
def test_decodable_at_the_asked_size(output_format: str, width: int, height: int) -> None:
    """Each format decodes wholly, at the asked size, and carries its serial number."""
    picture = draw(Sketch("a fox reading in the rain", width, height, output_format), serial=7)

    with Image.open(io.BytesIO(picture)) as image:
        image.load()
        assert (image.format, image.size) == (output_format.upper(), (width, height))
    assert read_serial(picture) == 7


def test_prompt_decides_the_looks() -> None:
    """The same prompt and serial number give the same picture; another prompt gives other colours."""
    fox, again, owl = (draw(Sketch(prompt, 256, 256), serial=1) for prompt in ("fox", "fox", "owl"))

    assert fox == again
    corners = []
    for picture in (fox, owl):
        with Image.open(io.BytesIO(picture)) as image:
            corners.append(image.getpixel((0, 0)))
    assert corners[0] != corners[1]


def test_prompt_is_shown() -> None:
    """The text changes the middle of the picture, not just its metadata."""
    sketch = Sketch("fox", 512, 512)
    with Image.open(io.BytesIO(draw(sketch, 1))) as first, Image.open(io.BytesIO(draw(sketch, 2))) as second:
        assert first.tobytes() != second.tobytes()
        assert max(first.convert("L").crop((150, 200, 362, 312)).tobytes()) == 255


def test_padding_is_harmless() -> None:
    """Padding makes the file as large as asked and leaves it decodable."""
    picture = draw(Sketch("fox", 256, 256, padding_bytes=1_000_000), serial=1)

    assert len(picture) > 1_000_000
    with Image.open(io.BytesIO(picture)) as image:
        image.load()


@pytest.mark.parametrize("prompt", ["", "\x00\n\t", "狐が雨の中で新聞を読む 🦊", "x" * 5000, "word " * 6000])
def test_any_prompt_can_be_drawn(prompt: str) -> None:
    """Empty, unprintable, foreign, unbroken and endless prompts all give a picture."""
    assert read_serial(draw(Sketch(prompt, 128, 128), serial=3)) == 3


def test_transparent_background() -> None:
    """A transparent picture has corners one can see through."""
    with Image.open(io.BytesIO(draw(Sketch("fox", 256, 256, "webp", transparent=True), serial=1))) as image:
        assert image.getpixel((0, 0)) == (0, 0, 0, 0)


def test_previews_become_clearer() -> None:
    """Each preview is larger and sharper than the one before, and all are of the same picture."""
    sketch = Sketch("fox", 512, 512)
    previews = [draw_preview(sketch, 5, index, previews=3) for index in range(3)]

    contrasts = []
    for preview in (*previews, draw(sketch, 5)):
        with Image.open(io.BytesIO(preview)) as image:
            contrasts.append((image.width, max(image.convert("L").tobytes())))
        assert read_serial(preview) == 5
    assert [width for width, _ in contrasts] == [128, 256, 384, 512]
    assert contrasts == sorted(contrasts, key=lambda pair: pair[1])


def test_foreign_picture_has_no_serial() -> None:
    """A picture of somebody else's is told apart."""
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "PNG")

    with pytest.raises(ValueError, match="serial number"):
        read_serial(file.getvalue())
