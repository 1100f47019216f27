"""The chart's recording rules and alerts, as its rule files have them."""

from pathlib import Path
from typing import Final

import msgspec

CHART: Final = Path(__file__).parents[2] / "charts" / "daytrader"
RULE_FILES: Final = tuple(sorted((CHART / "rules").glob("*.yaml")))

RECORDING: Final = CHART / "rules" / "recording.yaml"
"""The series that alerts are made of."""

RECORDED_BY_TEMPLATE: Final = frozenset(
    {
        "daytrader:quote_cost_dollars:limit_per_hour",
        "daytrader:autoscaling:target_per_pod",
        "daytrader:autoscaling:max_replicas",
    }
)
"""Series that templates/rules.yaml records out of the chart's values."""


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One rule: an alert, or a series that is recorded."""

    expr: str
    alert: str = ""
    record: str = ""
    wait: str = msgspec.field(default="", name="for")
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}

    @property
    def name(self) -> str:
        """The name of the alert or of the series."""
        return self.alert or self.record


class _Group(msgspec.Struct):
    name: str
    rules: list[Rule]


class _File(msgspec.Struct):
    groups: list[_Group]


def read(path: Path) -> list[Rule]:
    """Return the rules of one file. Raises msgspec.ValidationError for a file that is none of rules."""
    return [rule for group in msgspec.yaml.decode(path.read_bytes(), type=_File).groups for rule in group.rules]


RULES: Final = {rule.name: rule for path in RULE_FILES for rule in read(path)}
FILE_OF: Final = {rule.name: path for path in RULE_FILES for rule in read(path)}
ALERTS: Final = tuple(rule for rule in RULES.values() if rule.alert)
