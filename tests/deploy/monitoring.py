"""What the shipped rules and dashboards ask Prometheus, read out of their files."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.house.tree import ROOT

DEPLOY = ROOT / "deploy"
RULES = DEPLOY / "prometheus" / "rules"
CASES = DEPLOY / "prometheus" / "tests"
DASHBOARDS = DEPLOY / "grafana" / "dashboards"
DATASOURCES = DEPLOY / "grafana" / "provisioning" / "datasources" / "prometheus.yml"

_METRIC = re.compile(r"(?<![\w:$\"])(?:imagegate|process)_\w+(?![\w:]|\")")
_VARIABLES = {
    "$__rate_interval": "1m",
    "$__interval": "15s",
    "$__range": "5m",
    "$job": "imagegate",
    "$instance": ".*",
    "$team": ".*",
    "$model": ".*",
}
"""What Grafana would put in their place where everything is chosen."""


@dataclass(frozen=True, slots=True)
class Query:
    """One question to Prometheus."""

    where: str
    """Its rule, or dashboard and panel."""
    expression: str


def read(path: Path) -> Any:
    """A file of YAML or JSON."""
    text = path.read_text(encoding="utf-8")
    return json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)


def rules() -> list[dict[str, Any]]:
    """Every rule, those that record first."""
    files = sorted(RULES.iterdir(), reverse=True)
    return [rule for file in files for group in read(file)["groups"] for rule in group["rules"]]


def alert_rules() -> dict[str, dict[str, Any]]:
    """Every alert by its name."""
    return {rule["alert"]: rule for rule in rules() if "alert" in rule}


def recorded() -> set[str]:
    """The names that rules record."""
    return {rule["record"] for rule in rules() if "record" in rule}


def rule_queries() -> Iterator[Query]:
    """What the rules ask."""
    for rule in rules():
        yield Query(rule.get("alert") or rule["record"], rule["expr"])


def dashboards() -> dict[str, dict[str, Any]]:
    """Every dashboard by the name of its file."""
    return {path.stem: read(path) for path in sorted(DASHBOARDS.iterdir())}


def panels(dashboard: dict[str, Any]) -> list[dict[str, Any]]:
    """The panels of a dashboard that show something."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def dashboard_queries() -> Iterator[Query]:
    """What the panels ask, where everything is chosen."""
    for name, dashboard in dashboards().items():
        for panel in panels(dashboard):
            for target in panel["targets"]:
                yield Query(f"{name}: {panel['title']}", _chosen(target["expr"]))


def asked(expression: str) -> set[str]:
    """The metrics that a query names, recorded ones left out."""
    return set(_METRIC.findall(expression))


def told(scrape: str) -> set[str]:
    """The names a scrape has samples of, or says the type of."""
    names = set()
    for family in text_string_to_metric_families(scrape):
        names |= {sample.name for sample in family.samples}
        names.add(family.name + ("_total" if family.type == "counter" else ""))
    return names


def _chosen(expression: str) -> str:
    for variable, value in _VARIABLES.items():
        expression = expression.replace(variable, value)
    assert "$" not in expression, f"{expression}: a variable that no test knows"
    return expression
