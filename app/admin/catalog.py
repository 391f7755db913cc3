"""The catalog in JSON: what each model can do, which parameters it takes within which bounds, and what it costs."""

from datetime import date
from typing import Any, Literal

from pydantic import Field

from app.admin.documents import Document
from app.catalog.catalog import Catalog
from app.catalog.description import describe
from app.catalog.order import Operation
from app.catalog.profile import PriceBasis


class PriceBody(Document):
    """What the upstream bills, in dollars."""

    text_input: str = Field(description="Per million tokens.")
    image_input: str
    text_output: str
    image_output: str
    per_image: str = Field(description="Per delivered picture.")
    basis: PriceBasis = Field(description="Whose price it is.")
    source: str


class PicturesBody(Document):
    """The pictures an operation starts from."""

    max_images: int
    max_image_bytes: int
    content_types: list[str]
    mask: bool
    markup: bool


class OperationBody(Document):
    """What an operation takes; all other parameters are left out or refused."""

    parameters: dict[str, dict[str, Any]] = Field(
        description="The rule of each: its `type` (boolean, choice, integer, number, references, size, string) and the "
        "bounds that type has, such as `values`, `min`, `max`, `listed`, `default`."
    )
    pictures: PicturesBody | None = None


class ModelBody(Document):
    """A model."""

    name: str
    aliases: list[str]
    owned_by: str
    state: Literal["offered", "deprecated", "retired", "unpriced"]
    ends: date | None = Field(description="When the provider ends or ended it.")
    replacement: str | None
    container: Literal["b64_json", "url", "either"] = Field(description="What the upstream answers with.")
    streams: bool = Field(description="Whether it sends events itself; else the gateway makes them.")
    fan_out: bool
    prices: PriceBody | None
    operations: dict[Operation, OperationBody]


class CatalogBody(Document):
    """The models of this gateway."""

    version: str
    default_model: str
    models: list[ModelBody]


def catalog_report(catalog: Catalog) -> CatalogBody:
    """The whole catalog, by name; retired and unpriced models too."""
    return CatalogBody(
        version=catalog.version,
        default_model=catalog.default_model,
        models=[ModelBody.model_validate(describe(profile)) for profile in catalog.all()],
    )
