"""The dashboard and the rules in `deploy`, and the reference of metrics: they ask for what `/metrics` has, and nothing else."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from tests.admin.exposed import Exposed
from tests.admin.gateways import ALICE_KEY, BOB_KEY, Caller, gateway

from tollway.telemetry.destination import VARIABLES
from tollway.telemetry.metrics import METRICS

ROOT = Path(__file__).parent.parent.parent
DASHBOARD = json.loads((ROOT / "deploy/grafana/tollway.json").read_text())
RULES = yaml.safe_load((ROOT / "deploy/prometheus/rules.yml").read_text())["groups"]
GUIDE = (ROOT / "docs/guides/telemetry.md").read_text()
REFERENCE = (ROOT / "docs/reference/metrics.md").read_text()

WHERE_SCRAPED = {"instance", "job"}
"""Labels that a Prometheus server adds."""
IN_TROUBLE_ONLY = {"tollway_target_resting", "tollway_otel_dropped_total", "tollway_loop_lag_seconds_bucket"}


def expressions() -> Iterator[tuple[str, str]]:
    for group in RULES:
        for rule in group["rules"]:
            yield rule.get("alert") or rule["record"], rule["expr"]
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", ()):
            # Grafana puts these in.
            yield panel["title"], target["expr"].replace("$__range", "1h").replace("$gateway", ".*")


def recorded() -> dict[str, str]:
    return {rule["record"]: rule["expr"] for group in RULES for rule in group["rules"] if "record" in rule}


def selectors(expression: Any) -> Iterator[Any]:
    """Every vector selector of a parsed expression."""
    if isinstance(expression, promql_parser.VectorSelector):
        yield expression
    for name in ("expr", "lhs", "rhs", "vector_selector", "param"):
        inner = getattr(expression, name, None)
        if inner is not None and type(inner).__module__.startswith("promql_parser"):
            yield from selectors(inner)
    for inner in getattr(expression, "args", None) or ():
        yield from selectors(inner)


def metric_of(name: str) -> str:
    return name if name in METRICS else re.sub(r"_(bucket|sum|count)$", "", name)


def labels_of(name: str) -> set[str]:
    if name in recorded():
        return {label for each in selectors(promql_parser.parse(recorded()[name])) for label in labels_of(each.name)}
    metric = METRICS[metric_of(name)]
    return set(metric.labels) | ({"le"} if metric.kind == "histogram" else set())


@pytest.mark.parametrize(("where", "expression"), list(expressions()), ids=lambda each: each[:40])
def test_an_expression_is_promql_and_asks_for_metrics_and_labels_that_there_are(where: str, expression: str) -> None:
    found = list(selectors(promql_parser.parse(expression)))
    assert found, where
    names = {each.name for each in found}
    assert {metric_of(name) for name in names if name not in recorded()} <= METRICS.keys()
    known = {label for name in names for label in labels_of(name)} | WHERE_SCRAPED
    asked = set(re.findall(r"\bby \(([^)]*)\)", expression))
    assert {label.strip() for each in asked for label in each.split(",")} <= known
    for each in found:
        assert {matcher.name for matcher in each.matchers.matchers} <= labels_of(each.name)
    # A counter is asked how it grows, a gauge how it is.
    for name in names - recorded().keys():
        counted = METRICS[metric_of(name)].kind != "gauge"
        grown = re.search(rf"(rate|increase)\({name}\b", expression) is not None
        assert counted == grown, name


def test_what_is_shown_beside_an_expression_are_its_labels() -> None:
    for group in RULES:
        for rule in group["rules"]:
            known = {label for each in selectors(promql_parser.parse(rule["expr"])) for label in labels_of(each.name)}
            for text in rule.get("annotations", {}).values():
                assert set(re.findall(r"\$labels\.(\w+)", text)) <= known, rule["alert"]
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", ()):
            known = set().union(*(labels_of(each.name) for each in selectors(promql_parser.parse(
                target["expr"].replace("$__range", "1h").replace("$gateway", ".*")))))  # fmt: skip
            assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) <= known, panel["title"]


def test_panels_lie_beside_each_other_and_have_numbers_of_their_own() -> None:
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken and max(x for x, _ in cells) < 24, panel["title"]
        taken |= cells


def test_alerts_have_names_of_their_own_and_say_what_is_wrong() -> None:
    alerts = [rule for group in RULES for rule in group["rules"] if "alert" in rule]
    assert len({alert["alert"] for alert in alerts}) == len(alerts)
    for alert in alerts:
        assert alert["labels"]["severity"] in ("info", "warning", "critical")
        assert alert["annotations"]["summary"].endswith(".")


async def test_a_real_gateway_has_every_metric_that_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    async with gateway(tmp_path) as caller:
        await asked(caller)
        found = Exposed((await caller.admin("/metrics")).body.decode())
    assert found.lints() == []
    wanted = {each.name for _, text in expressions() for each in selectors(promql_parser.parse(text))}
    assert wanted - recorded().keys() - IN_TROUBLE_ONLY <= found.names()


async def asked(caller: Caller) -> None:
    await caller.chat()
    await caller.chat(BOB_KEY)
    await caller.chat(ALICE_KEY, stream=True, stream_options={"include_usage": True})


def test_the_reference_has_every_metric_as_it_is() -> None:
    rows = re.findall(r"^\| `([a-z_]+)` \| (\w+) \| ([^|]*) \| ([^|]*) \|$", REFERENCE, re.MULTILINE)
    assert sorted(row[0] for row in rows) == sorted(METRICS)
    for name, kind, labels, text in rows:
        metric = METRICS[name]
        assert (kind, text) == (metric.kind, metric.help)
        assert re.findall(r"`(\w+)`", labels) == list(metric.labels)


def test_the_guide_has_every_variable() -> None:
    rows = re.findall(r"^\| `([A-Z_]+)` \| ([^|]*) \| ([^|]*) \|$", GUIDE, re.MULTILINE)
    assert [(name, default.strip("`"), text) for name, default, text in rows] == list(VARIABLES)
