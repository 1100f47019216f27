"""Recording rules and alerts, as far as no Prometheus is needed to look at them."""

import re
from pathlib import Path
from typing import Final

import pytest

from daytrader.web.ops.reading import WANTED
from tests.observability.cases import CASES
from tests.observability.dashboards import DASHBOARDS, queries
from tests.observability.exported import FROM_KUBE_STATE_METRICS, PROMETHEUS_OWN, exported_names
from tests.observability.promql import matched_labels, selectors
from tests.observability.rules import ALERTS, CHART, RECORDED_BY_TEMPLATE, RULE_FILES, RULES, Rule, read

OPERATIONS: Final = Path(__file__).parents[2] / "docs" / "operations.md"

RECORDED: Final = {rule.record for rule in RULES.values() if rule.record} | RECORDED_BY_TEMPLATE

FROM_ANY_PROCESS: Final = re.compile(r"up$|process_|daytrader_build_info$|daytrader_(mrs|operator|backup)_")
"""What every process says of itself, and what only the operator knows of."""

every_rule: Final = pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.name)
every_alert: Final = pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule.name)


def test_names_are_given_once() -> None:
    """No two rules have the same name: a case and a runbook mean one of them."""
    names = [rule.name for path in RULE_FILES for rule in read(path)]
    assert sorted(names) == sorted(set(names))


@every_rule
def test_expression_asks_for_what_there_is(rule: Rule) -> None:
    """Every series that a rule asks for is exported by our code, recorded by another rule, or Prometheus' own."""
    known = exported_names() | RECORDED | PROMETHEUS_OWN | FROM_KUBE_STATE_METRICS
    assert {selector.name for selector in selectors(rule.expr)} <= known


@every_rule
def test_expression_names_the_component(rule: Rule) -> None:
    """A process exports the metrics of all services, those of the others at 0: a rule says whose it means."""
    for selector in selectors(rule.expr):
        name = selector.name or ""
        if name in exported_names() and not FROM_ANY_PROCESS.match(name):
            assert "app_kubernetes_io_component" in matched_labels(selector), name


@pytest.mark.parametrize("name", sorted(RECORDED))
def test_recorded_series_are_used(name: str) -> None:
    """What is recorded is used by another rule."""
    assert any(name == selector.name for rule in RULES.values() for selector in selectors(rule.expr))


@pytest.mark.parametrize("name", sorted(RECORDED_BY_TEMPLATE))
def test_limits_are_recorded_by_the_template(name: str) -> None:
    """What alerts compare with and the chart's values say is recorded by the chart's template."""
    assert f"- record: {name}\n" in (CHART / "templates" / "rules.yaml").read_text()


@every_alert
def test_alert_says_what_is_wrong(rule: Rule) -> None:
    """An alert has a severity, a summary, and a description that ends as a sentence does."""
    assert rule.labels.keys() == {"severity"}
    assert rule.labels["severity"] in {"critical", "warning"}
    assert rule.annotations.keys() == {"summary", "description", "runbook"}
    assert rule.annotations["summary"][-1] != "."
    assert rule.annotations["description"][-1] == "."


@every_alert
def test_alert_has_a_runbook(rule: Rule) -> None:
    """An alert's runbook is a section of docs/operations.md of the alert's name."""
    assert rule.annotations["runbook"] == f"docs/operations.md#{rule.alert.lower()}"
    assert f"\n### {rule.alert}\n" in OPERATIONS.read_text()


def test_no_runbook_without_an_alert() -> None:
    """A runbook of an alert that is gone is gone too."""
    assert set(re.findall(r"^### (Daytrader\w+)$", OPERATIONS.read_text(), re.MULTILINE)) == {
        rule.alert for rule in ALERTS
    }


@every_alert
def test_annotations_name_labels_that_are_there(rule: Rule) -> None:
    """A label that an annotation shows is on the alert, as its cases know it."""
    shown = set(re.findall(r"\$labels\.(\w+)", " ".join(rule.annotations.values())))
    fired = [labels for case in CASES if case.rule == rule.alert for labels in case.fires or ()]
    for labels in fired:
        assert shown <= labels.keys() or labels.keys() == {"app_kubernetes_io_name", "app_kubernetes_io_component"}


@pytest.mark.parametrize("component", ["Web", "Transaction", "Audit", "Operator"])
def test_missing_data_is_no_silence(component: str) -> None:
    """An alert that tells of a service that is away fires when nothing is known of it at all."""
    assert "absent(up{" in RULES[f"Daytrader{component}Down"].expr


@every_rule
def test_rule_has_cases(rule: Rule) -> None:
    """There are cases of every rule; of an alert one in which it fires, and one in which it does not."""
    cases = [case for case in CASES if case.rule == rule.name]
    assert any(case.expects_something for case in cases)
    if rule.alert:
        assert not all(case.expects_something for case in cases)


def test_every_service_metric_is_looked_at() -> None:
    """Every metric of ours is in a dashboard, in a rule or on the operations page: what nobody looks at need not be."""
    asked = [rule.expr for rule in RULES.values()] + [
        query.expr for dashboard in DASHBOARDS for query in queries(dashboard)
    ]
    asked += WANTED
    families = {re.sub(r"_(bucket|sum|count)$", "", name) for name in exported_names() if name.startswith("daytrader_")}
    assert {family for family in families if not any(family in expr for expr in asked)} == set()
