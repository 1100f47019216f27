"""Red lines."""

import re
from pathlib import Path

import pytest

from daytrader.health import Part
from daytrader.web.ops import troubles as module
from daytrader.web.ops.reading import Key, Source
from daytrader.web.ops.troubles import Trouble, troubles_of
from tests.web.ops.build import figures

COMMANDS = "daytrader_commands_total"
REQUESTS = "daytrader_quote_requests_total"
DECIDES = Source("transaction", "one:9100")
HITS = "daytrader_quote_server_hits_total"


def _alerts(troubles: list[Trouble]) -> list[str]:
    return [trouble.alert.removeprefix("Daytrader") for trouble in troubles]


def test_where_all_is_well_nothing_is_said() -> None:
    """Well parts and a quiet minute are no trouble."""
    parts = [Part("web", True, "takes commands"), Part("redis", True, "shares quotes")]
    quiet = figures({("daytrader_trigger_delay_seconds_bucket", "+Inf"): 60})
    assert troubles_of(quiet, parts, [Source("web", "one")]) == []
    assert troubles_of(None, [], []) == []


@pytest.mark.parametrize(
    ("part", "alert"),
    [
        ("transaction http://127.0.0.1:8001", "ReplicaDown"),
        ("transaction transaction-0", "TransactionReplicaNotReady"),
        ("web http://127.0.0.1:8080", "ReplicaDown"),
        ("web web-0", "NoTransactionReplicaReady"),
        ("data set member 127.0.0.1:27017", "ReplicaSetMemberDown"),
        ("audit set member 127.0.0.1:27018", "ReplicaSetMemberDown"),
        ("audit", "AuditLag"),
        ("redis", "QuoteCacheDown"),
        ("quote server", "QuoteServerFailing"),
        ("something new", "ReplicaDown"),
    ],
)
def test_a_part_that_is_not_well_is_named_in_its_own_words(part: str, alert: str) -> None:
    """The line says which part it is, what that says, and which alert tells the same."""
    (trouble,) = troubles_of(None, [Part(part, False, "is silent for 3 s"), Part("other", True, "well")], [])
    assert trouble == Trouble(f"Daytrader{alert}", part, "is silent for 3 s")


def test_a_service_that_tells_no_metrics_is_named() -> None:
    """One of two is one line; where all of a role are silent, that is said as well."""
    silent = Source("audit", "a:9100", error="is silent for 2 s")
    other = Source("audit", "b:9100")
    assert _alerts(troubles_of(None, [], [silent, other])) == ["ReplicaDown"]
    assert _alerts(troubles_of(None, [], [silent])) == ["ReplicaDown", "AuditDown"]


@pytest.mark.parametrize(
    ("counts", "levels", "alert"),
    [
        ({(COMMANDS, "ADD", "failed"): 3}, {}, "NothingAcknowledged"),
        ({(COMMANDS, "ADD", "failed"): 2, (COMMANDS, "ADD", "accepted"): 98}, {}, "CommandsFailing"),
        ({(COMMANDS, "ADD", "overload"): 6, (COMMANDS, "ADD", "accepted"): 94}, {}, "Overload"),
        ({("daytrader_journal_unsettled_total",): 1}, {}, "AppendsUnsettled"),
        ({("daytrader_journal_conflicts_total",): 61}, {}, "JournalConflicts"),
        ({(REQUESTS, "unavailable"): 2, (REQUESTS, "memory"): 98}, {}, "QuotesUnavailable"),
        ({("daytrader_quote_server_failures_total", "silent"): 6, (HITS,): 20}, {}, "QuoteServerFailing"),
        ({("daytrader_quote_stray_hits_total",): 6, (HITS,): 20}, {}, "QuotesPaidForNothing"),
        ({}, {("daytrader_quote_cache_up",): 0}, "QuoteCacheDown"),
        ({}, {("daytrader_audit_lag_seconds",): 31}, "AuditLag"),
        ({}, {("daytrader_audit_blocked_partitions",): 1}, "AuditBlocked"),
    ],
)
def test_a_minute_beyond_a_limit_is_a_red_line(counts: dict[Key, float], levels: dict[Key, float], alert: str) -> None:
    """Each limit that an alert has is looked at, and only the one that is crossed is told."""
    minute = figures({("daytrader_trigger_delay_seconds_bucket", "+Inf"): 60, **counts}, levels)
    assert _alerts(troubles_of(minute, [], [DECIDES])) == [alert]


@pytest.mark.parametrize(
    ("name", "labels", "bounds", "alert"),
    [
        ("daytrader_web_seconds_bucket", ("ADD",), ("5.0", "10.0"), "LatencyHigh"),
        ("daytrader_transaction_batch_seconds_bucket", (), ("1.0", "2.0"), "BatchesSlow"),
        ("daytrader_append_seconds_bucket", (), ("0.5", "1.0"), "AppendsSlow"),
        ("daytrader_trigger_delay_seconds_bucket", (), ("1.0", "3.0"), "TriggersLate"),
    ],
)
def test_what_takes_too_long_is_a_red_line(
    name: str, labels: tuple[str, ...], bounds: tuple[str, str], alert: str
) -> None:
    """One in a hundred beyond the limit is enough."""
    counts: dict[Key, float] = {("daytrader_trigger_delay_seconds_bucket", "+Inf"): 60}
    counts |= {(COMMANDS, "ADD", "accepted"): 100}
    for bound, count in ((bounds[0], 90.0), (bounds[1], 100.0), ("+Inf", 100.0)):
        counts[(name, *labels, bound)] = count
    assert _alerts(troubles_of(figures(counts), [], [DECIDES])) == [alert]


def test_triggers_that_nobody_evaluates_are_told_after_a_while() -> None:
    """A replica evaluates them every second; a few seconds without may be a start."""
    assert _alerts(troubles_of(figures(seconds=60), [], [DECIDES])) == ["TriggersStopped"]
    assert troubles_of(figures(seconds=10), [], [DECIDES]) == []
    assert troubles_of(figures(seconds=60), [], []) == []


def test_the_same_is_said_once() -> None:
    """A part that several ways of looking find unwell has one line for each alert."""
    parts = [Part("quote server", False, "is silent")]
    failing = figures(
        {
            ("daytrader_trigger_delay_seconds_bucket", "+Inf"): 60,
            ("daytrader_quote_server_failures_total", "silent"): 30,
        }
    )
    (trouble,) = troubles_of(failing, parts, [])
    assert trouble.says == "is silent"


def test_every_line_has_an_alert_of_that_name() -> None:
    """Who reads a line finds under its name what to do."""
    named = set(re.findall(r'"(Daytrader\w+)"', Path(module.__file__).read_text()))
    rules = Path(__file__).parents[3].joinpath("charts/daytrader/rules")
    there = {name for path in rules.glob("*.yaml") for name in re.findall(r"alert: (\w+)", path.read_text())}
    assert len(named) > 15
    assert named <= there
