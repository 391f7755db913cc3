"""Models the catalog does not have, and models that end."""

from pathlib import Path

import pytest

from app.catalog.catalog import Catalog, load_catalog
from app.catalog.pricing import quote
from app.catalog.unknown import UnknownModels
from app.errors import InvalidRequest, ModelNotFound
from app.money import Money
from tests.catalog.asking import STRICT, ask, edit

DOLLAR = Money(1_000_000_000)
PASSING = load_catalog(unknown=UnknownModels(DOLLAR))


def test_refused_unless_the_operator_says_otherwise(shipped: Catalog) -> None:
    """The refusal names the setting."""
    with pytest.raises(ModelNotFound, match="IMAGEGATE_UNKNOWN_MODELS"):
        shipped.find("flux-9")


def test_an_unknown_model_passes_at_the_price_of_the_settings() -> None:
    """It is sent under its own name with whatever other models know, and each picture costs the set price."""
    request = ask(PASSING, model="flux-9", n=3, size="any size", style="wild", seed=-5, stream=True)
    assert request.fields == {
        "model": "flux-9", "prompt": "a red cube", "n": 3, "size": "any size", "style": "wild", "seed": -5,
        "response_format": "b64_json",
    }  # fmt: skip
    assert request.normalized == ("stream;emulated",)
    profile = request.profile
    assert profile.prices is not None
    assert (profile.name, profile.assumed, profile.prices.basis) == ("flux-9", True, "assumed")
    assert profile.prices.source == "IMAGEGATE_UNKNOWN_MODEL_PRICE"
    assert quote(request).cost == 3 * DOLLAR
    assert ask(PASSING, STRICT, model="flux-9", style="wild").fields["style"] == "wild"
    assert edit(PASSING, model="flux-9").operation == "edits"
    with pytest.raises(InvalidRequest, match="<= 10, but got 11"):
        ask(PASSING, model="flux-9", n=11)
    with pytest.raises(InvalidRequest, match="Unknown parameter: 'x'"):
        ask(PASSING, model="flux-9", x=1)
    with pytest.raises(InvalidRequest, match=r"Invalid value for 'style': .* at most 16 levels and 1000 values"):
        ask(PASSING, model="flux-9", style=[1] * 1_000)


def test_an_unknown_model_of_a_family() -> None:
    """It takes the rules and prices of the family's newest, and says that they are assumed."""
    newest, request = PASSING.find("gpt-image-2.6-sunburst"), ask(PASSING, model="gpt-image-3", quality="xhigh", n=2)
    assert (request.fields["model"], request.profile.operations) == ("gpt-image-3", newest.operations)
    assert newest.prices is not None
    assert request.profile.prices is not None
    assert request.profile.prices.image_output == newest.prices.image_output
    assert (request.profile.assumed, request.profile.prices.basis, newest.assumed) == (True, "assumed", False)
    assert quote(request).cost == quote(ask(PASSING, model=newest.name, n=2)).cost
    with pytest.raises(InvalidRequest, match="divisible by 16"):
        ask(PASSING, model="gpt-image-3", size="1000x1000")


@pytest.mark.parametrize("name", ["", "a b", "x" * 101, "a\n", "-a", "é", "a;b", "gpt-image-3\r\nx: y"])
def test_what_is_no_name_of_a_model(name: str) -> None:
    """Names go into logs, metrics and headers, so only plain ones pass."""
    with pytest.raises(ModelNotFound):
        PASSING.find(name)


def test_the_closest_pattern_wins(tmp_path: Path) -> None:
    """An operator's profile may stand for models too; a known model, retired or not, is never taken for another."""
    (tmp_path / "1.toml").write_text('extends = "flux-pro"\nstands_for = "flux-*"\n', encoding="utf-8")
    (tmp_path / "2.toml").write_text('extends = "qwen-image"\nstands_for = "*"\n', encoding="utf-8")
    catalog = load_catalog(tmp_path, unknown=UnknownModels(DOLLAR))
    assert [catalog.find(name).owned_by for name in ("flux-2", "else", "gpt-image-9")] == [
        "black-forest-labs",
        "alibaba",
        "openai",
    ]
    assert catalog.find("gpt-image-1").assumed is False
    assert catalog.find("flux-2").prices is not None
    assert catalog.find("flux-pro").prices is None


def test_made_up_names_are_forgotten() -> None:
    """The catalog is as large after a thousand of them as before, and lists none."""
    before = PASSING.all()
    assert len({PASSING.find(f"made-up-{number}").name for number in range(1_000)}) == 1_000
    assert PASSING.all() == before
    assert "unknown-model" not in {profile.name for profile in before}


def test_where_links_may_point(shipped: Catalog) -> None:
    """Only models that answer with links name hosts."""
    assert shipped.find("dall-e-3").url_hosts == shipped.find("dall-e-2").url_hosts == ("filesystem.site",)
    assert "*.volces.com" in shipped.find("doubao-seedream-5-0-260128").url_hosts
    assert shipped.find("gpt-image-2").url_hosts == ()
