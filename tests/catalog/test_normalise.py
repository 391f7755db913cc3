"""Normalise: which requests pass, what is sent for them, and how the others are refused."""

from typing import Any

import pytest

from app.catalog.catalog import Catalog
from app.errors import GatewayError, InvalidRequest, ModelNotFound
from tests.catalog.asking import FAN_OUT, PASSING, STRICT, ask

GPT = "gpt-image-2"
MODEL = 'model;to="gpt-image-2"'
QWEN = "qwen-image"


def test_silence_stays_silence(priced: Catalog) -> None:
    """Only the model is filled in; what the provider takes silence for is known, and not sent."""
    request = ask(priced)
    assert request.fields == {"model": GPT, "prompt": "a red cube"}
    assert (request.model, request.n, request.size, request.quality, request.output_format) == (
        GPT, 1, "auto", "auto", "png",
    )  # fmt: skip
    assert (request.user, request.stream, request.normalized) == (None, False, (MODEL,))


def test_a_canonical_request_is_changed_in_nothing(priced: Catalog) -> None:
    """A request that names its model and only its model's parameters reports no change."""
    fields = {"model": GPT, "n": 10, "size": "1536x1024", "quality": "high", "output_format": "webp",
              "output_compression": 0, "background": "transparent", "moderation": "low", "user": "u",
              "safety_identifier": "s"}  # fmt: skip
    request = ask(priced, **fields)
    assert request.fields == {"prompt": "a red cube"} | fields
    assert request.normalized == ()
    assert (request.n, request.size, request.quality, request.output_format, request.user) == (
        10, "1536x1024", "high", "webp", "u",
    )  # fmt: skip


def test_an_alias_is_sent_under_the_upstream_name(priced: Catalog) -> None:
    """The caller's name is kept for the records, the upstream hears its own."""
    request = ask(priced, model="gpt-image-2-2026-04-21")
    assert (request.model, request.profile.name, request.fields["model"]) == ("gpt-image-2-2026-04-21", GPT, GPT)
    assert request.normalized == (MODEL,)


def test_null_is_absent(priced: Catalog) -> None:
    """Every parameter may be null, even one nobody knows; the prompt alone must then be missed."""
    names = [*priced.find(GPT).operations["generations"], "model", "stream", "partial_images", "no_such_thing"]
    request = ask(priced, **{name: None for name in names if name != "prompt"})
    assert request == ask(priced)
    with pytest.raises(InvalidRequest) as refusal:
        ask(priced, prompt=None)
    assert (refusal.value.param, refusal.value.code) == ("prompt", "missing_required_parameter")


def test_the_order_of_keys_does_not_matter(priced: Catalog) -> None:
    """The same parameters give the same request whatever their order."""
    one = ask(priced, style="vivid", seed=1, n=2)
    other = ask(priced, n=2, seed=1, style="vivid")
    assert one == other
    assert one.normalized == (MODEL, "seed;dropped", "style;dropped")


@pytest.mark.parametrize(
    ("fields", "param", "code", "message"),
    [
        ({"prompt": ""}, "prompt", "string_below_min_length", "minimum length 1"),
        ({"prompt": "x" * 32_001}, "prompt", "string_above_max_length", "maximum length 32000"),
        ({"prompt": "x" * 32_001}, "prompt", "string_above_max_length", "length 32001"),
        ({"prompt": ["a"]}, "prompt", "invalid_type", "expected a string, but got an array"),
        ({"n": 11}, "n", "integer_above_max_value", "<= 10, but got 11"),
        ({"n": 0}, "n", "integer_below_min_value", ">= 1, but got 0"),
        ({"n": -1}, "n", "integer_below_min_value", ">= 1, but got -1"),
        ({"n": True}, "n", "invalid_type", "expected an integer, but got a boolean"),
        ({"n": 1.0}, "n", "invalid_type", "expected an integer, but got a decimal number"),
        ({"n": "1"}, "n", "invalid_type", "expected an integer, but got a string"),
        ({"n": 10**30}, "n", "invalid_type", "expected an integer"),
        ({"model": 2}, "model", "invalid_type", "expected a string, but got an integer"),
        ({"quality": "standard"}, "quality", "invalid_value",
         "Invalid value: 'standard'. Supported values are: 'low', 'medium', 'high', and 'auto'."),
        ({"quality": ""}, "quality", "invalid_value", "Supported values are"),
        ({"quality": {}}, "quality", "invalid_type", "got an object"),
        ({"output_format": "gif"}, "output_format", "invalid_value", "'png', 'jpeg', and 'webp'"),
        ({"output_compression": 101, "output_format": "webp"}, "output_compression", "integer_above_max_value", "100"),
        ({"output_compression": -1, "output_format": "webp"}, "output_compression", "integer_below_min_value", ">= 0"),
        ({"output_compression": 50}, "output_compression", "invalid_value", "'jpeg' and 'webp'"),
        ({"output_compression": 50, "output_format": "png"}, "output_compression", "invalid_value", "output_format"),
        ({"background": "transparent", "output_format": "jpeg"}, "background", "invalid_value", "'png' and 'webp'"),
        ({"background": "blue"}, "background", "invalid_value", "'transparent', 'opaque', and 'auto'"),
        ({"moderation": "off"}, "moderation", "invalid_value", "'low' and 'auto'"),
        ({"user": 7}, "user", "invalid_type", "expected a string"),
        ({"safety_identifier": 7}, "safety_identifier", "invalid_type", "expected a string"),
        ({"response_format": "png"}, "response_format", "invalid_value", "'url' and 'b64_json'"),
        ({"response_format": 1}, "response_format", "invalid_type", "expected a string"),
        ({"stream": "true"}, "stream", "invalid_type", "expected a boolean"),
        ({"partial_images": 4}, "partial_images", "integer_above_max_value", "<= 3"),
        ({"x": 1}, "x", "unknown_parameter", "Unknown parameter: 'x'. With unknown_fields=pass"),
        ({"x": 1}, "x", "unknown_parameter", "IMAGEGATE_UNKNOWN_FIELDS"),
        ({"image": "data:"}, "image", "unsupported_parameter", "'image' is not supported with the model `gpt-image-2`"),
        ({"size": 1024}, "size", "invalid_type", "expected a string"),
        ({"size": "1792x936"}, "size", "invalid_value",
         "Invalid size '1792x936'. Width and height must both be divisible by 16."),
        ({"size": "3856x2048"}, "size", "invalid_value", "at most 3840"),
        ({"size": "3840x1264"}, "size", "invalid_value", "between 1:3 and 3:1"),
        ({"size": "624x1888"}, "size", "invalid_value", "between 1:3 and 3:1"),
        ({"size": "1024x624"}, "size", "invalid_value", "between 655360 and 8294400"),
        ({"size": "2896x2880"}, "size", "invalid_value", "between 655360 and 8294400"),
        ({"size": "2K"}, "size", "invalid_value", "such as '1024x1024', or one of 'auto'."),
        ({"size": "1024x"}, "size", "invalid_value", "Expected WIDTHxHEIGHT"),
        ({"size": "0x0"}, "size", "invalid_value", "Expected WIDTHxHEIGHT"),
        ({"size": "1024x1024\n"}, "size", "invalid_value", "Expected WIDTHxHEIGHT"),
        ({"size": "１０２４x１０２４"}, "size", "invalid_value", "Expected WIDTHxHEIGHT"),  # noqa: RUF001  full-width digits
    ],
)  # fmt: skip
def test_gpt_refusals(priced: Catalog, fields: dict[str, Any], param: str, code: str, message: str) -> None:
    """Each broken rule answers 400, names its parameter and the rule."""
    with pytest.raises(InvalidRequest) as refusal:
        ask(priced, **fields)
    assert (refusal.value.status, refusal.value.param, refusal.value.code) == (400, param, code)
    assert message in refusal.value.message


@pytest.mark.parametrize(
    "size",
    ["auto", "1024x1024", "1536x1024", "1024x1536", "1024x640", "1792x1024", "2048x2048", "2304x2304", "2560x1440",
     "2560x2560", "2880x2880", "3840x2160", "2160x3840", "3840x1280"],
)  # fmt: skip
def test_gpt_sizes(priced: Catalog, size: str) -> None:
    """Every size the rule allows, its corners included, is sent as it came."""
    assert ask(priced, size=size).fields["size"] == size


@pytest.mark.parametrize("length", [1, 32_000])
def test_prompt_lengths(priced: Catalog, length: int) -> None:
    """The limit counts characters, not bytes, and is itself allowed."""
    assert ask(priced, prompt="🟥" * length).prompt == "🟥" * length


def test_prompts_of_any_text(priced: Catalog) -> None:
    """Control characters are text: the prompt arrives as it was."""
    prompt = "\x00\n\t\u2028 “cube”"
    assert ask(priced, prompt=prompt).fields["prompt"] == prompt


@pytest.mark.parametrize("name", ["style", "negative_prompt", "seed", "prompt_extend", "watermark", "input_fidelity"])
def test_parameters_of_other_models_are_dropped_and_reported(priced: Catalog, name: str) -> None:
    """What the model does not take is left out, and said to be; its value is not repeated."""
    request = ask(priced, model=GPT, **{name: "url"})
    assert name not in request.fields
    assert request.normalized == (f"{name};dropped",)


@pytest.mark.parametrize("fields", [{"stream": False}, {"partial_images": 0}, {"stream": False, "partial_images": 0}])
@pytest.mark.parametrize("model", [GPT, QWEN])
def test_no_streaming_is_fine_to_ask_for(priced: Catalog, model: str, fields: dict[str, Any]) -> None:
    """A client that spells out the default is asking for nothing."""
    assert ask(priced, model=model, **fields) == ask(priced, model=model)


def test_an_unknown_model(priced: Catalog) -> None:
    """A model the catalog lacks is 404 before anything else is looked at."""
    with pytest.raises(ModelNotFound) as refusal:
        ask(priced, model="dall-e-9", n="many")
    assert (refusal.value.status, refusal.value.param, refusal.value.code) == (404, "model", "model_not_found")


def test_refusals_repeat_little(priced: Catalog) -> None:
    """A long or unprintable name is cut and cleaned before it is repeated."""
    for fields in ({"a\n" * 500: 1}, {"model": "a\n" * 500}, {"size": "a\n" * 500}, {"quality": "a\n" * 500}):
        with pytest.raises(GatewayError) as refusal:
            ask(priced, **fields)
        assert "\n" not in refusal.value.message
        assert len(refusal.value.message) < 300
        assert len(refusal.value.param or "") < 70


@pytest.mark.parametrize("size", ["1664*928", "1472*1104", "1328*1328", "1104*1472", "928*1664"])
def test_qwen_sizes_in_either_spelling(priced: Catalog, size: str) -> None:
    """The list is matched in OpenAI's spelling too, sent in Alibaba's, and the change is reported."""
    assert ask(priced, model=QWEN, size=size).normalized == ()
    request = ask(priced, model=QWEN, size=size.replace("*", "x"))
    assert (request.size, request.fields["size"]) == (size, size)
    assert request.normalized == (f'size;to="{size}"',)


@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({"n": 2}, "n", "integer_above_max_value"),
        ({"size": "1024x1024"}, "size", "invalid_value"),
        ({"size": "auto"}, "size", "invalid_value"),
        ({"prompt": "x" * 801}, "prompt", "string_above_max_length"),
        ({"negative_prompt": "x" * 501}, "negative_prompt", "string_above_max_length"),
        ({"seed": 2**31}, "seed", "integer_above_max_value"),
        ({"seed": -1}, "seed", "integer_below_min_value"),
        ({"watermark": "no"}, "watermark", "invalid_type"),
        ({"prompt_extend": 1}, "prompt_extend", "invalid_type"),
        ({"response_format": "gif"}, "response_format", "invalid_value"),
    ],
)
def test_qwen_refusals(priced: Catalog, fields: dict[str, Any], param: str, code: str) -> None:
    """A model with few parameters names the broken one just so."""
    with pytest.raises(InvalidRequest) as refusal:
        ask(priced, model=QWEN, **fields)
    assert (refusal.value.param, refusal.value.code) == (param, code)


def test_qwen_parameters(priced: Catalog) -> None:
    """Its own parameters pass, OpenAI's are dropped, and the user is kept for our records only."""
    own = {
        "n": 1,
        "negative_prompt": "",
        "seed": 0,
        "watermark": False,
        "prompt_extend": True,
        "response_format": "url",
    }
    request = ask(priced, model=QWEN, quality="text of the caller", user="u", **own)
    assert request.fields == {"model": QWEN, "prompt": "a red cube"} | own
    assert request.normalized == ("quality;dropped", "user;dropped")
    assert (request.user, request.quality, request.size) == ("u", "", "")


def test_a_missing_price_is_told_before_anything_else(shipped: Catalog) -> None:
    """Whoever mends a parameter of an unpriced model must not find the price missing behind it."""
    with pytest.raises(InvalidRequest) as refusal:
        ask(shipped, model=QWEN, n=2, size="auto", x=1)
    assert (refusal.value.param, refusal.value.code) == ("model", "model_not_priced")


def test_one_picture_at_a_time_tells_the_way_out(priced: Catalog) -> None:
    """After OpenAI's own words comes how to get several; a bound that is no single picture has nothing to add."""
    with pytest.raises(InvalidRequest) as refusal:
        ask(priced, model=QWEN, n=2)
    assert refusal.value.message == (
        "Invalid 'n': integer above maximum value. Expected a value <= 1, but got 2 instead. This model makes one "
        "picture at a time; a key with fan_out, or fan_out = true in its profile, sends several requests."
    )
    with pytest.raises(InvalidRequest, match=r"but got 11 instead\.$"):
        ask(priced, FAN_OUT, model=QWEN, n=11)


def test_strict_refuses_what_would_be_dropped(priced: Catalog) -> None:
    """A parameter of another model is named, and a request without one is as it was."""
    with pytest.raises(InvalidRequest) as refusal:
        ask(priced, STRICT, model=GPT, style="vivid")
    assert (refusal.value.status, refusal.value.param, refusal.value.code) == (400, "style", "unsupported_parameter")
    assert "gpt-image-2" in refusal.value.message
    assert ask(priced, STRICT, n=2) == ask(priced, n=2)


@pytest.mark.parametrize("model", [GPT, QWEN])
def test_unknown_fields_pass_where_they_may(priced: Catalog, model: str) -> None:
    """They are sent untouched and not reported: their names are the caller's words."""
    request = ask(priced, PASSING, model=model, x={"a": [1, None]}, **{"näme\n": "v"})
    assert request.fields == {"model": model, "prompt": "a red cube", "x": {"a": [1, None]}, "näme\n": "v"}
    assert request.normalized == ()
    assert ask(priced, PASSING, model=model, guidance_scale=1).normalized == ("guidance_scale;dropped",)


def nested(levels: int) -> object:
    """Lists in lists."""
    value: object = 1
    for _ in range(levels - 1):
        value = [value]
    return value


def test_unknown_fields_pass_up_to_a_bound(priced: Catalog) -> None:
    """Sixteen levels and a thousand values altogether pass, lists and objects counted."""
    most = {"a": nested(16), "b": {str(number): number for number in range(983)}}
    assert ask(priced, PASSING, model=GPT, **most).fields["b"] == most["b"]


@pytest.mark.parametrize(
    "fields",
    [
        {"x": nested(17)},
        {"x": nested(900)},
        {"x": [1] * 1_000},
        {"x": [[1] * 500, {"y": [1] * 500}]},
        {"x": [1] * 600, "y": [1] * 600},
        {f"{number}": 1 for number in range(1_001)},
    ],
)
@pytest.mark.parametrize("model", [GPT, QWEN])
def test_unknown_fields_beyond_the_bound(priced: Catalog, model: str, fields: dict[str, Any]) -> None:
    """More is refused, naming a field and nothing that is in it."""
    with pytest.raises(InvalidRequest) as refusal:
        ask(priced, PASSING, model=model, **fields)
    assert (refusal.value.status, refusal.value.code) == (400, "invalid_value")
    assert refusal.value.param in fields
    assert f"'{refusal.value.param}': fields nobody knows are sent on with at most 16 levels" in refusal.value.message


def test_many_pictures_of_a_model_that_makes_one(priced: Catalog) -> None:
    """Where fan-out is on, n is how often the request is sent, without an n of its own; OpenAI's bound of n stays."""
    request = ask(priced, FAN_OUT, model=QWEN, n=4)
    assert (request.n, request.exchanges, request.normalized) == (4, 4, ("n;fanned-out",))
    assert "n" not in request.fields
    one = ask(priced, FAN_OUT, model=QWEN, n=1)
    assert (one.exchanges, one.fields["n"], one.normalized) == (1, 1, ())
    with pytest.raises(InvalidRequest, match="<= 10, but got 11"):
        ask(priced, FAN_OUT, model=QWEN, n=11)
    many = ask(priced, FAN_OUT, model=GPT, n=10)
    assert (many.exchanges, many.fields["n"]) == (1, 10)
