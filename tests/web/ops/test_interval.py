"""What happened between two looks."""

from itertools import pairwise

from daytrader.web.ops.interval import between, together
from daytrader.web.ops.reading import Source
from tests.web.ops.build import START, interval, sample, snapshot, source

COUNT = ("daytrader_commands_total", "ADD", "accepted")
BUCKET = "daytrader_web_seconds_bucket"


def _accepted(value: float, name: str = "one:9100") -> Source:
    return source(sample("daytrader_commands_total", value, command="ADD", outcome="accepted"), name=name)


def test_counts_tell_by_how_much_they_grew() -> None:
    """The growth of all replicas is added up; what did not grow is left out."""
    before = snapshot(0, _accepted(10), _accepted(5, "two"))
    assert between(before, snapshot(5, _accepted(17), _accepted(6, "two"))).counts == {COUNT: 8}
    assert between(before, snapshot(5, _accepted(10), _accepted(5, "two"))).counts == {}


def test_a_service_that_was_started_anew_counts_from_nothing() -> None:
    """A count that is smaller than before is all growth."""
    assert between(snapshot(0, _accepted(1000)), snapshot(5, _accepted(7))).counts == {COUNT: 7}


def test_what_a_newcomer_counted_before_is_not_of_the_interval() -> None:
    """A replica that was not seen before, or was silent, may have counted for hours."""
    silent = snapshot(0, Source("web", "one:9100", error="is silent"))
    assert between(silent, snapshot(5, _accepted(1000))).counts == {}
    assert between(snapshot(0), snapshot(5, _accepted(1000))).counts == {}


def test_a_replica_that_is_gone_takes_nothing_away() -> None:
    """What the others did stays right."""
    before = snapshot(0, _accepted(10), _accepted(500, "two"))
    after = snapshot(5, _accepted(12), Source("web", "two", error="cannot be reached"))
    assert between(before, after).counts == {COUNT: 2}


def test_levels_go_together_as_they_mean() -> None:
    """Queues add up; of heads the largest counts, for a replica may know an old one; of caches the one that is down."""

    def one(name: str, queue: float, head: float, cache: float) -> Source:
        return source(
            sample("daytrader_transaction_lanes", queue),
            sample("daytrader_journal_head_entries", head, partition="3"),
            sample("daytrader_quote_cache_up", cache),
            role="transaction",
            name=name,
        )

    levels = between(snapshot(0), snapshot(5, one("a", 2, 70, 1), one("b", 3, 90, 0))).levels
    assert levels == {
        ("daytrader_transaction_lanes",): 5,
        ("daytrader_journal_head_entries", "3"): 90,
        ("daytrader_quote_cache_up",): 0,
    }


def test_metrics_of_other_roles_are_not_counted() -> None:
    """Every process has all metrics; only those of what it is for mean something."""
    lag = sample("daytrader_audit_lag_seconds", 3.0)
    assert interval(lag, role="web").levels == {}
    assert interval(lag, role="audit").levels == {("daytrader_audit_lag_seconds",): 3.0}


def test_an_empty_bucket_stays_where_others_are_not() -> None:
    """Its bound is the lower one of the next bucket."""
    buckets = [sample(BUCKET, value, command="ADD", le=le) for le, value in (("0.1", 0), ("0.2", 4), ("+Inf", 4))]
    quiet = [sample(BUCKET, 0, command="BUY", le=le) for le in ("0.1", "0.2", "+Inf")]
    assert interval(*buckets, *quiet).counts == {
        (BUCKET, "ADD", "0.1"): 0,
        (BUCKET, "ADD", "0.2"): 4,
        (BUCKET, "ADD", "+Inf"): 4,
    }


def test_intervals_in_a_row_add_up() -> None:
    """Counts are added, levels are the last ones, and it lasted from the first to the last."""
    looks = [snapshot(5 * number, _accepted(10.0 * number)) for number in range(4)]
    parts = [between(one, other) for one, other in pairwise(looks)]
    whole = together(parts)
    assert whole.counts == {COUNT: 30}
    assert (whole.since, whole.until, whole.seconds) == (START, START + 15_000, 15.0)
