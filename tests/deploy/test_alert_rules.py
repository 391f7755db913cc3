"""Every alert says what to do, has its section in the runbook, and cases in which it fires and in which it does not."""

import re
import shlex
from typing import Any

import click
import pytest

from app.cli.main import main
from tests.deploy.monitoring import (
    CASES,
    alert_rules,
    dashboard_queries,
    dashboards,
    panels,
    read,
    recorded,
    rule_queries,
)
from tests.house.pages import page

ALERTS = alert_rules()
SEVERITIES = {"critical", "warning", "info"}


def sections() -> dict[str, str]:
    """The sections of the runbook by their headings."""
    parts = re.split(r"^## (.+)\n", page("operations/runbook.md"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def cases(alert: str) -> list[dict[str, Any]]:
    """The questions of promtool's tests about the firing of an alert."""
    wanted = f'ALERTS{{alertname="{alert}", alertstate="firing"}}'
    return [
        question
        for path in sorted(CASES.iterdir())
        for test in read(path)["tests"]
        for question in test["promql_expr_test"]
        if wanted in question["expr"]
    ]


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_tells_what_to_do(name: str) -> None:
    """A severity that the runbook explains, what is the matter, what to do, and where more is written."""
    alert = ALERTS[name]
    assert set(alert["labels"]) == {"severity"}
    assert alert["labels"]["severity"] in SEVERITIES
    notes = alert["annotations"]
    assert set(notes) == {"summary", "description", "runbook_url"}
    assert all(text.strip().endswith(".") for text in (notes["summary"], notes["description"]))
    assert notes["runbook_url"] == f"docs/operations/runbook.md#{name.lower()}"


def test_every_alert_has_a_section_and_every_section_an_alert() -> None:
    """The anchor of a heading is its text in small letters, so a name alone makes the link."""
    assert list(sections()) == list(ALERTS)


@pytest.mark.parametrize("name", ALERTS)
def test_a_section_answers_the_questions_of_the_night(name: str) -> None:
    """What it means, how to look, what to do now and what later; and it begins with the severity of the rule."""
    text = sections()[name]
    assert text.startswith(f"\n*{ALERTS[name]['labels']['severity']}*"), "the severity comes first"
    assert re.findall(r"^\*\*(.+?)\*\*", text, flags=re.MULTILINE) == ["Look.", "Now.", "Later."]


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not(name: str) -> None:
    """Both are among promtool's tests, which tests/deploy/test_prometheus.py runs."""
    outcomes = {bool(case["exp_samples"]) for case in cases(name)}
    assert outcomes == {True, False}


def test_recorded_names_are_used_and_known() -> None:
    """No rule or panel asks for a recorded name that nobody records, and none is recorded that nobody asks for."""
    queries = (*rule_queries(), *dashboard_queries())
    asked = {name for query in queries for name in re.findall(r"imagegate:[\w:]+", query.expression)}
    assert asked == recorded()


def test_commands_of_the_runbook_exist() -> None:
    """Each `imagegate …` of the page is a command of today, with arguments and options that it takes."""
    text = page("operations/runbook.md").replace("`imagegate --version`", "")
    written = re.findall(r"`imagegate ([^`]+)`", text)
    assert len(written) > 30
    assert [fault for words in written if (fault := misunderstood(words))] == []


def misunderstood(words: str) -> str | None:
    """What the command line would say against these words, without doing anything; None: nothing."""
    given = shlex.split(words.partition("|")[0].replace("DOLLARS", "0.04"))
    command: click.Command | None = main
    while isinstance(command, click.Group) and given:
        command = command.get_command(click.Context(command), given.pop(0))
    if command is None:
        return f"{words}: no such command"
    try:
        command.make_context(command.name, given)
    except click.UsageError as error:
        return f"{words}: {error.format_message()}"
    return None


def test_panels_that_the_runbook_names_exist() -> None:
    """Whoever is sent to a panel at night finds it under that title."""
    titles = {str(panel["title"]) for dashboard in dashboards().values() for panel in panels(dashboard)}
    named = {
        title
        for paragraph in re.findall(r"[Dd]ashboard.*?(?:\n\n|\Z)", page("operations/runbook.md"), re.DOTALL)
        for title in re.findall(r"(?<!\*)\*([A-Z][^*]+)\*(?!\*)", paragraph.replace("\n", " "))
    }
    assert named
    assert named - titles == set()
