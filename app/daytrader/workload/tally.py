"""What one process counted: outcomes, exact latencies, refusals and failures by their text."""

from array import array
from typing import Final, Self

import msgspec

from daytrader.workload.request import FORMS

NAMED_FAILURES: Final = 20
"""So many failed commands are named; the others are only counted."""
_DISTINCT_TEXTS: Final = 200
"""So many different texts are counted each for itself, all others together."""


class Failure(msgspec.Struct, frozen=True):
    """A command that has no acknowledgement, or one that a defect answered."""

    line: int
    command: str
    reason: str


class PackedTally(msgspec.Struct, frozen=True):
    """A tally on its way from one process to another."""

    accepted: list[int]
    refused: list[int]
    failed: list[int]
    latencies: list[bytes]
    refusals: dict[str, int]
    failures: dict[str, int]
    named_failures: list[Failure]
    server_errors: int
    retried: int
    resent: int
    unanswered: int
    cpu_s: float
    sending_cpu_s: float


class Tally:
    """Counts by form (places in `FORMS`). Only acknowledged commands have a latency."""

    def __init__(self) -> None:
        self.accepted = [0] * len(FORMS)
        """Answered 200."""
        self.refused = [0] * len(FORMS)
        """Answered 400."""
        self.failed = [0] * len(FORMS)
        """No acknowledgement in time, or an answer that is none."""
        self.latencies: list[array[float]] = [array("d") for _ in FORMS]
        """Seconds, in the order of the answers."""
        self.refusals: dict[str, int] = {}
        self.failures: dict[str, int] = {}
        self.named_failures: list[Failure] = []
        self.server_errors = 0
        """Failed commands that were answered 500 or another status that only a defect gives."""
        self.retried = 0
        """Commands that were sent more than once."""
        self.resent = 0
        """All sendings after a command's first."""
        self.unanswered = 0
        """Commands that were under way when the run was broken off: their outcome is not known."""
        self.cpu_s = 0.0
        """CPU seconds of a process that was started for the run; 0.0 for the caller's own."""
        self.sending_cpu_s = 0.0
        """CPU seconds of the process while commands other than DUMPLOG were sent and answered."""

    @property
    def done(self) -> int:
        """Commands that have an outcome."""
        return sum(self.accepted) + sum(self.refused) + sum(self.failed)

    def refuse(self, code: int, body: bytes) -> None:
        """A command was refused with this text."""
        self.refused[code] += 1
        _count(self.refusals, body[:200].decode(errors="replace"), 1)

    def fail(self, code: int, line: int, reason: str, *, server_error: bool = False) -> None:
        """A command has failed."""
        self.failed[code] += 1
        self.server_errors += server_error
        _count(self.failures, reason, 1)
        if len(self.named_failures) < NAMED_FAILURES:
            self.named_failures.append(Failure(line, FORMS[code].name, reason))

    def merge(self, other: Self) -> None:
        """Add what another process counted."""
        for code in range(len(FORMS)):
            self.accepted[code] += other.accepted[code]
            self.refused[code] += other.refused[code]
            self.failed[code] += other.failed[code]
            self.latencies[code].extend(other.latencies[code])
        for mine, theirs in ((self.refusals, other.refusals), (self.failures, other.failures)):
            for text, count in theirs.items():
                _count(mine, text, count)
        named = sorted(self.named_failures + other.named_failures, key=lambda failure: failure.line)
        self.named_failures = named[:NAMED_FAILURES]
        self.server_errors += other.server_errors
        self.retried += other.retried
        self.resent += other.resent
        self.unanswered += other.unanswered
        self.cpu_s += other.cpu_s
        self.sending_cpu_s += other.sending_cpu_s

    def pack(self) -> PackedTally:
        fields = {name: getattr(self, name) for name in PackedTally.__struct_fields__}
        return PackedTally(**fields | {"latencies": [latencies.tobytes() for latencies in self.latencies]})

    @classmethod
    def unpack(cls, packed: PackedTally) -> Self:
        tally = cls()
        for name in PackedTally.__struct_fields__:
            setattr(tally, name, getattr(packed, name))
        tally.latencies = [array("d", latencies) for latencies in packed.latencies]
        return tally


def _count(counts: dict[str, int], text: str, times: int) -> None:
    if text not in counts and len(counts) >= _DISTINCT_TEXTS:
        text = "(other texts)"
    counts[text] = counts.get(text, 0) + times
