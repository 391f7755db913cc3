"""The shipped profiles: each model is there, says where its figures come from, and is never quoted below its bill."""

import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import pytest

import app.catalog.catalog as catalog_module
from app.catalog.catalog import Catalog, load_catalog
from app.catalog.normalise import ImageRequest
from app.catalog.pricing import TokenUsage, price, quote
from app.catalog.profile import Profile, UnitPrices
from app.errors import InvalidRequest
from tests.catalog import asking

CATALOG = load_catalog()
PRICED = asking.on_sale(CATALOG)
EVERY = CATALOG.all()
BY_TOKENS = [profile for profile in EVERY if profile.prices is not None]
FILES = sorted(Path(catalog_module.__file__).with_name("profiles").glob("*.toml"))

TABLES = ("price", "quote", "deprecated", "retired", "links", "streaming", "edits", "variations")
ONES = ["gpt-image-1", "gpt-image-1-mini", "gpt-image-1.5", "chatgpt-image-latest"]
FREE = ["gpt-image-2", "gpt-image-2.5-flare", "gpt-image-2.5-sunburst", "gpt-image-2.6-flare", "gpt-image-2.6-sunburst"]
SEEDREAMS = ["doubao-seedream-4-0-250828", "doubao-seedream-4-5-251128", "doubao-seedream-5-0-260128"]
SEEDREAM_3 = "doubao-seedream-3-0-t2i-250415"
DALL_E = ["dall-e-2", "dall-e-3"]
EDITOR = "qwen-image-edit"
UNPRICED = [*DALL_E, SEEDREAM_3, *SEEDREAMS, "qwen-image", "flux-pro"]


def ask(model: str, **fields: Any) -> ImageRequest:
    return asking.ask(PRICED, model=model, **fields)


def refused(model: str, **fields: Any) -> str:
    """The parameter the refusal names."""
    with pytest.raises(InvalidRequest) as refusal:
        ask(model, **fields)
    assert refusal.value.param is not None
    return refusal.value.param


def most_tokens(model: str, **fields: Any) -> int:
    return quote(ask(model, **fields)).usage.image_output


def prices_of(profile: Profile) -> UnitPrices:
    assert profile.prices is not None
    return profile.prices


def test_which_models_ship() -> None:
    """Every model of CometAPI's images routes has a profile; those no longer made stand apart."""
    offered = [*ONES[1:], *FREE, *SEEDREAMS, SEEDREAM_3, "qwen-image", EDITOR, "flux-pro"]
    assert [profile.name for profile in CATALOG.profiles()] == sorted(offered)
    assert [profile.name for profile in CATALOG.retired()] == [*DALL_E, "gpt-image-1"]


@pytest.mark.parametrize(
    ("dated", "name"),
    [
        ("gpt-image-2-2026-04-21", "gpt-image-2"),
        ("gpt-image-2.5-flare-2026-09-08", "gpt-image-2.5-flare"),
        ("gpt-image-2.5-sunburst-2026-09-08", "gpt-image-2.5-sunburst"),
        ("gpt-image-1.5-2025-12-16", "gpt-image-1.5"),
        ("bytedance-seedream-4-0-250828", "doubao-seedream-4-0-250828"),
    ],
)
def test_dated_names(dated: str, name: str) -> None:
    """OpenAI's dated names find the model."""
    assert CATALOG.find(dated).name == name


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_is_called_like_its_model(path: Path) -> None:
    """Who looks for a model finds its file, and every table of figures in it has a source."""
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    assert document["name"] == path.stem
    tables = [document[name] for name in TABLES if name in document]
    assert all(table["source"] for table in [*tables, *document.get("parameters", {}).values()])


@pytest.mark.parametrize("profile", EVERY, ids=lambda profile: profile.name)
def test_a_replacement_is_on_offer(profile: Profile) -> None:
    """A model that ends or has ended names one that does not."""
    for end in (profile.deprecated, profile.retired):
        if end is not None:
            other = CATALOG.find(end.replacement)
            assert other.deprecated is None
            assert other.retired is None


def test_when_models_end() -> None:
    """The announced and the past ends are OpenAI's dates."""
    retired = {profile.name: profile.retired.since for profile in EVERY if profile.retired}
    ends = {profile.name: profile.deprecated.ends for profile in EVERY if profile.deprecated}
    assert retired == dict.fromkeys(DALL_E, date(2026, 5, 12)) | {"gpt-image-1": date(2026, 10, 23)}
    assert ends == dict.fromkeys(ONES[1:], date(2026, 12, 1))


def test_whose_prices() -> None:
    """CometAPI's own price is public for one model; OpenAI's list stands in for others; the rest have none."""
    basis = {profile.name: profile.prices.basis if profile.prices else None for profile in EVERY}
    listed = dict.fromkeys([*ONES, *FREE], "list")
    assert basis == dict.fromkeys([*UNPRICED, EDITOR]) | listed | {"gpt-image-2": "cometapi"}


@pytest.mark.parametrize("model", UNPRICED)
def test_what_has_no_price_is_not_sold(model: str) -> None:
    """An unknown price is never taken for zero, retired or not."""
    with pytest.raises(InvalidRequest) as refusal:
        asking.ask(CATALOG, model=model)
    assert refusal.value.code == "model_not_priced"


DOLLARS = {
    "gpt-image-1": {"low": (11, 16, 16), "medium": (42, 63, 63), "high": (167, 250, 250)},
    "gpt-image-1.5": {"low": (9, 13, 13), "medium": (34, 50, 50), "high": (133, 200, 200)},
    "gpt-image-1-mini": {"low": (5, 6, 6), "medium": (11, 15, 15), "high": (36, 52, 52)},
}
"""OpenAI's prices of a picture, in tenths of a cent: 1024x1024, 1024x1536, 1536x1024."""


@pytest.mark.parametrize("model", DOLLARS)
def test_the_tables_agree_with_the_prices_of_a_picture(model: str) -> None:
    """Tokens times their price are about the price of a picture; for mini, whose tokens are not public, a bound."""
    rate = prices_of(CATALOG.find(model)).image_output
    for quality, published in DOLLARS[model].items():
        for size, mills in zip(("1024x1024", "1024x1536", "1536x1024"), published, strict=True):
            cost = most_tokens(model, quality=quality, size=size) * rate
            if model == "gpt-image-1-mini":
                assert cost == (mills + 1) * 1_000_000
            else:
                assert cost == pytest.approx(mills * 1_000_000, rel=0.035)


@pytest.mark.parametrize("model", DOLLARS)
def test_what_is_left_open_is_quoted_at_the_dearest(model: str) -> None:
    """Silence and auto are held at the dearest size and quality they may become."""
    dearest = most_tokens(model, quality="high", size="1024x1536")
    assert most_tokens(model) == most_tokens(model, quality="auto", size="auto") == dearest
    assert most_tokens(model, size="1024x1024") == most_tokens(model, size="1024x1024", quality="high") < dearest
    assert most_tokens(model, quality="low", n=10) == 10 * most_tokens(model, quality="low", size="1024x1536")


@pytest.mark.parametrize("model", [*FREE[1:], "chatgpt-image-latest"])
def test_models_without_a_public_count_have_a_cap(model: str) -> None:
    """Neither size nor quality lowers what is held where nobody publishes what they cost."""
    for quality in ("low", "high", "auto"):
        assert most_tokens(model, quality=quality, size="1024x1024") == 25_000
    assert most_tokens(model, n=2) == 50_000


QUOTED: dict[str, list[Any]] = {
    "n": [1, 2],
    "size": ["1024x1024", "1536x1024"],
    "quality": ["low", "high"],
    "output_format": ["png", "gif"],
}


@pytest.mark.parametrize("profile", BY_TOKENS, ids=lambda profile: profile.name)
def test_what_changes_the_quote_is_said_to_change_the_cost(profile: Profile) -> None:
    """Every parameter on which the quote depends is marked, and so is the number of pictures of every model."""
    for name, values in QUOTED.items():
        rule = profile.operations["generations"][name]
        if name == "output_format" and "gif" not in repr(rule):
            assert not rule.changes_cost
        elif len({quote(ask(profile.name, **{name: value})).cost for value in values}) > 1:
            assert rule.changes_cost
    assert all(rules["n"].changes_cost for every in EVERY for rules in every.operations.values())


def test_what_changes_the_cost_of_tokens_nobody_publishes() -> None:
    """Sizes, qualities, complexity and frames are billed even where the quote is one cap for all of them."""
    newest = CATALOG.find("gpt-image-2.6-sunburst").operations["generations"]
    marked = {name for name, rule in newest.items() if rule.changes_cost}
    assert marked == {"prompt", "n", "size", "quality", "output_format", "complexity", "frame_count"}
    assert CATALOG.find("gpt-image-1.5").operations["edits"]["input_fidelity"].changes_cost
    assert not CATALOG.find("gpt-image-1-mini").operations["edits"]["input_fidelity"].changes_cost


def test_a_gif_is_held_like_its_frames() -> None:
    """Sixteen frames are the most, and each is held like a picture."""
    assert most_tokens("gpt-image-2.6-flare", output_format="gif") == 16 * most_tokens("gpt-image-2.6-flare")


@pytest.mark.parametrize("profile", BY_TOKENS, ids=lambda profile: profile.name)
@pytest.mark.parametrize("n", [1, 10])
def test_a_quote_covers_its_own_usage(profile: Profile, n: int) -> None:
    """A prompt of as many tokens as bytes and pictures of the most tokens cost what is quoted, and not more."""
    most = quote(ask(profile.name, prompt="é" * 50, n=n))
    assert most.usage.text_input >= n * (100 + 6)
    usage = TokenUsage(n * 106, 0, 0, most.usage.image_output)
    assert 0 < price(prices_of(profile), usage, n) <= most.cost


@pytest.mark.parametrize("model", ONES)
def test_sizes_and_qualities_of_the_first_generation(model: str) -> None:
    """Three sizes and three qualities, and auto for both."""
    for size in ("auto", "1024x1024", "1536x1024", "1024x1536"):
        assert ask(model, size=size).size == size
    assert refused(model, size="2048x2048") == refused(model, size="1792x1024") == "size"
    assert refused(model, quality="xhigh") == refused(model, quality="standard") == "quality"
    assert ask(model, quality="medium").normalized == ask(model, quality="auto").normalized == ()


@pytest.mark.parametrize("model", FREE[1:])
def test_sizes_and_qualities_since_the_second_generation(model: str) -> None:
    """Any size of gpt-image-2's rule, and two qualities more."""
    assert ask(model, size="3840x2160", quality="xhigh").quality == "xhigh"
    assert ask(model, quality="max").size == "auto"
    assert refused(model, size="1000x1000") == refused(model, size="3856x2160") == "size"
    assert refused(model, quality="hd") == refused("gpt-image-2", quality="max") == "quality"


@pytest.mark.parametrize("model", FREE[3:])
def test_what_2_6_adds(model: str) -> None:
    """Complexity, and moving pictures with frames; frames of a still one are refused, svg is not offered."""
    assert ask(model, complexity="low", output_format="gif", frame_count=16, frame_duration_ms=100).normalized == ()
    assert refused(model, complexity="max") == "complexity"
    assert refused(model, frame_count=9) == "frame_count"
    assert refused(model, output_format="gif", frame_count=17) == "frame_count"
    assert refused(model, output_format="gif", frame_count=1) == "frame_count"
    assert refused(model, frame_duration_ms=200, output_format="webp") == "frame_duration_ms"
    assert refused(model, output_format="gif", frame_duration_ms=655_351) == "frame_duration_ms"
    assert refused(model, output_format="gif", output_compression=50) == "output_compression"
    assert refused(model, output_format="gif", background="transparent") == "background"
    assert refused(model, output_format="svg") == "output_format"


def test_what_only_2_6_takes_is_dropped_elsewhere() -> None:
    """Other models leave complexity and frames out, and say so."""
    request = ask("gpt-image-2.5-flare", complexity="low", frame_count=4, svg={"model": "m"})
    assert request.normalized == ("complexity;dropped", "frame_count;dropped", "svg;dropped")


def test_dall_e() -> None:
    """The retired models keep their own rules: prompts, sizes, qualities, n, and response_format."""
    assert ask("dall-e-3", size="1792x1024", quality="hd", style="natural", response_format="url").normalized == ()
    assert ask("dall-e-2", size="256x256", n=10, style="vivid").normalized == ("style;dropped",)
    assert refused("dall-e-3", size="256x256") == refused("dall-e-2", size="1792x1024") == "size"
    assert refused("dall-e-3", prompt="x" * 4001) == refused("dall-e-2", prompt="x" * 1001) == "prompt"
    assert refused("dall-e-2", quality="hd") == refused("dall-e-3", quality="high") == "quality"
    assert refused("dall-e-3", n=2) == "n"


@pytest.mark.parametrize(
    ("model", "good", "bad"),
    [
        (SEEDREAM_3, ("1024x1024", "512x512", "2048x2048"), ("2K", "auto", "2064x1024", "511x1024")),
        (SEEDREAMS[0], ("1K", "2K", "4K", "1280x720", "4096x4096"), ("3K", "auto", "1024x640", "4096x4112")),
        (SEEDREAMS[1], ("2K", "4K", "2048x2048", "2560x1440"), ("1K", "3K", "1024x1024", "8192x511")),
        (SEEDREAMS[2], ("2K", "3K", "4K", "2048x2048"), ("1K", "1024x1024", "4096x4112")),
    ],
)
def test_seedream_sizes(model: str, good: tuple[str, ...], bad: tuple[str, ...]) -> None:
    """Words of its generation, or any width and height within its pixels."""
    assert tuple(ask(model, size=size).size for size in good) == good
    assert {refused(model, size=size) for size in bad} == {"size"}


def test_seedream_parameters() -> None:
    """Only 3.0 takes seed and guidance; pictures by the model's own count are refused."""
    assert ask(SEEDREAM_3, seed=-1, guidance_scale=2.5, watermark=False).normalized == ()
    assert ask(SEEDREAM_3, guidance_scale=10).normalized == ()
    assert ask(SEEDREAMS[0], seed=1, guidance_scale=3).normalized == ("guidance_scale;dropped", "seed;dropped")
    for guidance in (0.99, 10.5, True, "3"):
        assert refused(SEEDREAM_3, guidance_scale=guidance) == "guidance_scale"
    assert refused(SEEDREAMS[1], sequential_image_generation="auto") == "sequential_image_generation"
    assert ask(SEEDREAMS[1], sequential_image_generation="disabled").normalized == ()
    assert refused(SEEDREAMS[2], n=2) == "n"


def test_the_default_may_be_retired(shipped: Catalog) -> None:
    """A model OpenAI ends does not keep a gateway from starting."""
    assert load_catalog(default_model="gpt-image-1").find("gpt-image-1") == shipped.find("gpt-image-1")
