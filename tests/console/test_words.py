"""The console has a sentence for everything that the gateway names: no word of the code's is left to be guessed."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import get_args

import app
from app.admin.audit import Action
from app.console import files
from tests.house.pages import code, page, table

APP = Path(app.__path__[0])
STATIC = Path(files.__file__).parent / "static"
KEY = re.compile(r"^  \"?([\w.]+)\"?:", re.MULTILINE)
FLAGS = re.compile(r"\bflags\s*=\s*(\([^)]*\)|'\w+')")
WORD = re.compile(r"[\"']([a-z_]+)[\"']")


def keys(text: str, name: str) -> set[str]:
    """The keys of a constant object of a script, as Prettier lays it out."""
    _, found, rest = text.partition(f"const {name} = {{\n")
    assert found, name
    return set(KEY.findall(rest.partition("\n};")[0]))


def keys_of(file: str, name: str) -> set[str]:
    """The same, of one of the console's scripts."""
    return keys((STATIC / file).read_text(encoding="utf-8"), name)


def flags(texts: Iterable[str]) -> set[str]:
    """The flags that are put on ledger entries anywhere in these texts, Python or Lua."""
    return {word for text in texts for given in FLAGS.findall(text) for word in WORD.findall(given)}


def test_the_keys_of_an_object_are_read() -> None:
    """With quotes or without, over several lines, not those of an inner object nor of the next one."""
    lines = ["const A = {", "  one: 1,", '  "two.three":', '    "x: y",', "  four: {", "    inner: 1,", "  },", "};"]
    text = "\n".join([*lines, "const B = {", "  b: 2,", "};"])
    assert keys(text, "A") == {"one", "two.three", "four"}


def test_flags_are_found_where_they_are_given() -> None:
    """In both languages, one or several, behind a condition; a flag that is only looked for is not given."""
    given = ['flags = ("one",) if dear else ()', 'flags=(*flags, "two")', "{flags = 'three', note = 'no'}"]
    asked = ['if "four" in resolution.flags:', 'fields["flags"] == "five"']
    assert flags([*given, *asked]) == {"one", "two", "three"}


def test_every_change_has_its_words() -> None:
    """The audit page says what was done of each action the log can have."""
    assert keys_of("audit_words.js", "DONE") == set(get_args(Action))


def test_every_flag_has_its_meaning() -> None:
    """Of ledger entries, as the gateway and the scripts of Redis put them."""
    texts = [path.read_text(encoding="utf-8") for end in ("py", "lua") for path in APP.rglob(f"*.{end}")]
    assert keys_of("ledger/flags.js", "MEANINGS") == flags(texts)


def test_every_stage_has_its_words() -> None:
    """Those of the glossary."""
    (told,) = re.findall(r"(?m)^\| stage \|([^|]*)\|", page("glossary.md"))
    assert keys_of("request/stages.js", "STAGES") == set(re.findall(r"`(\w+)`", told))


def test_advice_is_for_errors_that_there_are() -> None:
    """Not each has advice, but each that has is one of the documented codes."""
    text = page("errors.md")
    documented = {row[2] for row in table(text, "## Every error")} | {row[0] for row in table(text, "## Closer codes")}
    advised = keys_of("advice.js", "ADVICE")
    assert advised - set(map(code, documented)) == set()
    assert len(advised) > 10
