"""The dashboards: every panel can be understood, has its place and its source, and queries keep services apart."""

import itertools
import re
from typing import Any

import pytest

from tests.deploy.monitoring import DATASOURCES, dashboard_queries, dashboards, panels, read, recorded

BOARDS = dashboards()
PANELS = {f"{name}: {panel['title']}": panel for name, board in BOARDS.items() for panel in panels(board)}
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
COLUMNS = 24


def overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    """Whether two places on the grid share a cell."""
    return (
        one["x"] < other["x"] + other["w"]
        and other["x"] < one["x"] + one["w"]
        and one["y"] < other["y"] + other["h"]
        and other["y"] < one["y"] + one["h"]
    )


def test_there_are_three_dashboards() -> None:
    """Overview, Spend and Upstream; their titles and addresses differ."""
    assert set(BOARDS) == {"overview", "spend", "upstream"}
    assert {board["uid"] for board in BOARDS.values()} == {f"imagegate-{name}" for name in BOARDS}
    assert len({panel["title"] for panel in PANELS.values()}) == len(PANELS)


@pytest.mark.parametrize("name", PANELS)
def test_a_panel_can_be_understood(name: str) -> None:
    """It has a title, says what it shows in a sentence or more, has a unit, and names its series."""
    panel = PANELS[name]
    assert panel["title"]
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert all(target["legendFormat"] for target in panel["targets"] if panel["type"] in ("timeseries", "bargauge"))


@pytest.mark.parametrize("name", PANELS)
def test_a_panel_asks_the_chosen_prometheus(name: str) -> None:
    """By the variable, in the panel and in each of its targets, which have names of their own."""
    panel = PANELS[name]
    assert panel["datasource"] == SOURCE
    assert all(target["datasource"] == SOURCE for target in panel["targets"])
    assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])


@pytest.mark.parametrize("name", BOARDS)
def test_panels_have_places_of_their_own(name: str) -> None:
    """Within 24 columns, none over another, each with an id of its own."""
    everything: list[dict[str, Any]] = BOARDS[name]["panels"]
    places = [panel["gridPos"] for panel in everything]
    assert all(place["x"] >= 0 and place["x"] + place["w"] <= COLUMNS for place in places)
    assert [pair for pair in itertools.combinations(places, 2) if overlap(*pair)] == []
    assert len({panel["id"] for panel in everything}) == len(everything)


@pytest.mark.parametrize("name", BOARDS)
def test_variables_are_those_in_use(name: str) -> None:
    """What queries name is offered for choice, and nothing is offered that changes nothing."""
    board = BOARDS[name]
    offered = [variable["name"] for variable in board["templating"]["list"]]
    used = {word for panel in panels(board) for target in panel["targets"] for word in _variables(target["expr"])}
    assert offered[:2] == ["datasource", "job"]
    assert set(offered[2:]) == used - {"job"}


def test_the_first_choice_is_the_provisioned_source() -> None:
    """The variable begins with the data source that provisioning makes."""
    (source,) = read(DATASOURCES)["datasources"]
    for board in BOARDS.values():
        assert board["templating"]["list"][0]["current"]["value"] == source["uid"]


def test_every_query_is_of_one_service() -> None:
    """Each metric is asked for by its job, so that a second service beside this one does not add to it."""
    free = [q for q in dashboard_queries() if "{" in q.expression and 'job=~"imagegate"' not in q.expression]
    assert [query.where for query in free if "ALERTS" not in query.expression] == []
    assert [query for query in dashboard_queries() if "{" not in query.expression] == []


def test_recorded_names_are_known() -> None:
    """No panel asks for a recorded name that nobody records."""
    asked = {name for query in dashboard_queries() for name in re.findall(r"imagegate:[\w:]+", query.expression)}
    assert asked
    assert asked <= recorded()


def _variables(expression: str) -> set[str]:
    """The variables in a query, less those that Grafana brings."""
    return {name for name in re.findall(r"\$(\w+)", expression) if not name.startswith("__")}
