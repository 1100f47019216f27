"""What of a service's metrics the operations page needs, and how the same of several replicas goes together."""

from collections.abc import Iterable, Mapping
from math import isnan
from typing import Final, Literal, NamedTuple

import msgspec
from prometheus_client.samples import Sample

from daytrader.web.ops.targets import Role

Key = tuple[str, ...]
"""The name of a sample and the values of its labels, in the order in which `WANTED` names them."""

Reading = Mapping[Key, float]
"""What one service said."""

BUILD: Final = "daytrader_build_info"


class Wanted(NamedTuple):
    """A sample that is needed: of which role's services, what it is, and by which labels.

    A count only grows, and of replicas the growths are added up; of levels the sum, the largest or the smallest counts.
    """

    role: Role
    kind: Literal["count", "sum", "largest", "smallest"]
    labels: tuple[str, ...] = ()


def _histogram(role: Role, *labels: str) -> Wanted:
    return Wanted(role, "count", (*labels, "le"))


WANTED: Final[Mapping[str, Wanted]] = {
    "daytrader_commands_total": Wanted("web", "count", ("command", "outcome")),
    "daytrader_web_seconds_bucket": _histogram("web", "command"),
    "daytrader_web_batch_commands_sum": Wanted("web", "count"),
    "daytrader_web_batch_commands_count": Wanted("web", "count"),
    "daytrader_web_retries_total": Wanted("web", "count"),
    "daytrader_web_in_flight": Wanted("web", "sum"),
    "daytrader_web_streams": Wanted("web", "sum"),
    "daytrader_web_replicas_ready": Wanted("web", "smallest"),
    "daytrader_transaction_in_flight": Wanted("transaction", "sum"),
    "daytrader_transaction_lanes": Wanted("transaction", "sum"),
    "daytrader_transaction_batch_seconds_bucket": _histogram("transaction"),
    "daytrader_append_seconds_bucket": _histogram("transaction"),
    "daytrader_batch_records_sum": Wanted("transaction", "count"),
    "daytrader_batch_records_count": Wanted("transaction", "count"),
    "daytrader_journal_conflicts_total": Wanted("transaction", "count"),
    "daytrader_journal_unsettled_total": Wanted("transaction", "count"),
    "daytrader_journal_head_entries": Wanted("transaction", "largest", ("partition",)),
    "daytrader_journal_head_records": Wanted("transaction", "largest", ("partition",)),
    "daytrader_quote_requests_total": Wanted("transaction", "count", ("result",)),
    "daytrader_quote_server_hits_total": Wanted("transaction", "count"),
    "daytrader_quote_stray_hits_total": Wanted("transaction", "count"),
    "daytrader_quote_cost_dollars_total": Wanted("transaction", "count"),
    "daytrader_quote_server_failures_total": Wanted("transaction", "count", ("reason",)),
    "daytrader_quote_cache_up": Wanted("transaction", "smallest"),
    "daytrader_trigger_delay_seconds_bucket": _histogram("transaction"),
    "daytrader_triggers_armed": Wanted("transaction", "sum"),
    "daytrader_triggers_fired_total": Wanted("transaction", "count", ("side",)),
    "daytrader_audit_head_entries": Wanted("audit", "largest", ("partition",)),
    "daytrader_audit_head_records": Wanted("audit", "largest", ("partition",)),
    "daytrader_audit_lag_seconds": Wanted("audit", "smallest"),
    "daytrader_audit_blocked_partitions": Wanted("audit", "smallest"),
    "daytrader_audit_follow_failures_total": Wanted("audit", "count"),
}


_KEYS: Final[dict[Key, Key]] = {}
"""Every key once: ten minutes of them would take megabytes."""


class Source(msgspec.Struct, frozen=True):
    """One service and what it said; where it said nothing, `error` tells in words why, and `reading` is empty."""

    role: Role
    name: str
    reading: Reading = {}
    build: str = ""
    error: str = ""


class Snapshot(msgspec.Struct, frozen=True):
    """What all services said at about the same time."""

    at: int
    """ms since the epoch."""
    sources: tuple[Source, ...]


def source_of(role: Role, name: str, samples: Iterable[Sample]) -> Source:
    """Return what `samples`, those of one service, say in the role that it has."""
    reading: dict[Key, float] = {}
    build = ""
    for sample in samples:
        if sample.name == BUILD:
            build = sample.labels.get("version", "")
            continue
        wanted = WANTED.get(sample.name)
        if wanted is not None and wanted.role == role and not isnan(sample.value):
            key = (sample.name, *(sample.labels.get(label, "") for label in wanted.labels))
            reading[_KEYS.setdefault(key, key)] = sample.value
    return Source(role, name, reading, build)
