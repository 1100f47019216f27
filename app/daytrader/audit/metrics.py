"""What is counted about the audit service; every counter exists at 0 from the start."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

ENTRIES = Counter("daytrader_audit_entries_stored_total", "Journal entries stored in the audit store.")
RECORDS = Counter("daytrader_audit_records_stored_total", "Records in the journal entries that were stored.")
FOLLOW_FAILURES = Counter(
    "daytrader_audit_follow_failures_total", "Times that following the journal had to start over."
)
BLOCKED = Gauge("daytrader_audit_blocked_partitions", "Partitions in which the log cannot go on: see the health page.")

HEAD_ENTRIES = Gauge(
    "daytrader_audit_head_entries", "The last entry of a partition that is in the audit store.", ["partition"]
)
HEAD_RECORDS = Gauge(
    "daytrader_audit_head_records",
    "Records in all entries of a partition up to that one; none is left out, or the partition is blocked.",
    ["partition"],
)
LAG_ENTRIES = Gauge(
    "daytrader_audit_lag_entries",
    "Entries that the last look at the journal found waiting to be stored.",
    ["partition"],
)
LAG_SECONDS = Gauge(
    "daytrader_audit_lag_seconds",
    "Everything that the journal acknowledged longer ago than this is in the audit store.",
)

DUMP_KINDS: Final = ("user", "all")
DUMP_ENDS: Final = ("complete", "behind", "busy", "failed", "abandoned")

DUMPS_RUNNING = Gauge("daytrader_audit_dumps_running", "Logs that are being written to somebody now.")
DUMPS = Counter(
    "daytrader_audit_dumps_total",
    "Logs asked for, by what became of them; abandoned where the reader went away or stopped reading.",
    ["kind", "end"],
)
DUMP_SECONDS = Histogram(
    "daytrader_audit_dump_seconds",
    "From the request to the end of a complete log.",
    ["kind"],
    # A user's log takes milliseconds, a whole one of a million events some ten seconds.
    buckets=(0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0),
)
DUMP_BYTES = Counter("daytrader_audit_dump_bytes_total", "Bytes of logs written.")

for _kind in DUMP_KINDS:
    DUMP_SECONDS.labels(_kind)
    for _end in DUMP_ENDS:
        DUMPS.labels(_kind, _end)
