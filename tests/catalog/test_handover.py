"""How pictures are handed over: who streams, who converts, and what is said of it."""

from pathlib import Path
from typing import Any

import pytest

from app.catalog.catalog import Catalog, load_catalog
from app.catalog.pricing import quote
from app.errors import InvalidRequest
from tests.catalog.asking import STRICT, ask

GPT = "gpt-image-2"
QWEN = "qwen-image"
GIF = "gpt-image-2.6-flare"


def test_a_model_that_streams_is_asked_to(priced: Catalog) -> None:
    """The stream and its partial images go upstream, and each partial image is in the quote, for every picture."""
    request = ask(priced, model=GPT, stream=True, partial_images=2, n=3)
    assert (request.fields["stream"], request.fields["partial_images"]) == (True, 2)
    assert (request.stream, request.partial_images, request.normalized) == (True, 2, ())
    plain = quote(ask(priced, model=GPT, n=3))
    assert quote(request).usage.image_output == plain.usage.image_output + 3 * 2 * 100


def test_a_model_that_does_not_stream_is_not_asked_to(priced: Catalog) -> None:
    """The caller gets events all the same; as they carry base64, that is what a model with a choice is asked for."""
    request = ask(priced, model=QWEN, stream=True, partial_images=1)
    assert request.fields == {"model": QWEN, "prompt": "a red cube", "response_format": "b64_json"}
    assert (request.stream, request.partial_images) == (True, 0)
    assert request.normalized == ("partial_images;dropped", "stream;emulated")
    with pytest.raises(InvalidRequest) as refusal:
        ask(priced, STRICT, model=QWEN, stream=True)
    assert (refusal.value.param, refusal.value.code) == ("stream", "unsupported_value")


@pytest.mark.parametrize(
    ("fields", "dropped"),
    [
        ({"partial_images": 1}, "partial_images"),
        ({"partial_images": 1, "stream": False}, "partial_images"),
        ({"stream": True, "response_format": "url"}, "response_format"),
        ({"stream": True, "response_format": "b64_json"}, "response_format"),
    ],
)
def test_what_is_asked_in_vain(priced: Catalog, fields: dict[str, Any], dropped: str) -> None:
    """Partial images without a stream, and a container beside one, are dropped and reported; strict refuses them."""
    request = ask(priced, model=GPT, **fields)
    assert dropped not in request.fields
    assert (request.normalized, request.response_format, request.partial_images) == ((f"{dropped};dropped",), None, 0)
    with pytest.raises(InvalidRequest) as refusal:
        ask(priced, STRICT, model=GPT, **fields)
    assert (refusal.value.param, refusal.value.code) == (dropped, "unsupported_parameter")


@pytest.mark.parametrize("container", ["url", "b64_json"])
def test_the_container_is_asked_of_models_with_a_choice(priced: Catalog, container: str) -> None:
    """The others are left alone, and nothing is reported: the gateway converts what they answer."""
    chosen, fixed = (ask(priced, model=model, response_format=container) for model in (QWEN, GPT))
    assert chosen.response_format == fixed.response_format == chosen.fields["response_format"] == container
    assert "response_format" not in fixed.fields
    assert chosen.normalized == fixed.normalized == ()
    assert "response_format" not in ask(priced, model=QWEN).fields


def test_a_gif_is_not_streamed(priced: Catalog) -> None:
    """What a model cannot stream is refused, not delivered otherwise; without a stream it is fine."""
    with pytest.raises(InvalidRequest) as refusal:
        ask(priced, model=GIF, output_format="gif", stream=True)
    assert (refusal.value.param, refusal.value.code) == ("stream", "unsupported_value")
    assert "output_format=gif" in refusal.value.message
    assert ask(priced, model=GIF, output_format="gif").output_format == "gif"
    assert ask(priced, model=GIF, output_format="png", stream=True).normalized == ()


def test_several_exchanges_are_not_streamed(tmp_path: Path) -> None:
    """Their events would come mixed up: each is asked for one answer, and the gateway makes the events."""
    one_at_a_time = '[parameters.n]\ntype = "integer"\nmin = 1\nmax = 1\ndefault = 1\nsource = "s"\n'
    (tmp_path / "own.toml").write_text(f'extends = "{GPT}"\nfan_out = true\n{one_at_a_time}', encoding="utf-8")
    catalog = load_catalog(tmp_path)
    request = ask(catalog, model=GPT, n=4, stream=True, partial_images=2)
    assert (request.exchanges, request.stream, request.partial_images) == (4, True, 0)
    assert request.fields.keys() == {"model", "prompt"}
    assert request.normalized == ("n;fanned-out", "partial_images;dropped", "stream;emulated")
    assert ask(catalog, model=GPT, n=1, stream=True).fields["stream"] is True
    with pytest.raises(InvalidRequest, match="sent as several") as refusal:
        ask(catalog, STRICT, model=GPT, n=4, stream=True)
    assert refusal.value.code == "unsupported_value"
