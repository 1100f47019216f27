"""Metrics of the journal as a transaction replica sees it."""

from typing import Final

from prometheus_client import Counter, Histogram

APPEND_SECONDS: Final = Histogram(
    "daytrader_append_seconds",
    "From sending an append until it was durable or refused.",
    buckets=(0.002, 0.004, 0.006, 0.008, 0.012, 0.016, 0.024, 0.032, 0.064, 0.128, 0.5, 1, 2, 5, 10),
)
BATCH_RECORDS: Final = Histogram(
    "daytrader_batch_records",
    "Records made durable by one append, over all its partitions.",
    buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000),
)
CONFLICTS: Final = Counter("daytrader_journal_conflicts", "Entries whose place another replica had taken.")
UNSETTLED: Final = Counter("daytrader_journal_unsettled", "Entries that an append left unsettled.")
