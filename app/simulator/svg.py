"""Write a picture as an SVG: its prompt on a coloured ground, and its serial number."""

from xml.sax.saxutils import escape

SVG = """<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">
<title>{description}</title>
<rect width="100%" height="100%" fill="{colour}"/>
<text x="50%" y="50%" text-anchor="middle" font-size="{font_size}" fill="#ffffff">{prompt}</text>
</svg>
"""


def write_svg(prompt: str, width: int, height: int, colour: str, description: str) -> bytes:
    """One document; letters XML cannot have are left out of the prompt."""
    shown = "".join(letter for letter in prompt if letter.isprintable())
    return SVG.format(
        width=width,
        height=height,
        colour=colour,
        font_size=max(min(width, height) // 20, 8),
        description=escape(description),
        prompt=escape(shown),
    ).encode("utf-8", "replace")
