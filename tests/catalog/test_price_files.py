"""The files a sync writes: loaded by the catalog, replaced by the next sync, never in the place of the operator's."""

import tomllib
from datetime import date
from pathlib import Path

import pytest

from app.catalog.catalog import load_catalog
from app.catalog.documents import CatalogError
from app.catalog.price_files import MARK, file_name, price_file, write_price_files
from app.catalog.price_list import Difference, ListedPrice, compare
from app.money import Money, token_price

FILE = "00-cometapi-gpt-image-2.toml"


def difference(folder: Path, text_input: str = "5") -> list[Difference]:
    """What a list with this price changes in the folder's catalog."""
    listed = {"gpt-image-2": ListedPrice(input=token_price(text_input), output=token_price("24"))}
    shipped = load_catalog().by_name
    return compare(load_catalog(folder).profiles(), shipped, listed, date(2026, 11, 22))


def text_input(folder: Path, model: str = "gpt-image-2") -> Money | None:
    """What the folder's catalog asks for a token of text."""
    prices = load_catalog(folder).find(model).prices
    return prices.text_input if prices else None


def test_a_written_price_is_the_catalogs(tmp_path: Path) -> None:
    """The catalog loads it, a model derived from it has it too, and another sync replaces it; no draft is left."""
    derived = 'extends = "gpt-image-2"\nname = "aaa"\n'
    (tmp_path / "aaa.toml").write_text(derived, encoding="utf-8")
    for price in ("5", "6"):
        told = write_price_files(tmp_path, difference(tmp_path, price))
        assert told == {"gpt-image-2": f"written to {FILE}"}
        assert text_input(tmp_path) == text_input(tmp_path, "aaa") == token_price(price)

    assert difference(tmp_path, "6") == []
    assert sorted(path.name for path in tmp_path.iterdir()) == [FILE, "aaa.toml"]
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("name", ["gpt-image-2.toml", FILE])
def test_a_price_by_hand_stays(tmp_path: Path, name: str) -> None:
    """A model that a file of the operator's prices keeps that price, and the file is named."""
    figures = "".join(f'{what} = "3"\n' for what in ("text_input", "image_input", "text_output", "image_output"))
    own = f'extends = "gpt-image-2"\n[price]\n{figures}source = "our contract"\n'
    (tmp_path / name).write_text(own, encoding="utf-8")

    assert write_price_files(tmp_path, difference(tmp_path)) == {
        "gpt-image-2": f"kept as it is, {name} prices it by hand"
    }
    assert [path.read_text(encoding="utf-8") for path in tmp_path.iterdir()] == [own]


def test_a_file_in_the_way_stays(tmp_path: Path) -> None:
    """A file of the sync's name that does not begin with its mark is somebody's, whatever is in it."""
    own = 'extends = "gpt-image-2"\naliases = ["ours"]\n' + MARK
    (tmp_path / FILE).write_text(own, encoding="utf-8")

    (told,) = write_price_files(tmp_path, difference(tmp_path)).values()
    assert "was not written by this command" in told
    assert (tmp_path / FILE).read_text(encoding="utf-8") == own


def test_a_catalog_that_would_not_load_is_not_written(tmp_path: Path) -> None:
    """The folder is read with the new files first; when that fails, nothing is in it that was not before."""
    found = difference(tmp_path)
    (tmp_path / "wrong.toml").write_text('extends = "gpt-image-2"\ncolour = "red"\n', encoding="utf-8")

    with pytest.raises(CatalogError, match="colour"):
        write_price_files(tmp_path, found)
    assert [path.name for path in tmp_path.iterdir()] == ["wrong.toml"]


def test_the_file_says_the_whole_price_and_where_it_is_from(tmp_path: Path) -> None:
    """It extends the model, replaces `[price]` whole, and begins with the mark that lets the next sync replace it."""
    (found,) = difference(tmp_path, "5.125")
    text = price_file(found)
    assert text.startswith(MARK)
    assert tomllib.loads(text) == {
        "extends": "gpt-image-2",
        "price": {
            "text_input": "5.125",
            "image_input": "10.25",
            "text_output": "24",
            "image_output": "24",
            "basis": "cometapi",
            "source": "CometAPI /api/models, 2026-11-22; image_input is not listed: as many times text_input as in the "
            "shipped profile, at least that price",
        },
    }


def test_no_file_is_made_of_an_unusable_price(tmp_path: Path) -> None:
    """What must not be taken over has no text to be written."""
    (found,) = difference(tmp_path, "0.004")
    with pytest.raises(ValueError, match="gpt-image-2"):
        price_file(found)


def test_any_model_name_makes_a_file_name() -> None:
    """Names may hold slashes and colons; file names may not lead out of the folder."""
    assert file_name("black-forest/flux:pro") == "00-cometapi-black-forest_flux_pro.toml"
