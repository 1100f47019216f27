"""Cases of rules, and what promtool reads of them."""

import msgspec
import pytest

from tests.observability.cases import CASES, Case, promtool_file
from tests.observability.rules import RULES


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.rule}: {case.case}")
def test_case_fits_its_rule(case: Case) -> None:
    """A case is of a rule that there is, and says what that kind of rule does: an alert fires, a series has samples."""
    rule = RULES[case.rule]
    assert (case.fires is not None) == bool(rule.alert)
    assert (case.gives is not None) == bool(rule.record)


def test_alert_as_promtool_reads_it() -> None:
    """Series get the labels of their target, and what fires is expected with the alert's severity."""
    case = Case(
        rule="DaytraderQuoteCacheDown",
        case="one of two replicas leaves the cache alone",
        at="2m",
        series={"transaction/1": {'daytrader_quote_cache_up{x="y"}': "0x9"}},
        fires=[{"namespace": "dt"}],
    )
    test = msgspec.yaml.decode(promtool_file(case))["tests"][0]
    assert test["input_series"] == [
        {
            "series": 'daytrader_quote_cache_up{x="y",namespace="dt",app_kubernetes_io_instance="daytrader",'
            'app_kubernetes_io_name="daytrader",app_kubernetes_io_component="transaction",pod="transaction-1"}',
            "values": "0x9",
        }
    ]
    assert test["promql_expr_test"] == [
        {
            "expr": 'ALERTS{alertname="DaytraderQuoteCacheDown",alertstate="firing"}',
            "eval_time": "2m",
            "exp_samples": [
                {
                    "labels": 'ALERTS{alertname="DaytraderQuoteCacheDown",alertstate="firing",severity="warning",'
                    'namespace="dt"}',
                    "value": 1,
                }
            ],
        }
    ]


def test_recorded_series_as_promtool_reads_it() -> None:
    """A sample of a recorded series is expected with its labels and its value."""
    case = Case(
        rule="daytrader:commands:rate5m",
        case="any",
        at="10m",
        series={},
        gives=[{"namespace": "dt", "value": 0.5}],
    )
    test = msgspec.yaml.decode(promtool_file(case))["tests"][0]
    assert test["promql_expr_test"][0]["exp_samples"] == [{"labels": '{namespace="dt"}', "value": 0.5}]
