"""Write a picture as one entry of ``data``: base64 in one of its spellings, or a link and what lies behind it."""

import base64

from app.simulator.links import LinkedPicture, lay_out, name_link
from app.simulator.orders import ImageOrder
from app.simulator.scenario import Container, Scenario, Spelling

CONTENT_TYPES = {"svg": "image/svg+xml"}
"""Where it is not ``image/`` and the name of the format."""


def hand_over(
    order: ImageOrder, scenario: Scenario, picture: bytes, origin: str
) -> tuple[dict[str, str], dict[str, LinkedPicture]]:
    """An entry, and what has to lie at which path and query for its link, if it is one."""
    if order.container is Container.B64_JSON:
        return {"b64_json": spell(order, scenario, picture)}, {}
    if scenario.spelling is Spelling.DATA_URI:
        return {"url": spell(order, scenario, picture)}, {}
    path = name_link(order.family, order.file.name)
    entry = {"url": f"{scenario.link_origin or origin}{path}"}
    return entry, lay_out(path, _content_type(order), picture, scenario)


def spell(order: ImageOrder, scenario: Scenario, picture: bytes) -> str:
    """A picture as text."""
    match scenario.spelling:
        case Spelling.STANDARD:
            return base64.b64encode(picture).decode("ascii")
        case Spelling.UNPADDED:
            return base64.b64encode(picture).decode("ascii").rstrip("=")
        case Spelling.WRAPPED:
            return base64.encodebytes(picture).decode("ascii")
        case Spelling.DATA_URI:
            return f"data:{_content_type(order)};base64,{base64.b64encode(picture).decode('ascii')}"


def _content_type(order: ImageOrder) -> str:
    return CONTENT_TYPES.get(order.file.name, f"image/{order.file.name}")
