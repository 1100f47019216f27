"""Figures of an interval."""

import pytest

from daytrader.web.ops.figures import PartitionHeads, figures_of, heads_of
from daytrader.web.ops.interval import Interval
from daytrader.web.ops.reading import Key
from tests.web.ops.build import START, figures

BUCKET = "daytrader_web_seconds_bucket"


def test_commands_a_second_are_those_with_an_outcome() -> None:
    """Accepted and refused ones stand in the journal; failed, turned away and denied ones are told apart."""
    found = figures(
        {
            ("daytrader_commands_total", "ADD", "accepted"): 540,
            ("daytrader_commands_total", "BUY", "refused"): 60,
            ("daytrader_commands_total", "BUY", "failed"): 6,
            ("daytrader_commands_total", "QUOTE", "overload"): 3,
        }
    )
    assert found.tps == 10
    assert found.outcomes == {"accepted": 540, "refused": 60, "failed": 6, "overload": 3, "denied": 0}


def test_latency_is_told_by_command_and_of_all() -> None:
    """Each command has its own quantiles, the most frequent first; all together have theirs."""
    counts: dict[Key, float] = {}
    for command, number, (low, high) in (("BUY", 10, ("0.1", "0.2")), ("ADD", 30, ("0.01", "0.02"))):
        counts |= {(BUCKET, command, low): 0, (BUCKET, command, high): number, (BUCKET, command, "+Inf"): number}
    found = figures(counts, seconds=10)
    assert [(one.command, one.per_second) for one in found.latencies] == [("ADD", 3), ("BUY", 1)]
    assert found.latencies[0].p50_ms == pytest.approx(15)
    assert found.latencies[1].p99_ms == pytest.approx(199)


def test_where_nothing_happened_nothing_is_told() -> None:
    """Without commands there are no latencies and no batches; that is not 0 ms."""
    found = figures()
    assert (found.tps, found.latencies, found.p50_ms, found.records_an_append) == (0, (), None, None)
    assert found.quotes.cache_up is None


def test_batches_quotes_and_triggers() -> None:
    """Means are sums by numbers; quotes are told by where they came from, and what they cost."""
    found = figures(
        {
            ("daytrader_batch_records_sum",): 600,
            ("daytrader_batch_records_count",): 120,
            ("daytrader_commands_total", "BUY", "accepted"): 150,
            ("daytrader_commands_total", "SELL", "refused"): 50,
            ("daytrader_commands_total", "ADD", "accepted"): 5,
            ("daytrader_quote_requests_total", "memory"): 70,
            ("daytrader_quote_requests_total", "shared"): 20,
            ("daytrader_quote_requests_total", "server"): 10,
            ("daytrader_quote_server_hits_total",): 10,
            ("daytrader_quote_cost_dollars_total",): 0.5,
            ("daytrader_triggers_fired_total", "buy"): 2,
            ("daytrader_triggers_fired_total", "sell"): 1,
        },
        {("daytrader_quote_cache_up",): 0.0},
    )
    assert (found.records_an_append, found.appends_per_second) == (5, 2)
    assert (found.quotes.needed, found.quotes.in_hand, found.quotes.cached) == (200, 170, 190)
    assert (found.quotes.hits, found.quotes.dollars) == (10, 0.5)
    assert found.quotes.cache_up is False
    assert found.fired == 3


def test_heads_are_told_by_partition_and_number() -> None:
    """Each partition tells how far journal and log are, in the order of numbers; who is not there is None."""
    levels: dict[Key, float] = {}
    for number, (journal, audited) in {"10": (7, 5), "2": (9, 9)}.items():
        levels[("daytrader_journal_head_entries", number)] = journal
        levels[("daytrader_journal_head_records", number)] = journal * 10
        levels[("daytrader_audit_head_entries", number)] = audited
        levels[("daytrader_audit_head_records", number)] = audited * 10
    levels[("daytrader_audit_head_entries", "3")] = 4
    heads = heads_of(levels)
    assert heads == (
        PartitionHeads(2, 9, 9, 90, 90),
        PartitionHeads(3, None, 4, None, None),
        PartitionHeads(10, 7, 5, 70, 50),
    )
    assert [one.lag for one in heads] == [0, None, 2]
    assert figures_of(Interval(START, START + 5_000, {}, levels)).partitions == heads
