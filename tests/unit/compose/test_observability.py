"""Alert rules and dashboard name only metrics that the programs expose, and routes that the registry has."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from registry.api.metrics import Metrics

FOLDER = Path(__file__).parents[3] / "compose/observability"
PROMQL = {
    *("sum", "max", "min", "count", "rate", "increase", "absent", "by", "on", "without", "and", "or", "unless"),
    *("time", "clamp_min", "ignoring", "bool", "s", "m", "h", "d"),
}
STRINGS = re.compile(r'"[^"]*"')
LABELS = re.compile(r"\{[^}]*\}|\b(?:by|on|without|ignoring)\s*\([^)]*\)|\[[^]]*\]")
WORDS = re.compile(r"[a-zA-Z_:][\w:]*")


def exposed() -> set[str]:
    """The names of the samples that the programs give to Prometheus, after one of everything has happened."""
    registry = Metrics(lambda: 1)
    registry.request("GET", "/healthz", 200, 0.1)
    lines = registry.text().decode().splitlines()
    return {re.split(r"[ {]", line)[0] for line in lines if line and not line.startswith("#")}


def expressions() -> Iterator[tuple[str, str]]:
    """Every expression of rules and panels, with the name of what it is for."""
    for group in yaml.safe_load((FOLDER / "alerts.yaml").read_text())["groups"]:
        for rule in group["rules"]:
            yield rule["alert"], rule["expr"]
    for panel in json.loads((FOLDER / "dashboard.json").read_text())["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]


def unknown_names(expression: str, names: set[str]) -> set[str]:
    """What an expression names that is neither exposed nor a word of the language."""
    return set(WORDS.findall(LABELS.sub(" ", STRINGS.sub('""', expression)))) - names - PROMQL


@pytest.mark.parametrize(("what", "expression"), list(expressions()))
def test_rule_or_panel_names_only_metrics_that_are_exposed(what: str, expression: str) -> None:
    assert unknown_names(expression, exposed()) == set()
    assert any(name in expression for name in exposed())
    assert all(expression.count(left) == expression.count(right) for left, right in ("()", "{}", "[]"))


def test_metric_that_nobody_exposes_is_noticed() -> None:
    planted = 'sum by (route) (rate(safeconduct_registry_gone_total{status=~"5.."}[5m]))'
    assert unknown_names(planted, exposed()) == {"safeconduct_registry_gone_total"}


def test_route_that_a_rule_leaves_out_is_a_route_of_the_registry() -> None:
    from registry.api import nodes
    from registry.main import PREFIX

    routes = {f"{PREFIX}{route.path}" for route in nodes.router.routes}
    named = {route for _, expression in expressions() for route in re.findall(r'route!="([^"]*)"', expression)}
    assert named
    assert named <= routes


def test_every_rule_says_how_urgent_it_is_and_what_to_do() -> None:
    for group in yaml.safe_load((FOLDER / "alerts.yaml").read_text())["groups"]:
        for rule in group["rules"]:
            assert rule["labels"]["severity"] in ("page", "ticket"), rule["alert"]
            assert set(rule["annotations"]) == {"summary", "action"}, rule["alert"]
