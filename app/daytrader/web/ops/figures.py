"""What an operator wants to know of an interval: pure, out of the growth of counts and the levels at its end."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from daytrader.web.ops.interval import Interval
from daytrader.web.ops.quantile import quantile
from daytrader.web.ops.reading import Key

OUTCOMES: Final = ("accepted", "refused", "failed", "overload", "denied")


_QUOTED: Final = ("QUOTE", "BUY", "SELL")


class Latency(msgspec.Struct, frozen=True):
    """How long the answers to one command took; None where none was answered."""

    command: str
    per_second: float
    p50_ms: float | None
    p99_ms: float | None


class PartitionHeads(msgspec.Struct, frozen=True):
    """How far journal and log of one partition are; None where no service tells."""

    number: int
    journal: int | None
    """The last durable entry."""
    audited: int | None
    """The last entry in the audit store."""
    records: int | None
    """Records up to the last durable entry."""
    audited_records: int | None

    @property
    def lag(self) -> int | None:
        """How many entries the log is behind; both sides were not asked at the same moment, so never below 0."""
        return None if self.journal is None or self.audited is None else max(0, self.journal - self.audited)

    @property
    def known_records(self) -> int:
        """Records that are known to be in the journal: what is in the log has been there."""
        return max(self.records or 0, self.audited_records or 0)

    @property
    def known_audited(self) -> int:
        """Records that are known to be in the log."""
        return self.audited_records or 0


class Quotes(msgspec.Struct, frozen=True):
    """Where quotes came from, how many of each, and what they cost."""

    commands: float
    """QUOTE, BUY and SELL that were acknowledged: who needs a quote."""
    by_result: Mapping[str, float]
    """Quotes that were not in hand when they were needed, by where they came from then: memory, shared, joined, server,
    unavailable, abandoned."""
    failures: float
    """Requests to the quote server that gave no quote."""
    hits: float
    """Answers that were paid for."""
    strays: float
    """Those of them that came for nobody any more."""
    dollars: float
    cache_up: bool | None
    """Whether the shared cache answers every replica; None where none tells."""

    @property
    def fetched(self) -> float:
        """How many were not in hand when they were needed."""
        return sum(self.by_result.values())

    @property
    def needed(self) -> float:
        """How many were needed."""
        return max(self.commands, self.fetched)

    @property
    def in_hand(self) -> float:
        """How many were known to the replica already."""
        return self.needed - self.fetched + self.by_result.get("memory", 0.0)

    @property
    def cached(self) -> float:
        """How many cost nothing, because somebody had asked already."""
        return self.in_hand + self.by_result.get("shared", 0.0) + self.by_result.get("joined", 0.0)


class Figures(msgspec.Struct, frozen=True):
    """All of one interval. Times are in ms; None where nothing happened that could be measured."""

    at: int
    """The end of the interval, in ms since the epoch."""
    seconds: float
    outcomes: Mapping[str, float]
    """Commands answered, by accepted, refused, failed, overload, denied."""
    latencies: tuple[Latency, ...]
    """Of the commands that were answered, the most frequent first."""
    p50_ms: float | None
    p99_ms: float | None
    records_an_append: float | None
    appends_per_second: float
    append_p99_ms: float | None
    batch_p99_ms: float | None
    """From a batch's arrival at a transaction replica to its answer."""
    commands_a_batch: float | None
    """That web sent to a transaction replica at a time."""
    in_web: float
    """Commands that arrived and are not answered."""
    in_transaction: float
    """Commands that wait for a decision or an append."""
    lanes: float
    """Users whose commands wait for a quote, an account or a partition."""
    streams: float
    """Live streams of accounts and quotes that are open."""
    retries: float
    conflicts: float
    unsettled: float
    quotes: Quotes
    trigger_p50_ms: float | None
    trigger_p99_ms: float | None
    evaluations: float
    armed: float
    fired: float
    audit_lag_ms: float | None
    blocked: float
    follow_failures: float
    replicas_ready: float | None
    partitions: tuple[PartitionHeads, ...]

    @property
    def acknowledged(self) -> float:
        """Commands that were answered with an outcome that stands in the journal."""
        return self.outcomes["accepted"] + self.outcomes["refused"]

    @property
    def tps(self) -> float:
        """Of those, how many a second."""
        return self.acknowledged / self.seconds

    @property
    def answered(self) -> float:
        """Commands answered, whatever with."""
        return sum(self.outcomes.values())


def figures_of(interval: Interval) -> Figures:
    """Return the figures of an interval."""
    look = _Look(interval)
    return Figures(
        at=interval.until,
        seconds=interval.seconds,
        outcomes={outcome: look.count("daytrader_commands_total", None, outcome) for outcome in OUTCOMES},
        latencies=_latencies(look),
        p50_ms=look.ms(0.5, "daytrader_web_seconds_bucket", None),
        p99_ms=look.ms(0.99, "daytrader_web_seconds_bucket", None),
        records_an_append=look.mean("daytrader_batch_records"),
        appends_per_second=look.count("daytrader_batch_records_count") / interval.seconds,
        append_p99_ms=look.ms(0.99, "daytrader_append_seconds_bucket"),
        batch_p99_ms=look.ms(0.99, "daytrader_transaction_batch_seconds_bucket"),
        commands_a_batch=look.mean("daytrader_web_batch_commands"),
        in_web=look.level("daytrader_web_in_flight") or 0.0,
        in_transaction=look.level("daytrader_transaction_in_flight") or 0.0,
        lanes=look.level("daytrader_transaction_lanes") or 0.0,
        streams=look.level("daytrader_web_streams") or 0.0,
        retries=look.count("daytrader_web_retries_total"),
        conflicts=look.count("daytrader_journal_conflicts_total"),
        unsettled=look.count("daytrader_journal_unsettled_total"),
        quotes=_quotes(look),
        trigger_p50_ms=look.ms(0.5, "daytrader_trigger_delay_seconds_bucket"),
        trigger_p99_ms=look.ms(0.99, "daytrader_trigger_delay_seconds_bucket"),
        evaluations=look.count("daytrader_trigger_delay_seconds_bucket", "+Inf"),
        armed=look.level("daytrader_triggers_armed") or 0.0,
        fired=look.count("daytrader_triggers_fired_total", None),
        audit_lag_ms=_times_1000(look.level("daytrader_audit_lag_seconds")),
        blocked=look.level("daytrader_audit_blocked_partitions") or 0.0,
        follow_failures=look.count("daytrader_audit_follow_failures_total"),
        replicas_ready=look.level("daytrader_web_replicas_ready"),
        partitions=heads_of(interval.levels),
    )


def heads_of(levels: Mapping[Key, float]) -> tuple[PartitionHeads, ...]:
    """Return how far each partition is, in the order of their numbers."""
    names = ("journal_head_entries", "audit_head_entries", "journal_head_records", "audit_head_records")
    by_name = [_by_partition(levels, f"daytrader_{name}") for name in names]
    numbers = sorted({number for found in by_name for number in found})
    return tuple(PartitionHeads(number, *(found.get(number) for found in by_name)) for number in numbers)


def _by_partition(levels: Mapping[Key, float], name: str) -> dict[int, int]:
    return {int(key[1]): int(value) for key, value in levels.items() if key[0] == name}


class _Look:
    """Finds counts and levels by name and label values; a label given as None means: over all its values."""

    def __init__(self, interval: Interval) -> None:
        self.seconds = interval.seconds
        self._levels = interval.levels
        self._counts: dict[str, list[tuple[tuple[str, ...], float]]] = {}
        for (name, *labels), value in interval.counts.items():
            self._counts.setdefault(name, []).append((tuple(labels), value))

    def count(self, name: str, *labels: str | None) -> float:
        return sum(value for found, value in self._counts.get(name, ()) if _matches(found, labels))

    def of(self, name: str) -> Sequence[tuple[tuple[str, ...], float]]:
        """Return a count, by the values of all its labels."""
        return self._counts.get(name, ())

    def by(self, name: str) -> dict[str, float]:
        """Return a count with one label, by the values of that."""
        return {labels[0]: value for labels, value in self._counts.get(name, ())}

    def ms(self, share: float, name: str, *labels: str | None) -> float | None:
        """Return a quantile of a histogram of seconds, in ms; the label `le` is not named in `labels`."""
        buckets: dict[str, float] = {}
        for found, value in self._counts.get(name, ()):
            if _matches(found[:-1], labels):
                buckets[found[-1]] = buckets.get(found[-1], 0.0) + value
        return _times_1000(quantile(share, buckets))

    def mean(self, name: str) -> float | None:
        number = self.count(f"{name}_count")
        return self.count(f"{name}_sum") / number if number else None

    def level(self, name: str) -> float | None:
        return self._levels.get((name,))


def _matches(found: tuple[str, ...], wanted: tuple[str | None, ...]) -> bool:
    return all(one is None or one == other for one, other in zip(wanted, found, strict=True))


def _times_1000(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1000


def _latencies(look: _Look) -> tuple[Latency, ...]:
    name = "daytrader_web_seconds_bucket"
    totals = {labels[0]: value for labels, value in look.of(name) if labels[-1] == "+Inf"}
    return tuple(
        Latency(command, total / look.seconds, look.ms(0.5, name, command), look.ms(0.99, name, command))
        for command, total in sorted(totals.items(), key=lambda pair: (-pair[1], pair[0]))
    )


def _quotes(look: _Look) -> Quotes:
    cache_up = look.level("daytrader_quote_cache_up")
    return Quotes(
        sum(look.count("daytrader_commands_total", one, two) for one in _QUOTED for two in ("accepted", "refused")),
        look.by("daytrader_quote_requests_total"),
        look.count("daytrader_quote_server_failures_total", None),
        look.count("daytrader_quote_server_hits_total"),
        look.count("daytrader_quote_stray_hits_total"),
        look.count("daytrader_quote_cost_dollars_total"),
        None if cache_up is None else cache_up >= 1,
    )
