"""The layout of ``[price]`` in a profile file, checked by pydantic."""

from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, StringConstraints, model_validator

from app.catalog.profile import UnitPrices
from app.money import Money, parse_dollars, token_price

Text = Annotated[str, StringConstraints(min_length=1)]


class PriceTable(BaseModel):
    """``[price]``: US dollars, per million tokens or per picture; zero is no price, and no price means refused."""

    model_config = ConfigDict(extra="forbid")

    unpriced: bool = False
    text_input: Decimal | None = None
    image_input: Decimal | None = None
    text_output: Decimal | None = None
    image_output: Decimal | None = None
    per_image: Decimal | None = None
    basis: Literal["cometapi", "list", "operator"] = "operator"
    """Shipped files and those of a sync say theirs, so a file that says nothing was written by the operator."""
    source: Text

    @model_validator(mode="after")
    def _priced_or_not(self) -> Self:
        tokens = (self.text_input, self.image_input, self.text_output, self.image_output)
        given = [price for price in (*tokens, self.per_image) if price is not None]
        if self.unpriced == bool(given):
            raise ValueError("give prices, or unpriced = true, and not both")
        if any(price <= 0 for price in given):
            raise ValueError("a price is above zero; a model without a known price is unpriced = true")
        if any(tokens) and not all(tokens):
            raise ValueError("token prices come as four: text_input, image_input, text_output, image_output")
        self.to_prices()
        return self

    def to_prices(self) -> UnitPrices | None:
        """Exact nano-dollars, or None for an unpriced model; ValueError for a price finer than one."""
        if self.unpriced:
            return None
        return UnitPrices(
            text_input=_per_token(self.text_input),
            image_input=_per_token(self.image_input),
            text_output=_per_token(self.text_output),
            image_output=_per_token(self.image_output),
            per_image=parse_dollars(f"{self.per_image or Decimal(0):f}"),
            source=self.source,
            basis=self.basis,
        )


def _per_token(dollars_per_million: Decimal | None) -> Money:
    return token_price(f"{dollars_per_million or Decimal(0):f}")
