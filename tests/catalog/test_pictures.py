"""Edits and variations: which models take them, which pictures pass, and how the others are refused."""

from typing import Any

import pytest
from msgspec.structs import replace

from app.catalog.catalog import Catalog
from app.catalog.normalise import ImageRequest, normalise
from app.catalog.order import InputImage, Operation, Order
from app.catalog.pricing import quote
from app.errors import InvalidRequest
from tests.catalog.asking import LAX, edit, form, picture

GPT = "gpt-image-2"
MB = 1_048_576
VARIATIONS: Operation = "variations"


def refused(catalog: Catalog, order: Order) -> tuple[str | None, str, str]:
    """Parameter, code and message of a refusal."""
    with pytest.raises(InvalidRequest) as refusal:
        normalise(order, catalog, LAX)
    assert refusal.value.status == 400
    return refusal.value.param, refusal.value.code, refusal.value.message


def vary(catalog: Catalog, image: InputImage, **fields: Any) -> ImageRequest:
    return normalise(Order(VARIATIONS, fields, images=(image,), from_form=True), catalog, LAX)


def test_an_edit(priced: Catalog) -> None:
    """Pictures are kept beside the fields; the texts of the form become the values they spell."""
    images, mask = (picture(), picture("image/webp"), picture("image/jpeg")), picture(size_bytes=5)
    request = edit(priced, *images, mask=mask, model=GPT, n="2", stream="true", partial_images="0", user="u")
    assert request.fields == {
        "model": GPT, "prompt": "a red cube", "n": 2, "stream": True, "partial_images": 0, "user": "u",
    }  # fmt: skip
    assert (request.images, request.mask, request.markup) == (images, mask, None)
    assert (request.operation, request.n, request.stream, request.normalized) == ("edits", 2, True, ())


@pytest.mark.parametrize(
    ("fields", "param", "message"),
    [
        ({"n": "two"}, "n", "expected an integer, but got a string"),
        ({"n": "1.0"}, "n", "expected an integer, but got a string"),
        ({"n": ""}, "n", "expected an integer, but got a string"),
        ({"n": "１"}, "n", "expected an integer, but got a string"),  # noqa: RUF001  a full-width digit
        ({"stream": "yes"}, "stream", "expected a boolean, but got a string"),
        ({"stream": "True"}, "stream", "expected a boolean, but got a string"),
        ({"partial_images": "x"}, "partial_images", "expected an integer, but got a string"),
    ],
)
def test_texts_that_spell_no_value(priced: Catalog, fields: dict[str, Any], param: str, message: str) -> None:
    """A form is refused in the words of JSON."""
    found, code, told = refused(priced, form(model=GPT, **fields))
    assert (found, code) == (param, "invalid_type")
    assert message in told


def test_an_object_of_a_form(priced: Catalog) -> None:
    """svg[model] arrives as an object, and is dropped like the same in JSON."""
    assert edit(priced, model="gpt-image-2.6-flare", svg={"model": "gpt-5"}).normalized == ("svg;dropped",)


@pytest.mark.parametrize(
    ("order", "param", "code", "message"),
    [
        (Order("edits", {"prompt": "p"}, from_form=True), "image", "missing_required_parameter", "'image'"),
        (Order("edits", {"prompt": "p"}), "images", "missing_required_parameter", "'images'"),
        (Order("edits", {"prompt": "p"}, (picture(),) * 17), "images", "array_above_max_length", "'images'"),
        (Order("edits", {"prompt": "p"}, (picture(), picture(""))), "images[1]", "unsupported_file_mimetype", "[1]'"),
        (form(*[picture()] * 17), "image", "array_above_max_length", "maximum length 16, but got an array with length"),
        (form(picture(size_bytes=50 * MB)), "image[0]", "image_file_too_large", "at most 52428799 bytes"),
        (form(picture(size_bytes=0)), "image[0]", "empty_image_file", "empty"),
        (form(picture("image/gif")), "image[0]", "unsupported_file_mimetype",
         "unsupported mimetype ('image/gif'). Supported file formats are 'image/png', 'image/jpeg', and 'image/webp'."),
        (form(picture("")), "image[0]", "unsupported_file_mimetype", "'application/octet-stream'"),
        (form(picture(), picture("")), "image[1]", "unsupported_file_mimetype", "Invalid file 'image[1]'"),
        (form(mask=picture("image/jpeg")), "mask", "unsupported_file_mimetype", "formats are 'image/png'."),
        (form(mask=picture(size_bytes=4 * MB)), "mask", "image_file_too_large", "at most 4194303 bytes"),
        (form(markup=picture()), "markup", "unsupported_parameter", "'markup'"),
        (form(model="gpt-image-2.6-flare", markup=picture()), "markup", "unsupported_parameter", "'markup'"),
        (form(model="gpt-image-2.5-flare", mask=picture(), markup=picture()), "markup", "unsupported_value", "'mask'"),
        (form(model="gpt-image-2.5-flare", markup=picture("image/webp")), "markup", "unsupported_file_mimetype", "png"),
        (form(model="gpt-image-2.6-flare", output_format="gif", mask=picture()), "mask", "unsupported_value", "=gif"),
        (form(model="qwen-image-edit", mask=picture()), "mask", "unsupported_parameter", "'mask'"),
        (form(model="gpt-image-1-mini", input_fidelity="high"), "input_fidelity", "invalid_value", "'low'"),
        (form(prompt="x" * 32_001), "prompt", "string_above_max_length", "32000"),
    ],
)  # fmt: skip
def test_refusals(priced: Catalog, order: Order, param: str, code: str, message: str) -> None:
    """Each fault names its picture or parameter, and the rule."""
    found, found_code, told = refused(priced, order)
    assert (found, found_code) == (param, code)
    assert message in told


def test_the_largest_that_passes(priced: Catalog) -> None:
    """Sixteen pictures of just less than 50 MB, and a mask of just less than 4 MB."""
    images = [picture(size_bytes=50 * MB - 1)] * 16
    assert len(edit(priced, *images, mask=picture(size_bytes=4 * MB - 1)).images) == 16
    assert edit(priced, model="gpt-image-2.5-sunburst", markup=picture()).markup is not None


def test_what_differs_in_an_edit(priced: Catalog) -> None:
    """A parameter may be an edit's only, or a generation's only: each is reported where it does not belong."""
    assert edit(priced, model="gpt-image-1.5", input_fidelity="high").fields["input_fidelity"] == "high"
    assert edit(priced, model=GPT, input_fidelity="high", moderation="low").normalized == (
        "input_fidelity;dropped", "moderation;dropped",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("operation", "model", "able"),
    [
        ("edits", "dall-e-3", "'gpt-image-2', "),
        ("edits", "doubao-seedream-4-0-250828", "'gpt-image-2', "),
        ("generations", "qwen-image-edit", "'gpt-image-2', "),
        ("variations", GPT, "/variations; models that do: 'dall-e-2', none of which has a price here."),
    ],
)
def test_an_operation_a_model_does_not_have(shipped: Catalog, operation: Operation, model: str, able: str) -> None:
    """The refusal names the models that do it at a price and on offer, others only when there are no such."""
    param, code, message = refused(shipped, Order(operation, {"model": model, "prompt": "p"}, images=(picture(),)))
    assert (param, code) == ("model", "unsupported_value")
    assert able in message
    assert "qwen" not in message.removeprefix("The model `qwen-image-edit` ")
    assert "'gpt-image-1'" not in message


@pytest.mark.parametrize("operation", ["edits", "variations"])
def test_a_request_without_a_model_gets_one_that_can(priced: Catalog, operation: Operation) -> None:
    """The default model where it serves the operation, else the first by name that does; the header tells which."""
    default = replace(priced, default_model="qwen-image")
    request = normalise(Order(operation, {"prompt": "p"}, (picture(),), from_form=True), default, LAX)
    expected = {"edits": "chatgpt-image-latest", "variations": "dall-e-2"}[operation]
    assert (request.model, request.profile.name, request.fields["model"]) == (expected, expected, expected)
    assert request.normalized[0] == f'model;to="{expected}"'
    assert edit(priced).model == GPT


def test_a_model_with_a_price_comes_before_one_without(shipped: Catalog) -> None:
    """Nobody is given an unpriced model while a priced one can do it; where none is priced, that is the refusal."""
    order = Order("edits", {"prompt": "p"}, (picture(),), from_form=True)
    assert normalise(order, replace(shipped, default_model="qwen-image"), LAX).profile.prices is not None
    param, code, message = refused(shipped, Order(VARIATIONS, {}, (picture(),), from_form=True))
    assert (param, code) == ("model", "model_not_priced")
    assert "`dall-e-2` has no price at this gateway" in message


def test_a_variation(priced: Catalog) -> None:
    """It needs a picture and no prompt; one that is given is dropped, as are qualities."""
    request = vary(priced, picture(), model="dall-e-2", n="3", size="512x512", response_format="url")
    assert request.fields == {"model": "dall-e-2", "n": 3, "size": "512x512", "response_format": "url"}
    assert (request.prompt, request.normalized) == ("", ())
    dropped = vary(priced, picture(), model="dall-e-2", prompt="p", quality="standard")
    assert (dropped.prompt, dropped.normalized) == ("", ("prompt;dropped", "quality;dropped"))
    wrong = Order(VARIATIONS, {"model": "dall-e-2"}, (picture("image/jpeg"),), from_form=True)
    param, code, _ = refused(priced, wrong)
    assert (param, code) == ("image[0]", "unsupported_file_mimetype")


def test_every_picture_is_in_the_quote(priced: Catalog) -> None:
    """Pictures, mask and markup count alike, once for each picture that is made."""
    one = quote(edit(priced, model=GPT)).usage.image_input
    assert one >= 1_536
    assert quote(edit(priced, picture(), picture(), mask=picture(), model=GPT, n="2")).usage.image_input == 6 * one
    with_markup = edit(priced, model="gpt-image-2.5-flare", markup=picture())
    assert (
        quote(with_markup).usage.image_input == 2 * quote(edit(priced, model="gpt-image-2.5-flare")).usage.image_input
    )
    assert quote(edit(priced, model="gpt-image-1.5")).usage.image_input >= 65 + 129 + 6_240


def test_reference_pictures(priced: Catalog) -> None:
    """Seedream takes one or up to fourteen, as links or data URIs, and they are sent on untouched."""
    for image in ("https://example.org/a.png", ["data:image/png;base64,AA==", "https://example.org/b.png"] * 7):
        order = Order("generations", {"model": "doubao-seedream-4-5-251128", "prompt": "p", "image": image})
        assert normalise(order, priced, LAX).fields["image"] == image


@pytest.mark.parametrize(
    ("image", "code"),
    [
        (["https://example.org/a.png"] * 15, "array_above_max_length"),
        ([], "invalid_value"),
        ("http://example.org/a.png", "invalid_value"),
        ("file:///etc/passwd", "invalid_value"),
        ("data:text/html,x", "invalid_value"),
        (7, "invalid_type"),
        ([["https://example.org/a.png"]], "invalid_type"),
    ],
)
def test_references_that_are_none(priced: Catalog, image: object, code: str) -> None:
    """The refusal names the parameter and repeats nothing of it."""
    order = Order("generations", {"model": "doubao-seedream-4-5-251128", "prompt": "p", "image": image})
    param, found, message = refused(priced, order)
    assert (param, found) == ("image", code)
    assert "example.org" not in message


@pytest.mark.parametrize("model", [GPT, "qwen-image", "doubao-seedream-3-0-t2i-250415"])
def test_references_are_never_left_out(priced: Catalog, model: str) -> None:
    """Without them it would be another order, so a model that takes none refuses it."""
    param, code, _ = refused(priced, Order("generations", {"model": model, "prompt": "p", "image": "https://a/b"}))
    assert (param, code) == ("image", "unsupported_parameter")


@pytest.mark.parametrize("name", ["mask", "markup"])
def test_what_belongs_to_an_edit_is_known_elsewhere(priced: Catalog, name: str) -> None:
    """Without it a generation would be another order, so it is refused, and not as a word nobody has heard of."""
    order = Order("generations", {"prompt": "p", name: {"image_url": "data:image/png;base64,AA=="}})
    param, code, _ = refused(priced, order)
    assert (param, code) == (name, "unsupported_parameter")
