"""Metrics of the transaction service."""

from math import nan
from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from daytrader.transaction.partition import Partition

DECIDED: Final = Counter("daytrader_decided_records", "Records made durable by this replica: commands, firings, hits.")
REDECIDED: Final = Counter("daytrader_redecided_commands", "Commands decided again because another replica was faster.")
UNDER_WAY: Final = Gauge("daytrader_transaction_in_flight", "Commands that wait for a decision or for their append.")
LANES: Final = Gauge("daytrader_transaction_lanes", "Users whose commands wait for a quote, an account or a partition.")
REFUSED_BUSY: Final = Counter(
    "daytrader_transaction_overload", "Commands answered 429 because too many were under way."
)
DROPPED: Final = Counter("daytrader_transaction_dropped", "Commands past their deadline, dropped undecided.")
OPEN_PARTITIONS: Final = Gauge("daytrader_partitions_open", "Partitions that this replica decides commands in.")
JOURNAL_HEAD: Final = Gauge(
    "daytrader_journal_head_entries",
    "The last durable entry of a partition, as a replica knows that has it open; NaN where it has not.",
    ["partition"],
)
JOURNAL_RECORDS: Final = Gauge(
    "daytrader_journal_head_records", "Records in all entries of a partition up to that one.", ["partition"]
)
TAIL: Final = Gauge(
    "daytrader_records_after_checkpoint", "Records that an opening of this replica's partitions would replay now."
)
OPENING_SECONDS: Final = Histogram(
    "daytrader_partition_opening_seconds",
    "From wanting a partition until it was open.",
    buckets=(0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30),
)
QUEUE_SECONDS: Final = Histogram(
    "daytrader_transaction_batch_seconds",
    "From a batch's arrival until its answer: decision, queue and append.",
    buckets=(0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.5, 1, 2, 5),
)
DECIDE_SECONDS: Final = Histogram(
    "daytrader_decide_seconds",
    "Deciding all commands of one batch that could be decided at once.",
    buckets=(0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3),
)
MEMORY_ACCOUNTS: Final = Gauge("daytrader_accounts_in_memory", "Accounts in memory.")
STORED: Final = Counter("daytrader_accounts_stored", "Accounts written to the account store.")
FIRED: Final = Counter("daytrader_triggers_fired", "Triggers fired.", ["side"])
TRIGGER_DELAY: Final = Histogram(
    "daytrader_trigger_delay_seconds",
    "How far behind its interval the evaluation of the triggers ended.",
    buckets=(0.01, 0.03, 0.1, 0.3, 1, 3, 10),
)
ARMED: Final = Gauge("daytrader_triggers_armed", "Armed triggers in the open partitions.")
for _side in ("buy", "sell"):
    FIRED.labels(_side)


def show_head(partition: Partition) -> None:
    """Show from now on how far `partition` is; it is looked at when somebody asks, and costs nothing meanwhile."""
    number = partition.number
    JOURNAL_HEAD.labels(number).set_function(lambda: partition.head.n if partition.is_open else nan)
    JOURNAL_RECORDS.labels(number).set_function(lambda: partition.head.next_record - 1 if partition.is_open else nan)
