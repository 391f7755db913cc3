"""Read in what kind of file the pictures are wanted, gif and svg of gpt-image-2.6 included."""

from typing import Any

from msgspec import Struct

from app.simulator.family import Family
from app.simulator.fields import choice, flag, integer, relayed, text
from app.simulator.scenario import Container

FORMATS = ("png", "jpeg", "webp")
NEWEST_FORMATS = (*FORMATS, "gif", "svg")
NEWEST = ("gpt-image-2.6",)
"""Models, by the start of their names, that know the newest fields."""
NEWEST_FIELDS = ("complexity", "frame_count", "frame_duration_ms", "svg")
COMPLEXITIES = ("low", "medium", "high")
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
MAX_FRAMES, DEFAULT_FRAMES = 16, 9
DEFAULT_FRAME_MS, FRAME_MS_STEP, MAX_FRAME_MS = 200, 10, 655_350


class FileFormat(Struct, frozen=True):
    """A kind of file with its options, each at what it is when not asked for."""

    name: str
    compression: int = 100
    frames: int = 1
    """Above one for a gif."""
    frame_ms: int = DEFAULT_FRAME_MS
    author: str = ""
    """The model that writes an svg, billed apart."""
    effort: str = "medium"
    """How hard that model thinks."""


def read_format(fields: dict[str, Any], model: str, family: Family, container: Container) -> FileFormat:
    """The kind of file of an order.

    Raises:
        RefusalError: the model knows no such file, or not together with what else is asked for.

    """
    if family.is_dall_e:  # no choice: links end in .webp, as CometAPI's have been seen to
        return FileFormat("webp" if container is Container.URL else "png")
    if family is Family.FLUX:
        return FileFormat("jpeg")
    newest = model.startswith(NEWEST)
    if family.is_gpt and not newest:
        _refuse_newest(fields)
    default = "jpeg" if family is Family.SEEDREAM else "png"
    name = choice(fields, "output_format", NEWEST_FORMATS if newest else FORMATS, default)
    compression = integer(fields, "output_compression", 100, 0, 100)
    if newest:
        choice(fields, "complexity", COMPLEXITIES, "high")  # planning, which no picture of ours shows
        _refuse_strays(fields, name)
    match name:
        case "gif":
            frames = integer(fields, "frame_count", DEFAULT_FRAMES, 2, MAX_FRAMES)
            frame_ms = integer(fields, "frame_duration_ms", DEFAULT_FRAME_MS, 1, MAX_FRAME_MS)
            return FileFormat(name, frames=frames, frame_ms=_rounded(frame_ms))
        case "svg":
            return _read_svg(fields)
        case _:
            return FileFormat(name, compression)


def _refuse_newest(fields: dict[str, Any]) -> None:
    for name in NEWEST_FIELDS:
        if fields.get(name) is not None:
            raise relayed(name, f"Unknown parameter: '{name}'.", "unknown_parameter")


def _refuse_strays(fields: dict[str, Any], name: str) -> None:
    """What does not go with the kind of file."""
    strays = {"svg": name != "svg", "frame_count": name != "gif", "frame_duration_ms": name != "gif"}
    if name in ("gif", "svg"):
        strays |= {"output_compression": True, "stream": flag(fields, "stream")}
        strays |= {"partial_images": integer(fields, "partial_images", 0, 0, 3) > 0}
    for stray, refused in strays.items():
        if refused and fields.get(stray) is not None:
            raise relayed(stray, f"'{stray}' is not supported with output_format '{name}'.")


def _read_svg(fields: dict[str, Any]) -> FileFormat:
    if integer(fields, "n", 1, 1, 10) != 1:
        raise relayed("n", "output_format 'svg' supports n=1 only.")
    svg = fields.get("svg")
    if not isinstance(svg, dict) or not text(svg, "model"):
        raise relayed("svg.model", "Missing required parameter: 'svg.model'.", "missing_required_parameter")
    reasoning = svg.get("reasoning")
    effort = choice(reasoning, "effort", EFFORTS, "medium") if isinstance(reasoning, dict) else "medium"
    return FileFormat("svg", author=text(svg, "model"), effort=effort)


def _rounded(frame_ms: int) -> int:
    """To a gif's own step, never to nothing."""
    return max(round(frame_ms / FRAME_MS_STEP) * FRAME_MS_STEP, FRAME_MS_STEP)
