"""Rules and dashboards of registry and node name what the programs expose, fire on what they are about, and fit."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml
from factory import World
from prometheus_client.core import Metric

from registry.api.metrics import Metrics
from sandbox.actions.checks import Watched
from sandbox.actions.metrics import NodeCollector
from sandbox.store import schema
from sandbox.store.base import Store

FOLDER = Path(__file__).parents[3] / "compose/observability"
KINDS = ("node", "registry")
SUFFIXES = {"gauge": ("",), "counter": ("_total",), "summary": ("_sum", "_count")}
OF_PROMETHEUS = {"instance", "job"}
PROMQL = {
    *("sum", "max", "min", "count", "rate", "increase", "delta", "predict_linear", "absent", "vector"),
    *("by", "on", "without", "and", "or", "unless", "time", "clamp_min", "ignoring", "bool", "s", "m", "h", "d"),
}
UNITS = {"short", "s", "bytes", "percentunit", "reqps"}
STRINGS = re.compile(r'"[^"]*"')
MATCHERS, GROUPED = re.compile(r"\{[^}]*\}"), re.compile(r"\b(?:by|on|without|ignoring)\s*\(([^)]*)\)")
RANGE = re.compile(r"\[[^]]*\]")
WORDS = re.compile(r"[a-zA-Z_:][\w:]*")


@pytest.fixture(scope="module")
def exposed(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, set[str]]:
    """The samples that the programs give to Prometheus, each with its labels, whether anything happened or not."""
    folder, world = tmp_path_factory.mktemp("node"), World()
    store, second = Store(f"sqlite:///{folder / 'node.db'}"), timedelta(seconds=1)
    schema.prepare(store)
    watched = Watched(
        node="node-fi",
        store=store,
        root=world.open_root(),
        ledger_head=folder / "ledger.head",
        registry="http://registry.test",
        workers=2,
        sweep=second,
        poll=second,
    )
    node = NodeCollector(watched, world.policy(), 8, lambda: datetime.now(UTC))
    found = {name: labels for metric in (*node.collect(), *Metrics(lambda: 1).collect()) for name, labels in of(metric)}
    store.close()
    return found


def of(metric: Metric) -> Iterator[tuple[str, set[str]]]:
    for suffix in SUFFIXES[metric.type]:
        yield metric.name + suffix, set(metric._labelnames)  # type: ignore[attr-defined]  of every family


def rules(kind: str) -> list[dict[str, Any]]:
    found = yaml.safe_load((FOLDER / kind / "alerts.yaml").read_text())["groups"]
    return [rule for group in found for rule in group["rules"]]


def panels(kind: str) -> list[dict[str, Any]]:
    return list(json.loads((FOLDER / kind / "dashboard.json").read_text())["panels"])


def expressions() -> Iterator[tuple[str, str]]:
    """Every expression of rules and panels, with the name of what it is for."""
    for kind in KINDS:
        yield from ((rule["alert"], rule["expr"]) for rule in rules(kind))
        yield from ((panel["title"], target["expr"]) for panel in panels(kind) for target in panel["targets"])


def names_in(expression: str) -> set[str]:
    """The metrics that an expression names: what is no label, no string and no word of the language."""
    bare = RANGE.sub(" ", GROUPED.sub(" ", MATCHERS.sub(" ", STRINGS.sub('""', expression))))
    return set(WORDS.findall(bare)) - PROMQL


def labels_in(expression: str) -> set[str]:
    """The labels that an expression selects or groups by."""
    plain = STRINGS.sub('""', expression)
    selected = {word for part in MATCHERS.findall(plain) for word in re.findall(r"(\w+)\s*[=!]", part)}
    return selected | {word.strip() for part in GROUPED.findall(plain) for word in part.split(",")}


def kept(expression: str, exposed: Mapping[str, set[str]]) -> set[str]:
    """The labels that the result of an expression has."""
    grouped = re.search(r"\bby\s*\(([^)]*)\)", expression)
    if grouped:
        return {word.strip() for word in grouped[1].split(",")}
    return set.union(*(exposed[name] for name in names_in(expression)))


@pytest.mark.parametrize(("what", "expression"), list(expressions()))
def test_rule_or_panel_names_only_series_and_labels_that_are_exposed(
    exposed: Mapping[str, set[str]], what: str, expression: str
) -> None:
    named = names_in(expression)
    assert named
    assert named - set(exposed) == set()
    assert labels_in(expression) - set.union(*(exposed[name] for name in named)) - OF_PROMETHEUS == set()


def test_metric_and_label_that_nobody_exposes_are_noticed(exposed: Mapping[str, set[str]]) -> None:
    planted = 'sum by (route) (rate(safeconduct_registry_gone_total{status=~"5.."}[5m])) / vector(2)'
    assert names_in(planted) - set(exposed) == {"safeconduct_registry_gone_total"}
    assert labels_in(planted) == {"route", "status"}


def test_route_that_a_rule_leaves_out_is_a_route_of_the_registry() -> None:
    from registry.api import nodes
    from registry.main import PREFIX

    routes = {f"{PREFIX}{route.path}" for route in nodes.router.routes}
    named = {route for _, expression in expressions() for route in re.findall(r'route!="([^"]*)"', expression)}
    assert named
    assert named <= routes


@pytest.mark.parametrize("rule", [rule for kind in KINDS for rule in rules(kind)], ids=lambda rule: rule["alert"])
def test_rule_says_how_urgent_it_is_what_to_do_and_of_what(exposed: Mapping[str, set[str]], rule: Any) -> None:
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert set(rule["annotations"]) == {"summary", "action"}
    told = set(re.findall(r"\$labels\.(\w+)", " ".join(rule["annotations"].values())))
    assert told <= kept(rule["expr"], exposed)


@pytest.mark.parametrize("kind", KINDS)
def test_every_rule_fires_on_what_it_is_about_and_on_nothing_else(kind: str, tmp_path: Path) -> None:
    cases = Path(__file__).with_name(f"{kind}-alerts.yaml")
    expected = re.findall(r'alertname="(\w+)"', cases.read_text())
    assert set(expected) == {rule["alert"] for rule in rules(kind)}
    assert judge("check", "config", "--syntax-only", str(FOLDER / kind / "prometheus.yml")) == (0, "")
    assert judge("test", "rules", str(cases)) == (0, "")

    never = re.sub(r"> 0\.05|== 2$", "> 1e9", (FOLDER / kind / "alerts.yaml").read_text(), count=1, flags=re.MULTILINE)
    (tmp_path / "alerts.yaml").write_text(never)
    (tmp_path / "cases.yaml").write_text(re.sub(r"\[\.\./.*\]", "[alerts.yaml]", cases.read_text()))
    code, said = judge("test", "rules", str(tmp_path / "cases.yaml"))
    assert (code, re.search("RegistryFails|NodeCheckFails", said) is not None) == (1, True)


@pytest.mark.parametrize("kind", KINDS)
def test_prometheus_accepts_every_expression_of_a_dashboard(kind: str, tmp_path: Path) -> None:
    asked = [target["expr"] for panel in panels(kind) for target in panel["targets"]]
    recorded = [{"record": f"panel:{number}", "expr": expression} for number, expression in enumerate(asked)]
    (tmp_path / "panels.yaml").write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": recorded}]}))
    assert judge("check", "rules", str(tmp_path / "panels.yaml")) == (0, "")


def judge(*words: str) -> tuple[int, str]:
    """What Prometheus's own judge says: whether it is content, and of what it is not."""
    if shutil.which("promtool") is None:
        pytest.skip("there is no promtool on this machine; `make test` installs it")
    done = subprocess.run(["promtool", *words], capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, done.stderr.strip()


@pytest.mark.parametrize("kind", KINDS)
def test_dashboard_fits_its_grid_and_its_source(exposed: Mapping[str, set[str]], kind: str) -> None:
    """Grafana itself runs in no test; this is what it would stumble over."""
    found = panels(kind)
    (source,) = yaml.safe_load((FOLDER / "datasource.yaml").read_text())["datasources"]
    assert len({panel["id"] for panel in found}) == len({panel["title"] for panel in found}) == len(found)
    for panel in found:
        assert (panel["type"], panel["datasource"]["uid"]) == ("timeseries", source["uid"])
        assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"]) > 0
        for target in panel["targets"]:
            told = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            assert told <= kept(target["expr"], exposed), panel["title"]
    for one, other in combinations((panel["gridPos"] for panel in found), 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        assert beside or one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert one["x"] + one["w"] <= 24


def test_every_series_of_a_node_is_watched(exposed: Mapping[str, set[str]]) -> None:
    """What no rule and no panel looks at would be told for nobody."""
    watched = set().union(*(names_in(expression) for _, expression in expressions()))
    assert {name for name in exposed if name.startswith("safeconduct_node_")} - watched == set()
