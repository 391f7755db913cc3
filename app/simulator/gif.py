"""Encode a picture as a GIF that moves: a bar grows along its lower edge, from frame to frame."""

import io

from PIL import Image, ImageDraw

COLOURS = 64
BAR_SHARE = 32
"""The bar is as high as this part of the picture."""


def encode_gif(image: Image.Image, frames: int, frame_ms: int, description: str) -> bytes:
    """One file with so many frames, played for ever, that says in its comment what it is."""
    still = image.convert("RGB").quantize(COLOURS, method=Image.Quantize.FASTOCTREE)
    moving = [_with_bar(still, frame + 1, frames) for frame in range(frames)]
    file = io.BytesIO()
    moving[0].save(
        file,
        "GIF",
        save_all=True,
        append_images=moving[1:],
        duration=frame_ms,
        loop=0,
        comment=description.encode("ascii"),
        optimize=False,
    )
    return file.getvalue()


def _with_bar(still: Image.Image, frame: int, frames: int) -> Image.Image:
    picture = still.copy()
    top = still.height - max(still.height // BAR_SHARE, 1)
    ImageDraw.Draw(picture).rectangle((0, top, max(still.width * frame // frames, 1) - 1, still.height), fill=0)
    return picture
