"""What is not well, in words and under the names that the alerts have: pure, out of figures, parts and sources.

An alert waits until something has lasted; who looks at the page wants to know at once. So the limits are the alerts',
and what is looked at is the last minute.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec

from daytrader.health import Part
from daytrader.web.ops.figures import Figures
from daytrader.web.ops.reading import Source
from daytrader.web.ops.targets import Role

FEW: Final = 20
"""Shares of fewer events than this tell nothing."""


class Trouble(msgspec.Struct, frozen=True):
    """One red line."""

    alert: str
    """The alert of this name tells the same, and docs/operations.md what to do."""
    part: str
    """What is not well."""
    says: str
    """What is wrong with it, and what that means for users."""


def troubles_of(minute: Figures | None, parts: Sequence[Part], sources: Sequence[Source]) -> list[Trouble]:
    """Return every trouble, once: of the parts as they see themselves, of who tells no metrics, of the last minute."""
    found = [Trouble(_alert_of(part), part.name, part.says) for part in parts if not part.ok]
    found += _silent(sources)
    if minute is not None:
        found += _commands(minute)
        found += _journal(minute)
        found += _quotes(minute)
        if any(source.role == "transaction" and not source.error for source in sources):
            found += _triggers(minute)
    return list({(trouble.part, trouble.alert): trouble for trouble in reversed(found)}.values())[::-1]


_ALERTS: Final = (
    ("transaction http", "DaytraderReplicaDown"),  # a replica that answers tells its own name
    ("transaction", "DaytraderTransactionReplicaNotReady"),
    ("web http", "DaytraderReplicaDown"),
    ("web replicas", "DaytraderReplicaDown"),
    ("web", "DaytraderNoTransactionReplicaReady"),
    ("audit http", "DaytraderAuditDown"),
    ("audit set", "DaytraderReplicaSetMemberDown"),
    ("data set", "DaytraderReplicaSetMemberDown"),
    ("audit", "DaytraderAuditLag"),
    ("quote server", "DaytraderQuoteServerFailing"),
    ("redis", "DaytraderQuoteCacheDown"),
)


def _alert_of(part: Part) -> str:
    return next((alert for start, alert in _ALERTS if part.name.startswith(start)), "DaytraderReplicaDown")


_ALL_GONE: Final[dict[Role, tuple[str, str]]] = {
    "web": ("DaytraderWebDown", "no web replica tells its metrics: it may be that nobody can send a command"),
    "transaction": ("DaytraderTransactionDown", "no transaction replica tells its metrics: no command is decided"),
    "audit": ("DaytraderAuditDown", "no audit service tells its metrics: the log stands still, DUMPLOG is refused"),
    "operator": ("DaytraderOperatorDown", "the operator tells no metrics: nobody watches the replica sets"),
}


def _silent(sources: Sequence[Source]) -> Iterator[Trouble]:
    for source in sources:
        if source.error:
            yield Trouble("DaytraderReplicaDown", f"{source.role} {source.name}", f"tells no metrics: {source.error}")
    for role in dict.fromkeys(source.role for source in sources):
        if all(source.error for source in sources if source.role == role):
            alert, says = _ALL_GONE[role]
            yield Trouble(alert, f"every {role}", says)


def _commands(minute: Figures) -> Iterator[Trouble]:
    outcomes, answered = minute.outcomes, minute.answered
    if not minute.acknowledged and (outcomes["failed"] or outcomes["overload"]):
        says = f"none of the last {answered:.0f} was acknowledged: {outcomes['failed']:.0f} failed"
        yield Trouble("DaytraderNothingAcknowledged", "commands", says)
    elif outcomes["failed"] > 0.01 * answered:
        says = f"{outcomes['failed'] / answered:.1%} of the last {answered:,.0f} failed: their users got a 5xx"
        yield Trouble("DaytraderCommandsFailing", "commands", says)
    if outcomes["overload"] > 0.05 * answered:
        says = f"{outcomes['overload'] / answered:.1%} of the last {answered:,.0f} were turned away: more come than fit"
        yield Trouble("DaytraderOverload", "commands", says)
    if answered >= FEW and minute.p99_ms is not None and minute.p99_ms > 5_000:
        says = f"one in a hundred takes longer than {minute.p99_ms / 1000:.1f} s: more than the slowest quote explains"
        yield Trouble("DaytraderLatencyHigh", "commands", says)


def _journal(minute: Figures) -> Iterator[Trouble]:
    if minute.batch_p99_ms is not None and minute.batch_p99_ms > 1_000:
        says = f"one batch in a hundred takes {minute.batch_p99_ms / 1000:.1f} s to be decided and appended"
        yield Trouble("DaytraderBatchesSlow", "transaction", says)
    if minute.append_p99_ms is not None and minute.append_p99_ms > 500:
        says = f"one append in a hundred takes {minute.append_p99_ms / 1000:.1f} s: the data set's disks or members"
        yield Trouble("DaytraderAppendsSlow", "journal", says + " are slow")
    if minute.unsettled:
        says = f"{minute.unsettled:.0f} entries were left without an answer in the last minute, and are tried again: "
        yield Trouble("DaytraderAppendsUnsettled", "journal", says + "the primary changes, or reaches no majority")
    if minute.conflicts > minute.seconds:
        says = f"{minute.conflicts:.0f} entries found their place taken in the last minute: the replicas do not agree"
        yield Trouble("DaytraderJournalConflicts", "journal", says + " on who decides what")
    if minute.audit_lag_ms is not None and minute.audit_lag_ms > 30_000:
        says = f"{minute.audit_lag_ms / 1000:.0f} s behind the journal: a DUMPLOG waits, or is refused"
        yield Trouble("DaytraderAuditLag", "log", says)
    if minute.blocked:
        says = f"cannot go on in {minute.blocked:.0f} partitions: `daytrader status` says why"
        yield Trouble("DaytraderAuditBlocked", "log", says)


def _quotes(minute: Figures) -> Iterator[Trouble]:
    quotes = minute.quotes
    missing = quotes.by_result.get("unavailable", 0.0)
    if missing > 0.01 * quotes.fetched:
        says = f"{missing / quotes.fetched:.1%} of the last {quotes.fetched:,.0f} that were asked for did not come: "
        says += "QUOTE, BUY and SELL fail"
        yield Trouble("DaytraderQuotesUnavailable", "quotes", says)
    asked = quotes.failures + quotes.hits
    if asked >= FEW and quotes.failures > 0.2 * asked:
        says = f"{quotes.failures / asked:.0%} of the last {asked:.0f} requests gave no quote"
        yield Trouble("DaytraderQuoteServerFailing", "quote server", says)
    if quotes.hits >= FEW and quotes.strays > 0.2 * quotes.hits:
        says = f"{quotes.strays:.0f} of the last {quotes.hits:.0f} paid quotes came for nobody any more"
        yield Trouble("DaytraderQuotesPaidForNothing", "quotes", says)
    if quotes.cache_up is False:
        says = "a replica gets no answer from Redis: every replica pays for its own quotes"
        yield Trouble("DaytraderQuoteCacheDown", "quote cache", says)


def _triggers(minute: Figures) -> Iterable[Trouble]:
    if minute.trigger_p99_ms is not None and minute.trigger_p99_ms > 1_000:
        says = f"are evaluated up to {minute.trigger_p99_ms / 1000:.1f} s late"
        yield Trouble("DaytraderTriggersLate", "triggers", says)
    if minute.seconds > 15 and not minute.evaluations:
        says = f"no transaction replica has evaluated any for {minute.seconds:.0f} s: none fires"
        yield Trouble("DaytraderTriggersStopped", "triggers", says)
