"""Cases of rules: series that Prometheus may have, and what a rule makes of them; and the same as promtool reads it."""

from pathlib import Path
from typing import Any, Final

import msgspec

from tests.observability.rules import FILE_OF, RECORDING, RULES

COMPONENTS: Final = frozenset({"web", "transaction", "audit", "operator"})
_FROM_CHART: Final = "limits"


class Case(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one rule makes of some series at one time."""

    rule: str
    case: str
    """What the series mean, in words."""
    at: str
    """Since the first sample, as PromQL writes durations."""
    series: dict[str, dict[str, str]]
    """By what they are scraped from ("web" is pod web-0, "web/1" is web-1; "limits" are recorded by the chart), then by
    name and own labels; values as promtool writes them."""
    every: str = "30s"
    """Between two samples of a series, and between two evaluations."""
    fires: list[dict[str, str]] | None = None
    """Of an alert: the labels of every one that fires, but for its own name and severity."""
    gives: list[dict[str, str | float]] | None = None
    """Of a recorded series: labels and `value` of every sample."""

    @property
    def expects_something(self) -> bool:
        """Whether the alert fires, or the series has samples."""
        return bool(self.fires or self.gives)


def read(path: Path) -> list[Case]:
    """Return the cases of a file. Raises msgspec.ValidationError for one that is no list of cases."""
    return msgspec.yaml.decode(path.read_bytes(), type=list[Case])


CASES: Final = tuple(case for path in sorted((Path(__file__).parent / "cases").glob("*.yaml")) for case in read(path))


def promtool_file(case: Case) -> bytes:
    """Return the case as a file for `promtool test rules`."""
    series = [
        {"series": _with_labels(name, _target_labels(source)), "values": values}
        for source, own in case.series.items()
        for name, values in own.items()
    ]
    test = {"interval": case.every, "input_series": series, "promql_expr_test": [_expected(case)]}
    rules = sorted({str(RECORDING), str(FILE_OF[case.rule])})
    return msgspec.yaml.encode({"rule_files": rules, "evaluation_interval": case.every, "tests": [test]})


def _expected(case: Case) -> dict[str, Any]:
    rule = RULES[case.rule]
    samples: list[dict[str, Any]]
    if rule.alert:
        # Prometheus shows what fires as a series, so that a case need not repeat every annotation.
        own = {"alertname": rule.alert, "alertstate": "firing"}
        expr = _with_labels("ALERTS", own)
        samples = [
            {"labels": _with_labels("ALERTS", own | rule.labels | labels), "value": 1} for labels in case.fires or []
        ]
    else:
        expr = f"round({rule.record}, 0.0001)"
        samples = [
            {
                "labels": _with_labels("", {name: str(text) for name, text in labels.items() if name != "value"}),
                "value": labels["value"],
            }
            for labels in case.gives or []
        ]
    return {"expr": expr, "eval_time": case.at, "exp_samples": samples}


def _target_labels(source: str) -> dict[str, str]:
    component, _, number = source.partition("/")
    installation = {"namespace": "dt", "app_kubernetes_io_instance": "daytrader"}
    if component in COMPONENTS:
        pod = f"{component}-{number or 0}"
        name = {"app_kubernetes_io_name": "daytrader", "app_kubernetes_io_component": component, "pod": pod}
        return installation | name
    return installation if component == _FROM_CHART else {"namespace": "dt"}


def _with_labels(series: str, labels: dict[str, str]) -> str:
    name, _, own = series.partition("{")
    more = ",".join(f'{label}="{value}"' for label, value in labels.items())
    return name + "{" + ",".join(filter(None, (own.removesuffix("}"), more))) + "}"
