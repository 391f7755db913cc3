"""The public price list against the catalog: what differs, what is taken at its dearest, what is never taken over."""

from collections.abc import Mapping
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from app.catalog.catalog import load_catalog
from app.catalog.price_list import Difference, ListedPrice, compare
from app.catalog.profile import Profile
from app.money import Money, parse_dollars, token_price

SHIPPED = load_catalog()
TODAY = date(2026, 11, 22)


def by_tokens(text_input: str, output: str) -> ListedPrice:
    """A price as the list has it, in dollars per million."""
    return ListedPrice(input=token_price(text_input), output=token_price(output))


def differences(
    listed: Mapping[str, ListedPrice], profiles: tuple[Profile, ...] = SHIPPED.profiles()
) -> dict[str, Difference]:
    """What a list changes in a catalog."""
    return {found.model: found for found in compare(profiles, SHIPPED.by_name, listed, TODAY)}


def test_the_same_price_is_no_difference() -> None:
    """CometAPI's price of gpt-image-2 is the shipped one; models that the list does not have are left out."""
    assert differences({"gpt-image-2": by_tokens("4", "24"), "some-llm": by_tokens("1", "2")}) == {}


def test_every_figure_that_differs_is_told() -> None:
    """Ours, theirs, and the change; the price of pictures sent along grows with that of text."""
    found = differences({"gpt-image-2": by_tokens("5", "24")})["gpt-image-2"]
    assert [(c.what, c.ours, c.theirs, c.percent) for c in found.changes()] == [
        ("text_input", "$4.00", "$5.00", "+25.0 %"),
        ("image_input", "$8.00", "$10.00", "+25.0 %"),
    ]
    assert found.obstacle == ""


def test_a_list_price_becomes_cometapis() -> None:
    """A model priced from its maker's list changes its basis even where the figures are the same."""
    found = differences({"gpt-image-1-mini": by_tokens("2", "8")})["gpt-image-1-mini"]
    assert [(c.what, c.ours, c.theirs) for c in found.changes()] == [("basis", "list", "cometapi")]


def test_a_model_is_found_by_any_of_its_names() -> None:
    """The list may have it under an alias."""
    assert "gpt-image-2" in differences({"gpt-image-2-2026-04-21": by_tokens("5", "24")})


def test_a_request_is_a_picture() -> None:
    """A price per request is taken for each picture, which is never too little."""
    found = differences({"qwen-image": ListedPrice(per_request=parse_dollars("0.035"))})["qwen-image"]
    assert found.theirs is not None
    assert found.theirs.per_image == parse_dollars("0.035")
    assert [(c.what, c.ours, c.theirs) for c in found.changes()] == [
        ("per_image", "-", "$0.035"),
        ("basis", "unpriced", "cometapi"),
    ]


@pytest.mark.parametrize(
    ("model", "price", "obstacle"),
    [
        ("gpt-image-2", ListedPrice(fault="listed without a price"), "listed without a price"),
        ("gpt-image-2", by_tokens("0.004", "0.024"), "text_input differs by more than 10 times"),
        ("gpt-image-2", by_tokens("4", "240.001"), "text_output differs by more than 10 times"),
        ("gpt-image-2", ListedPrice(per_request=parse_dollars("0.01")), "the other way round"),
        ("qwen-image", by_tokens("4", "24"), "no [quote]"),
    ],
)
def test_what_is_never_taken_over(model: str, price: ListedPrice, obstacle: str) -> None:
    """An unusable price, one of another unit or kind, and tokens of a model whose tokens nobody can count."""
    assert obstacle in differences({model: price})[model].obstacle


def test_a_price_of_ten_times_is_still_believed() -> None:
    """The bound itself is inside."""
    assert differences({"gpt-image-2": by_tokens("40", "240")})["gpt-image-2"].obstacle == ""


def test_taking_a_list_over_twice_changes_nothing_more() -> None:
    """Whatever was taken over before, a list leads to the same prices; no price creeps up with the number of syncs."""

    def synced(profile: Profile, price: ListedPrice) -> Profile:
        found = differences({profile.name: price}, (profile,)).get(profile.name)
        return replace(profile, prices=found.theirs) if found else profile

    ours = SHIPPED.find("gpt-image-2")
    up = synced(ours, by_tokens("5", "30"))
    down = synced(up, by_tokens("4", "24"))
    assert differences({"gpt-image-2": by_tokens("4", "24")}, (up,)).keys() == {"gpt-image-2"}
    assert differences({"gpt-image-2": by_tokens("4", "24")}, (down,)) == {}


@given(
    text=st.integers(1, 10_000_000).map(Money),
    output=st.integers(1, 10_000_000).map(Money),
    name=st.sampled_from(sorted(profile.name for profile in SHIPPED.profiles())),
)
def test_pictures_sent_along_are_never_cheaper_than_listed_input(text: Money, output: Money, name: str) -> None:
    """Whatever the list says, an input picture's token costs at least what an input token does."""
    found = differences({name: ListedPrice(input=text, output=output)}).get(name)
    if found is not None and found.theirs is not None:
        assert found.theirs.image_input >= text
