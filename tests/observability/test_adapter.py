"""The rules of prometheus-adapter, by which autoscalers get their metrics."""

import re
from typing import Final

import msgspec
import pytest

from tests.observability.exported import exported_names
from tests.observability.promql import matched_labels, selectors
from tests.observability.rules import CHART


class _Name(msgspec.Struct):
    matches: str
    given: str = msgspec.field(name="as")


class _Resources(msgspec.Struct):
    overrides: dict[str, dict[str, str]]


class Rule(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """Which series become which metric of pods."""

    series_query: str
    resources: _Resources
    name: _Name
    metrics_query: str


class _File(msgspec.Struct):
    rules: list[Rule]


RULES: Final = msgspec.yaml.decode((CHART / "adapter" / "rules.yaml").read_bytes(), type=_File).rules


def test_metrics_are_those_that_the_autoscalers_ask_for() -> None:
    """The rules offer the two metrics that the chart's autoscalers name."""
    counters = re.findall(r'"(daytrader_\w+)"', (CHART / "templates" / "autoscaling.yaml").read_text())
    assert {rule.name.given for rule in RULES} == {f"{counter}_per_second" for counter in counters}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name.given)
def test_rule(rule: Rule) -> None:
    """A rule is about a counter that our code exports, of pods, and its query is PromQL when its template is filled."""
    (selector,) = selectors(rule.series_query)
    assert selector.name in exported_names()
    assert re.fullmatch(rule.name.matches, selector.name or "")
    assert matched_labels(selector) == {"namespace", "pod"}
    assert rule.resources.overrides == {"namespace": {"resource": "namespace"}, "pod": {"resource": "pod"}}
    filled = rule.metrics_query.replace("<<.Series>>", selector.name or "")
    filled = filled.replace("<<.LabelMatchers>>", 'namespace="dt",pod=~"a|b"').replace("<<.GroupBy>>", "pod")
    assert [found.name for found in selectors(filled)] == [selector.name]
