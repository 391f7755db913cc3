"""A request is known again by what it asks for: by all of it, and by nothing else."""

import hashlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace

from app.catalog.catalog import load_catalog
from app.catalog.normalise import ImageRequest, normalise
from app.catalog.order import InputImage, Order
from app.catalog.policy import Policy
from app.requests.fingerprint import fingerprint, idempotency_digest

MODEL = "gpt-image-2"
CATALOG = load_catalog()
BOAT = {"model": MODEL, "prompt": "a paper boat", "size": "1024x1024", "quality": "low", "user": "ana"}

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=9)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
fields = st.dictionaries(texts, values, max_size=4)
"""What JSON can say."""


def picture(data: bytes = b"boat", content_type: str = "image/png") -> InputImage:
    """A picture of these bytes; read again at every call."""

    async def read() -> AsyncIterator[bytes]:
        yield data

    return InputImage(content_type, len(data), read, hashlib.sha256(data).hexdigest())


def ask(**given: Any) -> ImageRequest:
    """A generation."""
    return normalise(Order("generations", BOAT | given), CATALOG, Policy())


def edit(*images: InputImage, **given: Any) -> ImageRequest:
    """An edit with these pictures."""
    return replace(ask(), operation="edits", images=images, **given)


def test_it_is_taken_of_one_line_of_json() -> None:
    """The very text, because replicas of two versions must agree on it during a deploy."""
    request = replace(edit(picture(b"")), fields={"prompt": "a boat", "model": "m", "n": 2})
    of_nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    text = (
        '["edits","gpt-image-2",1,1,false,0,null,"ana",{"model":"m","n":2,"prompt":"a boat"},'
        f'[["image","image/png","{of_nothing}"]]]'
    )
    assert fingerprint(request) == hashlib.sha256(text.encode()).hexdigest()[:32]


def test_the_order_of_parameters_does_not_count() -> None:
    """Nor does white space: the bodies differ, the requests are equal."""
    backwards = json.loads(json.dumps(dict(reversed(BOAT.items())), indent=4))
    assert fingerprint(normalise(Order("generations", backwards), CATALOG, Policy())) == fingerprint(ask())


@given(fields)
def test_the_order_of_members_never_counts(given: dict[str, Any]) -> None:
    """At any depth."""

    def turned(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: turned(value[name]) for name in reversed(value)}
        return [turned(each) for each in value] if isinstance(value, list) else value

    assert fingerprint(replace(ask(), fields=turned(given))) == fingerprint(replace(ask(), fields=given))


def test_an_alias_is_the_model_it_stands_for() -> None:
    """What is told about the request differs, what is bought does not."""
    (alias, *_) = CATALOG.find(MODEL).aliases
    called = ask(model=alias)

    assert called.normalized != ask().normalized
    assert fingerprint(called) == fingerprint(ask())


def test_a_form_and_a_document_are_the_same_request() -> None:
    """Every value of a form is text, and means what the document says."""
    order = Order("edits", BOAT | {"n": 2}, images=(picture(),))
    form = replace(order, fields=BOAT | {"n": "2"}, from_form=True)
    assert fingerprint(normalise(form, CATALOG, Policy())) == fingerprint(normalise(order, CATALOG, Policy()))


def test_pictures_count_by_their_bytes() -> None:
    """The same bytes, received again, are the same picture."""
    assert fingerprint(edit(picture())) == fingerprint(edit(picture()))


DIFFERENT: dict[str, ImageRequest] = {
    "plain": ask(),
    "prompt": ask(prompt="a paper boat."),
    "size": ask(size="1536x1024"),
    "quality": ask(quality="high"),
    "user": ask(user="ben"),
    "no user": replace(ask(), user=None),
    "n": ask(n=2),
    "exchanges": replace(ask(), n=2, exchanges=2),
    "model": replace(ask(), profile=replace(CATALOG.find(MODEL), name="gpt-image-9")),
    "upstream's model": replace(ask(), fields={**ask().fields, "model": "gpt-image-9"}),
    "operation": replace(ask(), operation="variations"),
    "stream": ask(stream=True),
    "partial images": ask(stream=True, partial_images=2),
    "response format": ask(response_format="url"),
    "other response format": ask(response_format="b64_json"),
    "one image": edit(picture()),
    "another image": edit(picture(b"bout")),
    "another type": edit(picture(content_type="image/webp")),
    "two images": edit(picture(b"a"), picture(b"b")),
    "two images, swapped": edit(picture(b"b"), picture(b"a")),
    "image twice": edit(picture(), picture()),
    "image and mask": edit(picture(b"a"), mask=picture(b"b")),
    "mask and image": edit(picture(b"b"), mask=picture(b"a")),
    "image and markup": edit(picture(b"a"), markup=picture(b"b")),
    "image, mask and markup": edit(picture(b"a"), mask=picture(b"b"), markup=picture(b"b")),
}


def test_every_part_of_a_request_counts() -> None:
    """Requests that differ anywhere are told apart, down to a picture's role and place."""
    found = {name: fingerprint(request) for name, request in DIFFERENT.items()}
    assert len(set(found.values())) == len(DIFFERENT)


@given(fields, fields)
def test_different_fields_are_different_requests(one: dict[str, Any], other: dict[str, Any]) -> None:
    """True is not 1, 1 is not 1.0, and no value runs over into the next."""
    spelled = [json.dumps(each, sort_keys=True) for each in (one, other)]
    same = fingerprint(replace(ask(), fields=one)) == fingerprint(replace(ask(), fields=other))
    assert same == (spelled[0] == spelled[1])


@given(st.binary(min_size=1, max_size=200), st.data())
def test_one_bit_of_one_picture_counts(data: bytes, draw: st.DataObject) -> None:
    """Wherever in it, and in whichever of several pictures."""
    at = draw.draw(st.integers(0, len(data) - 1))
    changed = bytearray(data)
    changed[at] ^= 1 << draw.draw(st.integers(0, 7))
    before, after = picture(data), picture(bytes(changed))
    first = picture(b"first")

    assert fingerprint(edit(first, before)) != fingerprint(edit(first, after))
    assert fingerprint(edit(first, mask=before)) != fingerprint(edit(first, mask=after))


@given(st.lists(st.sampled_from("abc"), max_size=4), st.lists(st.sampled_from("abc"), max_size=4))
def test_the_order_of_pictures_counts(one: list[str], other: list[str]) -> None:
    """Two lists of pictures are the same only when they are equal."""
    assume(one != other)
    first, second = (edit(*(picture(name.encode()) for name in names)) for names in (one, other))
    assert fingerprint(first) != fingerprint(second)


@given(texts, texts, texts, texts)
def test_neighbours_do_not_run_together(a: str, b: str, c: str, d: str) -> None:
    """Nothing moves from one part of a request to the next, whatever quotes and brackets it has."""
    one = replace(ask(), user=a, fields={"prompt": b})
    other = replace(ask(), user=c, fields={"prompt": d})
    assert (fingerprint(one) == fingerprint(other)) == ((a, b) == (c, d))


@pytest.mark.parametrize("key", ["k", "8e03978e-40d5-43dd-bc93-6894a57f9324", "k" * 255])
def test_a_key_is_not_in_its_digest(key: str) -> None:
    """The digest is 32 hex digits of SHA-256, whatever the key looks like."""
    digest = idempotency_digest(key)
    assert digest == hashlib.sha256(key.encode()).hexdigest()[:32]
    assert key not in digest


@given(texts, texts)
def test_different_keys_have_different_digests(one: str, other: str) -> None:
    """Case and white space count."""
    assert (idempotency_digest(one) == idempotency_digest(other)) == (one == other)
