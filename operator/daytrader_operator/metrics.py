"""What the operator says of itself and of the replica sets, for Prometheus."""

from typing import Final

from prometheus_client import Counter, Gauge

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
