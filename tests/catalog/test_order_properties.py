"""Normalise, whatever is ordered: a request fit to be sent, or a refusal with a status of the caller's."""

import json
import re
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from app.catalog.catalog import Catalog, load_catalog
from app.catalog.normalise import ImageRequest, normalise
from app.catalog.order import Operation, Order
from app.catalog.policy import Policy
from app.catalog.pricing import quote
from app.catalog.unknown import UnknownModels
from app.errors import GatewayError
from app.money import Money
from tests.catalog.asking import fields_of, on_sale, picture

REFUSING = on_sale(load_catalog())
PASSING = on_sale(load_catalog(unknown=UnknownModels(Money(1_000_000_000))))
MODELS = [*REFUSING.by_name, "gpt-image-99", "nobody/has-it"]
PARAMETERS = sorted({*REFUSING.known, "model", "stream", "partial_images", "response_format", "x", "images"})
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
LIKELY = st.sampled_from(
    ["auto", "1024x1024", "1664*928", "high", "png", "gif", "transparent", "url", "https://a/b", "2", "true", 1, 2, 10,
     True, False]
)  # fmt: skip
FIELDS = st.dictionaries(st.sampled_from(PARAMETERS), LIKELY | JSON)
PICTURES = st.builds(
    picture, st.sampled_from(["image/png", "image/jpeg", "image/gif", ""]), st.sampled_from([0, 1, 5_000_000, 10**8])
)
OPERATIONS: list[Operation] = ["generations", "edits", "variations"]
ITEM = re.compile(r'[a-z][a-z0-9_]*;(dropped|emulated|fanned-out|to="[ !#-\[\]-~]*")')
"""A member of an RFC 9651 List as this gateway writes them: a Token with one parameter."""


@st.composite
def orders(draw: st.DrawFn) -> Order:
    """Any order a door may hand over."""
    named = {"prompt": "p", "model": draw(st.sampled_from(MODELS))}
    fields = fields_of(named | draw(FIELDS))
    from_form = draw(st.booleans())
    if from_form:
        fields = {name: value if isinstance(value, str) else json.dumps(value) for name, value in fields.items()}
    optional = st.none() | PICTURES
    return Order(
        draw(st.sampled_from(OPERATIONS)),
        fields,
        images=tuple(draw(st.lists(PICTURES, max_size=3))),
        mask=draw(optional),
        markup=draw(optional),
        from_form=from_form,
    )


def outcome(order: Order, catalog: Catalog, policy: Policy) -> ImageRequest | int:
    try:
        request = normalise(order, catalog, policy)
    except GatewayError as refusal:
        return refusal.status
    return request


@settings(deadline=None)  # a busy machine is no failure
@given(
    orders(),
    st.booleans(),
    st.builds(Policy, st.booleans(), st.booleans(), st.booleans()),
    st.randoms(),
)
def test_any_order_is_answered(order: Order, unknown_pass: bool, policy: Policy, random: Any) -> None:
    """Every order is a request or a refusal, however its fields are ordered; what is sent would be sent again."""
    catalog = PASSING if unknown_pass else REFUSING
    request = outcome(order, catalog, policy)
    names = list(order.fields)
    random.shuffle(names)
    shuffled = Order(
        order.operation,
        {name: order.fields[name] for name in names},
        order.images,
        order.mask,
        order.markup,
        order.from_form,
    )
    assert outcome(shuffled, catalog, policy) == request
    if isinstance(request, int):
        assert 400 <= request < 500
        return
    assert all(ITEM.fullmatch(change) for change in request.normalized)
    assert not (policy.strict and any("dropped" in change for change in request.normalized))
    again = normalise(Order(order.operation, request.fields, order.images, order.mask, order.markup), catalog, policy)
    assert (again.fields, again.normalized) == (request.fields, ())
    if request.profile.prices is not None:
        assert quote(request).cost > 0
