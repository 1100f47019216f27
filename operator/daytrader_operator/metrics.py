"""What the operator says of itself and of the replica sets, for Prometheus."""

from collections.abc import Mapping
from math import nan
from typing import Any, Final

from prometheus_client import Counter, Gauge

from daytrader_operator.desired import KIND, Desired
from daytrader_operator.diagnosis import Diagnosis
from daytrader_operator.facts import Observed
from daytrader_operator.status import condition_holds

PORT: Final = 9100

ready = Gauge("daytrader_mrs_ready", "1 while the replica set's condition Ready is True.", ["set"])
degraded = Gauge("daytrader_mrs_degraded", "1 while the replica set's condition Degraded is True.", ["set"])
members_desired = Gauge("daytrader_mrs_members_desired", "Members that the resource asks for.", ["set"])
members_healthy = Gauge("daytrader_mrs_members_healthy", "Members that are PRIMARY or SECONDARY.", ["set"])
member_up = Gauge("daytrader_mrs_member_up", "1 while the member is PRIMARY or SECONDARY.", ["set", "member"])
primary = Gauge("daytrader_mrs_primary", "1 for the member that is the primary.", ["set", "member"])
member_lag = Gauge(
    "daytrader_mrs_member_lag_seconds",
    "By how much the member's newest entry is older than the primary's.",
    ["set", "member"],
)
steps = Counter("daytrader_operator_steps", "Steps carried out, by kind of resource.", ["kind", "step"])
failures = Counter("daytrader_operator_failures", "Passes that failed, by kind of resource.", ["kind"])
last_pass = Gauge(
    "daytrader_operator_last_pass_timestamp_seconds",
    "When the last good pass over the resource ended.",
    ["kind", "name"],
)
last_backup = Gauge(
    "daytrader_backup_last_success_timestamp_seconds", "When the last good backup ended; 0: there was none."
)
failures.labels(KIND)

_of_a_set = (ready, degraded, members_desired, members_healthy, member_up, primary, member_lag)
_of_a_member = (member_up, primary, member_lag)

_shown: dict[str, set[str]] = {}
"""The members that there are samples of, by set."""


def measure(desired: Desired, observed: Observed, diagnosis: Diagnosis, status: Mapping[str, Any]) -> None:
    """Set the gauges of a replica set to what a pass has seen."""
    name = desired.name
    ready.labels(name).set(condition_holds(status, "Ready"))
    degraded.labels(name).set(condition_holds(status, "Degraded"))
    members_desired.labels(name).set(desired.spec.members)
    members_healthy.labels(name).set(len(diagnosis.healthy))
    hosts = {*desired.hosts, *(diagnosis.config.hosts if diagnosis.config else ())}
    newest = observed.mongod(diagnosis.primary).applied if diagnosis.primary else None
    for host in hosts:
        member, applied = desired.member(host), observed.mongod(host).applied
        member_up.labels(name, member).set(host in diagnosis.healthy)
        primary.labels(name, member).set(host == diagnosis.primary)
        lag = max(0.0, (newest - applied).total_seconds()) if newest and applied else nan
        member_lag.labels(name, member).set(lag)
    members = {desired.member(host) for host in hosts}
    for member in _shown.get(name, set()) - members:
        for gauge in _of_a_member:
            gauge.remove(name, member)
    _shown[name] = members


def forget(name: str) -> None:
    """Leave out the samples of a replica set that is gone."""
    _shown.pop(name, None)
    for gauge in _of_a_set:
        gauge.remove_by_labels({"set": name})
    last_pass.remove(KIND, name)
