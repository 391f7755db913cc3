"""The catalog: what ships, what an operator may change, and how a wrong file is refused."""

from datetime import date
from pathlib import Path

import pytest

from app.catalog.catalog import Catalog, load_catalog
from app.catalog.documents import CatalogError
from app.catalog.pricing import quote
from app.errors import InvalidRequest
from tests.catalog.asking import ask, on_sale

TOKENS = 'text_input = "1"\nimage_input = "1"\ntext_output = "1"\nimage_output = "1"\n'


def write(folder: Path, text: str, name: str = "own.toml") -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_what_ships(shipped: Catalog) -> None:
    """Models are found by name and alias, with their prices in nano-dollars a token."""
    gpt, qwen = shipped.find("gpt-image-2"), shipped.find("qwen-image")
    assert shipped.find("gpt-image-2-2026-04-21") is gpt
    assert gpt.prices is not None
    assert (gpt.prices.text_input, gpt.prices.image_input) == (4_000, 8_000)
    assert (gpt.prices.text_output, gpt.prices.image_output, gpt.prices.per_image) == (24_000, 24_000, 0)
    assert "CometAPI" in gpt.prices.source
    assert (gpt.max_n_of("generations"), gpt.container) == (10, "b64_json")
    assert (qwen.max_n_of("generations"), qwen.prices) == (1, None)


def test_the_version_follows_the_data(shipped: Catalog, qwen_priced: Catalog, tmp_path: Path) -> None:
    """The same data is the same version, comments or not; another price is another version."""
    assert len(shipped.version) == 12
    assert load_catalog().version == shipped.version
    assert qwen_priced.version != shipped.version
    text = (tmp_path / "qwen.toml").read_text()
    assert load_catalog(write(tmp_path, f"# a comment\n{text}", "qwen.toml")).version == qwen_priced.version


def test_an_override_changes_only_what_it_says(shipped: Catalog, qwen_priced: Catalog) -> None:
    """Pricing a model leaves the rest of it, and all others, as they were."""
    before, after = shipped.find("qwen-image"), qwen_priced.find("qwen-image")
    assert after.prices is not None
    assert (after.prices.per_image, after.prices.source) == (40_000_000, "this test")
    assert after.prices.basis == "operator"
    assert (after.operations, after.created) == (before.operations, before.created)
    assert qwen_priced.find("gpt-image-2") == shipped.find("gpt-image-2")


def test_an_override_of_one_parameter(tmp_path: Path) -> None:
    """Parameters are laid over one by one; files apply in the order of their names, one upon the other."""
    write(tmp_path, 'extends = "gpt-image-2"\n[parameters.n]\ntype="integer"\nmin=1\nmax=4\nsource="s"', "1.toml")
    write(tmp_path, 'extends = "gpt-image-2"\naliases = ["team-default"]', "2.toml")
    profile = load_catalog(tmp_path).find("team-default")
    assert profile.max_n_of("generations") == 4
    shipped = load_catalog().find("gpt-image-2")
    assert profile.operations["generations"]["prompt"] == shipped.operations["generations"]["prompt"]


def test_a_new_model_is_a_new_file(tmp_path: Path) -> None:
    """Under a name of its own an extension is a further model; the aliases stay where they were."""
    text = 'extends = "gpt-image-2"\nname = "gpt-image-9"\n[quote]\nrule = "cap"\nimage_tokens = 25_000\n'
    catalog = load_catalog(write(tmp_path, text + 'text_overhead_tokens = 64\nsource = "s"'), "gpt-image-9")
    before = {profile.name for profile in load_catalog().all()}
    assert {profile.name for profile in catalog.all()} - before == {"gpt-image-9"}
    assert catalog.find("gpt-image-2-2026-04-21").name == "gpt-image-2"
    request = ask(catalog, prompt="p", n=2)
    assert request.fields == {"model": "gpt-image-9", "n": 2, "prompt": "p"}
    assert quote(request).usage.image_output == 50_000


def test_an_ability_taken_away(tmp_path: Path) -> None:
    """A file that extends another says with ``false`` what its model cannot do."""
    text = 'extends = "gpt-image-2"\nname = "plain"\nstreaming = false\nedits = false\n'
    plain = load_catalog(write(tmp_path, text)).find("plain")
    assert (plain.streaming, list(plain.operations), dict(plain.inputs)) == (None, ["generations"], {})


def test_an_override_of_one_figure_of_edits(tmp_path: Path) -> None:
    """Edits are laid over key by key, and their parameters one by one."""
    text = GPT + '[edits]\nmax_images = 4\n[edits.parameters.style]\ntype = "string"\nsource = "s"'
    before, after = (load_catalog(folder).find("gpt-image-2") for folder in (None, write(tmp_path, text)))
    assert (before.inputs["edits"].max_images, after.inputs["edits"].max_images) == (16, 4)
    assert after.inputs["edits"].max_mask_bytes == before.inputs["edits"].max_mask_bytes
    assert set(after.operations["edits"]) == {*before.operations["edits"], "style"}
    assert after.operations["generations"] == before.operations["generations"]


def test_a_parameter_of_a_file_is_known_to_all(tmp_path: Path) -> None:
    """What one model takes, the others drop and report: nobody calls it unknown."""
    text = (
        'extends = "qwen-image"\nname = "own"\n[parameters.strength]\ntype = "number"\nmin = 0\nmax = 1\nsource = "s"'
    )
    catalog = on_sale(load_catalog(write(tmp_path, text)))
    assert ask(catalog, model="own", strength=0.5).fields["strength"] == 0.5
    assert ask(catalog, model="gpt-image-2", strength=0.5).normalized == ("strength;dropped",)


def test_words_for_sizes(tmp_path: Path) -> None:
    """A model may know sizes by words, and free sizes by a rule of its own."""
    text = """
extends = "qwen-image"
name = "seedream"
[parameters.size]
type = "size"
words = ["2K", "4K"]
free = { max_edge = 4096, max_aspect = 16, min_pixels = 3_686_400, max_pixels = 16_777_216 }
source = "this test"
"""
    catalog = on_sale(load_catalog(write(tmp_path, text)))
    assert ask(catalog, model="seedream", size="2K").size == "2K"
    assert ask(catalog, model="seedream", size="2047x2049").size == "2047x2049"
    with pytest.raises(InvalidRequest, match="between 3686400 and 16777216"):
        ask(catalog, model="seedream", size="1024x1024")


def test_a_retired_model_says_so(tmp_path: Path) -> None:
    """A retired model is not on offer, and is still found: its profile says since when, and what to use instead."""
    text = 'extends = "gpt-image-2"\nname = "gpt-image-0"\n'
    text += '[retired]\nsince = 2026-10-23\nreplacement = "gpt-image-2"\nsource = "s"'
    catalog = load_catalog(write(tmp_path, text))
    assert catalog.find("gpt-image-0") not in catalog.profiles()
    assert catalog.find("gpt-image-0") in catalog.retired()
    retired = catalog.find("gpt-image-0").retired
    assert retired is not None
    assert (retired.since, retired.replacement) == (date(2026, 10, 23), "gpt-image-2")
    assert ask(catalog, model="gpt-image-0").fields["model"] == "gpt-image-0"


def test_the_end_of_a_model_is_its_own(tmp_path: Path) -> None:
    """Aliases, announcements and retirement are not taken over by a model of another name, and kept by an override."""
    write(tmp_path, 'extends = "gpt-image-1"\nname = "team-1"', "1.toml")
    write(tmp_path, 'extends = "gpt-image-1.5"\nname = "team-1.5"', "2.toml")
    write(tmp_path, 'extends = "gpt-image-1"\nowned_by = "us"', "3.toml")
    catalog = load_catalog(tmp_path)
    assert catalog.find("team-1").retired is None
    assert (catalog.find("team-1.5").deprecated, catalog.find("team-1.5").aliases) == (None, ())
    assert catalog.find("gpt-image-1").retired is not None


def test_a_file_waits_for_the_model_it_extends(tmp_path: Path) -> None:
    """The names of files need not sort a model before those that extend it; a circle is refused."""
    write(tmp_path, 'extends = "second"\nname = "first"', "1.toml")
    write(tmp_path, 'extends = "third"\nname = "second"', "2.toml")
    write(tmp_path, 'extends = "gpt-image-2"\nname = "third"', "3.toml")
    assert load_catalog(tmp_path).find("first").max_n_of("generations") == 10
    write(tmp_path, 'extends = "first"\nname = "third"', "3.toml")
    with pytest.raises(CatalogError, match=r"1\.toml: extends: no model 'second'"):
        load_catalog(tmp_path)


@pytest.mark.parametrize("number", ["0.04", '"0.04"'])
def test_a_price_is_exact_as_number_or_text(tmp_path: Path, number: str) -> None:
    """A bare number in TOML is read as a decimal, never as a float."""
    catalog = load_catalog(write(tmp_path, f'extends = "qwen-image"\n[price]\nper_image = {number}\nsource = "s"'))
    prices = catalog.find("qwen-image").prices
    assert prices is not None
    assert prices.per_image == 40_000_000


GPT = 'extends = "gpt-image-2"\n'
QWEN = 'extends = "qwen-image"\n'
MINI = 'extends = "gpt-image-1-mini"\n'
SOURCE = 'source = "s"\n'
TABLE = '[quote]\nrule = "table"\ntext_overhead_tokens = 64\n' + SOURCE
BARE = (
    'name = "bare"\nowned_by = "us"\ncreated = 2026-01-01\ncontainer = "url"\ngenerations = false\n'
    "[price]\nunpriced = true\n" + SOURCE + '[parameters.n]\ntype = "integer"\nmin = 1\nmax = 1\n' + SOURCE
)
EDITS = "[edits]\nmax_images = 1\nmax_image_bytes = 1\n" + SOURCE
PNG = 'content_types = ["image/png"]\n'
CAP = '[quote]\nrule = "cap"\nimage_tokens = 1\ntext_overhead_tokens = 1\n' + SOURCE
AUTO = 'sizes = { auto = ["1024x1024"] }\nqualities = { auto = ["high"] }\n'


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("name = ", "own.toml"),
        ('name = "new"', "price: Field required"),
        ('extends = "gpt-image-0"', "extends"),
        ("extends = 2", "extends"),
        (QWEN + 'name = "a b"', "name"),
        (QWEN + 'name = "new"\naliases = ["gpt-image-2"]', "already belongs to gpt-image-2"),
        (QWEN + 'name = "gpt-image-2-2026-04-21"', "already belongs to gpt-image-2"),
        (QWEN + "prices = 3", "prices: no such field; did you mean price? There are name, "),
        (QWEN + "[price]\nper_picture = 1\n" + SOURCE, "price.per_picture: no such field; did you mean per_image?"),
        (QWEN + "[price]\nfan_out = true\n" + SOURCE, "price.fan_out: no such field; it belongs above the first"),
        (GPT + "[parameters.n]\nmost = 2\n" + SOURCE, "parameters.n"),
        (GPT + '[parameters.n]\ntype = "integer"\nmost = 2\n', "parameters.n.integer.most: no such field"),
        (QWEN + "[retired]\nbecause = 2\n", "retired.because: no such field. There are since, replacement, source"),
        (QWEN + 'container = "zip"', "container"),
        (QWEN + '[price]\nper_image = "0.04"', "price.source"),
        (QWEN + "[price]\n" + SOURCE, "unpriced = true"),
        (QWEN + '[price]\nper_image = "0"\n' + SOURCE, "above zero"),
        (QWEN + '[price]\nper_image = "-1"\n' + SOURCE, "above zero"),
        (QWEN + '[price]\nper_image = "free"\n' + SOURCE, "price.per_image"),
        (QWEN + "[price]\nper_image = inf\n" + SOURCE, "price.per_image"),
        (QWEN + '[price]\nper_image = "0.0000000001"\n' + SOURCE, "at most 9 decimals"),
        (QWEN + "[price]\nper_image = 0.04000000000000000001\n" + SOURCE, "at most 9 decimals"),
        (QWEN + "[price]\nper_image = 1\nunpriced = true\n" + SOURCE, "unpriced = true"),
        (QWEN + '[price]\ntext_input = "1"\n' + SOURCE, "come as four"),
        (QWEN + "[price]\n" + TOKENS + SOURCE, "quote"),
        (GPT + '[parameters.n]\ntype = "integer"\nmin = 1\nmax = 2', "parameters.n.integer.source"),
        (GPT + '[parameters.n]\ntype = "any"\ndrop = true\n' + SOURCE, "parameters.n"),
        (GPT + '[parameters.x]\ntype = "any"\n' + SOURCE, "parameters.x"),
        (GPT + '[parameters.x]\ntype = "color"\n' + SOURCE, "parameters.x"),
        (GPT + '[parameters.X]\ntype = "any"\ndrop = true\n' + SOURCE, "parameters.X"),
        (GPT + '[parameters.stream]\ntype = "boolean"\n' + SOURCE, "parameters.stream"),
        (QWEN + '[parameters.response_format]\ntype = "boolean"\n' + SOURCE, "parameters.response_format"),
        (QWEN + "generations = false", "generations"),
        (BARE + EDITS.replace("edits", "variations") + PNG, "variations.parameters.prompt: must be there"),
        (QWEN + '[links]\nhosts = ["https://a.b"]\n' + SOURCE, "links.hosts.0"),
        (QWEN + '[links]\nhosts = ["*"]\n' + SOURCE, "links.hosts.0"),
        (QWEN + '[links]\nhosts = ["a.b"]\n', "links.source"),
        (GPT + "streaming = true", "streaming"),
        (GPT + "[streaming]\npartial_image_tokens = 1\n", "streaming.source"),
        (QWEN + EDITS + PNG + "[price]\n" + TOKENS + SOURCE + CAP, "edits.image_tokens"),
        (GPT + EDITS + "content_types = []\n", "edits: content_types"),
        (QWEN + EDITS + PNG + "[edits.parameters.n]\ndrop = true\n" + SOURCE, "edits.parameters.n"),
        (QWEN + EDITS + PNG + '[edits.parameters.n]\ntype = "any"\ndrop = true\n' + SOURCE, "edits.parameters.n: must"),
        (QWEN + EDITS + PNG + '[edits.parameters.stream]\ntype = "boolean"\n' + SOURCE, "edits.parameters.stream"),
        (GPT + '[price]\nbasis = "assumed"\n' + TOKENS + SOURCE, "price.basis"),
        (GPT + '[parameters.x]\ntype = "choice"\nvalues = ["a"]\ndefault = "b"\n' + SOURCE, "parameters.x"),
        (GPT + '[parameters.x]\ntype = "boolean"\nrequires = [{ parameter = "y", one_of = ["a"] }]\n' + SOURCE, "'y'"),
        (GPT + '[parameters.size]\ntype = "size"\nlisted = ["1*1"]\n' + SOURCE, "parameters.size"),
        (GPT + '[parameters.size]\ntype = "size"\n' + SOURCE, "words, listed or free"),
        (GPT + '[parameters.size]\ntype = "size"\nwords = ["2K"]\n' + SOURCE, "needs a default"),
        (GPT + '[parameters.size]\ntype = "size"\nwords = ["2K"]\ndefault = "2K"\n' + SOURCE, "quote.sizes"),
        (GPT + '[parameters.quality]\ntype = "choice"\nvalues = ["max"]\ndefault = "max"\n' + SOURCE, "factors"),
        (GPT + '[parameters.quality]\ntype = "any"\ndrop = true\n' + SOURCE, "needs the parameters size and quality"),
        (GPT + TABLE + AUTO + "tokens = { high = { 1x1 = 1 } }", "a table has no tokens for free sizes"),
        (MINI + TABLE + AUTO + "tokens = { high = { 1024x1024 = 1 } }", "quote.tokens: none for 'high' at 1024x1536"),
        (MINI + TABLE + AUTO + "tokens = {}", "quote.tokens: none for 'high' at"),
        (MINI + TABLE + "sizes = { auto = [] }\nqualities = {}\ntokens = {}", "at least one thing"),
        (GPT + '[price]\nbasis = "guess"\n' + TOKENS + SOURCE, "price.basis"),
        (GPT + '[deprecated]\nsince = 2026-06-02\nreplacement = "qwen-image"\n' + SOURCE, "deprecated.ends"),
    ],
)
def test_a_wrong_file_is_refused_by_name(tmp_path: Path, text: str, field: str) -> None:
    """The error says which file and which field."""
    with pytest.raises(CatalogError) as refusal:
        load_catalog(write(tmp_path, text))
    assert str(tmp_path / "own.toml") in str(refusal.value)
    assert field in str(refusal.value)


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    """Bytes that are not UTF-8 are refused like any other fault."""
    (tmp_path / "own.toml").write_bytes(b'name = "\xff"')
    with pytest.raises(CatalogError, match=r"own\.toml"):
        load_catalog(tmp_path)


def test_the_folder_and_the_default_model_must_exist(tmp_path: Path) -> None:
    """A mistyped folder or default model stops the start, not the first request."""
    with pytest.raises(CatalogError, match="not a folder"):
        load_catalog(tmp_path / "absent")
    with pytest.raises(CatalogError, match="default model"):
        load_catalog(default_model="gpt-image-0")
    assert load_catalog(tmp_path) == load_catalog()
