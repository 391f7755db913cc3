"""What the console's files may be: small, each with one duty, nobody else's, and no way for markup into a page."""

import re
from pathlib import Path

import pytest

from app.console import files

STATIC = Path(files.__file__).parent / "static"
SCRIPTS = sorted(path.relative_to(STATIC).as_posix() for path in STATIC.rglob("*.js"))
ALL = sorted(path.relative_to(STATIC).as_posix() for path in STATIC.rglob("*") if path.is_file())
FORBIDDEN = {
    "markup as text": r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment",
    "code as text": r"\beval\(|new Function|setTimeout\(\s*[\"'`]",
    "other storage": r"localStorage|document\.cookie|indexedDB",
    "dialogs of the browser": r"\b(alert|confirm|prompt)\(",
    "leftovers": r"(?m)^\s*console\.(log|debug)|debugger|TODO|FIXME",
}
EXAMPLES = {
    "markup as text": "element.innerHTML = text;",
    "code as text": "setTimeout( 'go()', 1);",
    "other storage": "localStorage.setItem(name, text);",
    "dialogs of the browser": 'if (confirm("Sure?")) go();',
    "leftovers": "  console.log(found);",
}
OTHER_HOSTS = re.compile(r"(?:https?:)?//[a-z0-9-]+\.[a-z]", re.IGNORECASE)
INLINE = re.compile(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]* src=)")
IMPORTED = re.compile(r"(?:from|import)\s*\(?\s*\"(\.[^\"]+)\"")
LINKED = re.compile(r"(?:src|href)=\"([^\"#]+)\"")
SVG_NAMESPACE = "http://www.w3.org/2000/svg"


def read(name: str) -> str:
    """A file as text."""
    return (STATIC / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_has_one_duty_and_fits(name: str) -> None:
    """Its first words say what it is for; it is no longer than a file of the house."""
    text = read(name)
    assert text.startswith(("/**\n * ", "/** "))
    assert len(text.splitlines()) <= 400
    assert max(map(len, text.splitlines())) <= 120


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_script_does(what: str) -> None:
    """Whatever a model, a teammate or an upstream wrote is text in this page and never anything else."""
    assert [name for name in SCRIPTS if re.search(FORBIDDEN[what], read(name))] == []


@pytest.mark.parametrize("what", FORBIDDEN)
def test_a_script_that_did_would_be_seen(what: str) -> None:
    """Each pattern finds an example of what it forbids, and nothing in a harmless line."""
    assert re.search(FORBIDDEN[what], EXAMPLES[what])
    assert not re.search(FORBIDDEN[what], "const confirmed = replace(place, h('p', {}, text)); report(error);")


@pytest.mark.parametrize("text", ['"https://example.com/x"', "url(//cdn.example/a.css)", "HTTP://A.B"])
def test_another_host_would_be_seen(text: str) -> None:
    """With a scheme or without one, in any case; a comment is no address."""
    assert OTHER_HOSTS.search(text)
    assert not OTHER_HOSTS.search("// example, see below")


@pytest.mark.parametrize(
    "text", ["<style>p {}</style>", '<p style="color: red">', '<a onclick="go()">', "<script>go()</script>"]
)
def test_markup_that_acts_would_be_seen(text: str) -> None:
    """Styles and scripts inside of markup, as elements and as attributes; a script by its address is none."""
    assert INLINE.search(text)
    assert not INLINE.search('<script type="module" src="main.js"></script>')


def test_names_of_files_are_read() -> None:
    """Of imports at the top, of several lines, without a name, and inside of code; of the page's links."""
    text = 'import {\n  a,\n} from "./a.js";\nimport "../b.js";\nawait import("./c.js");\nexport * from "./d.js";'
    assert IMPORTED.findall(text) == ["./a.js", "../b.js", "./c.js", "./d.js"]
    assert LINKED.findall('<link href="a.css" /><script src="b.js"></script><a href="#main">') == ["a.css", "b.js"]


def test_no_other_host_is_named() -> None:
    """It works without the internet, and tells nobody that it is used."""
    assert [name for name in ALL if OTHER_HOSTS.search(read(name).replace(SVG_NAMESPACE, ""))] == []


def test_no_style_or_script_stands_in_markup() -> None:
    """The policy would not run them; only a person would wonder why."""
    assert not INLINE.search(read("index.html"))


def test_everything_that_is_named_is_there() -> None:
    """Imports, style sheets and pictures lead to files, and no file is left that nothing leads to."""
    reached = {"index.html", *LINKED.findall(read("index.html"))}
    for name in SCRIPTS:
        for imported in IMPORTED.findall(read(name)):
            path = (STATIC / name).parent.joinpath(imported).resolve()
            reached.add(path.relative_to(STATIC.resolve()).as_posix())
    assert reached == set(ALL)
