"""The pages hang together: each is found, each link leads somewhere, and facts the code cites are written down."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.tree import APP, DOCS, ROOT

FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!!)\[[^\]\[]*\]\(([^)\s]+)\)")
IN_CODE = re.compile(r"`[^`\n]*`")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
CITED_PATH = re.compile(r"`((?:app|tests|deploy)/[\w./@-]+)`")
FACT = re.compile(r"facts §(\d+(?:\.\d+)?)((?:, §\d+(?:\.\d+)?)*)")


def pages() -> list[Path]:
    """Every page: those of docs/, and those at the root of the repository."""
    return sorted([*DOCS.rglob("*.md"), *ROOT.glob("*.md")])


def prose(text: str) -> str:
    """A page without its programs."""
    return FENCED.sub("", text)


def links(text: str) -> list[str]:
    """Where a page's links lead, those to other hosts left out."""
    return [found for found in LINK.findall(IN_CODE.sub("", prose(text))) if "://" not in found]


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them; a heading that comes again gets a number."""
    found: dict[str, int] = {}
    made = set()
    for heading in HEADING.findall(prose(text)):
        plain = LINK.sub(lambda link: link[0][1 : link[0].index("]")], heading)
        name = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        made.add(f"{name}-{found[name]}" if name in found else name)
        found[name] = found.get(name, 0) + 1
    return made


def broken(path: Path) -> Iterator[str]:
    """The links of a page that lead nowhere."""
    for link in links(path.read_text(encoding="utf-8")):
        file, _, anchor = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        if not target.exists():
            yield link
        elif anchor and target.suffix == ".md" and anchor not in anchors(target.read_text(encoding="utf-8")):
            yield f"{link} (no such heading)"


def cited_facts(text: str) -> set[str]:
    """The sections that a text names as ``facts §1.5, §2.1``."""
    return {number for first, more in FACT.findall(text) for number in (first, *re.findall(r"\d+(?:\.\d+)?", more))}


@pytest.mark.parametrize("path", pages(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_of_a_page_leads_somewhere(path: Path) -> None:
    """To a file that exists, and where it names a heading, to one that is there."""
    assert list(broken(path)) == []


def test_every_page_is_in_the_index() -> None:
    """docs/README.md leads to every page of docs/."""
    index = DOCS / "README.md"
    told = {(DOCS / link.partition("#")[0]).resolve() for link in links(index.read_text(encoding="utf-8"))}
    assert {str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md")} - {"README.md"} - {
        str(path.relative_to(DOCS)) for path in told if path.is_relative_to(DOCS)
    } == set()


def test_the_readme_leads_to_the_index() -> None:
    """Whoever knows only README.md finds everything."""
    assert "docs/README.md" in links((ROOT / "README.md").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ["security.md", "operations/upgrading.md", "operations/backups.md", "sdks.md"])
def test_what_a_page_cites_exists(name: str) -> None:
    """Files of the code, of tests and of deployments that a page names are there."""
    text = prose((DOCS / name).read_text(encoding="utf-8"))
    assert [cited for cited in CITED_PATH.findall(text) if not (ROOT / cited).exists()] == []


def test_facts_that_the_code_cites_are_written_down() -> None:
    """A docstring's `facts §4.6` is a heading, or for the lessons a number, of docs/upstream-facts.md."""
    text = (DOCS / "upstream-facts.md").read_text(encoding="utf-8")
    told = set(re.findall(r"^#+ (\d+(?:\.\d+)?)\.? ", text, re.MULTILINE))
    _, _, lessons = text.partition("\n## 6. ")
    told |= {f"6.{number}" for number in re.findall(r"^(\d+)\. ", lessons.partition("\n## ")[0], re.MULTILINE)}
    cited = {
        (str(path.relative_to(ROOT)), number)
        for path in APP.rglob("*")
        if path.suffix in (".py", ".lua", ".toml")
        for number in cited_facts(path.read_text(encoding="utf-8"))
    }
    assert cited, "nobody cites a fact: the reader looks the wrong way"
    assert {pair for pair in cited if pair[1] not in told} == set()


def test_readers_see_what_is_wrong(tmp_path: Path) -> None:
    """A missing file, a missing heading, code that only looks like a link, a heading that comes twice."""
    (tmp_path / "b.md").write_text("# What `it` *does*: 100 %\n## Again\n## Again\n```\n# no heading\n```\n")
    page = tmp_path / "a.md"
    page.write_text(
        "# Top\n[1](b.md) [2](b.md#what-it-does-100-) [3](b.md#again-1) [4](#top) [5](https://x.y/z) `[6](no.md)`\n"
        "[7](c.md) [8](b.md#no-heading) [9](#bottom)\n```\n[10](no.md)\n```\n"
    )
    assert list(broken(page)) == ["c.md", "b.md#no-heading (no such heading)", "#bottom (no such heading)"]
    assert cited_facts("(facts §1.6, §2.1). And facts §6.") == {"1.6", "2.1", "6"}
