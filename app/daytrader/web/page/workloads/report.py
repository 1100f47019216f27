"""What a run of a workload file came to so far."""

from collections import Counter
from typing import Final, Literal

import msgspec

from daytrader.workload.file import Malformed

NAMED_FAILURES: Final = 20
"""So many commands without an answer are named; the others are only counted."""

Phase = Literal["reading", "running", "done", "stopped", "broken"]


class Failure(msgspec.Struct, frozen=True):
    """A command that has no acknowledgement."""

    line: int
    command: str
    reason: str


class CommandCount(msgspec.Struct):
    """How one command fared."""

    accepted: int = 0
    refused: int = 0
    failed: int = 0

    @property
    def total(self) -> int:
        """All that are answered."""
        return self.accepted + self.refused + self.failed


class Report:
    """Counts as the run goes on; the only one who writes is the run."""

    def __init__(self, file: str, owner: str, began: int) -> None:
        """`file` is how the uploader calls it, `owner` who that is, `began` ms since the epoch."""
        self.file = file
        self.owner = owner
        self.began = began
        self.ended = 0
        """Ms since the epoch; 0 while it goes on."""
        self.phase: Phase = "reading"
        self.why = ""
        """What broke it off."""
        self.commands = 0
        """How many the file has."""
        self.users = 0
        self.malformed_count = 0
        self.malformed: list[Malformed] = []
        """The first malformed lines."""
        self.counts: dict[str, CommandCount] = {}
        self.refusals: Counter[str] = Counter()
        self.failures: list[Failure] = []
        self.retried = 0
        """How many times a command was sent again."""
        self.log_bytes = 0
        """Size of the last log that the file asked for and that can be had; 0: none."""

    @property
    def answered(self) -> int:
        """How many commands are done with."""
        return sum(one.total for one in self.counts.values())

    @property
    def accepted(self) -> int:
        """How many were accepted."""
        return sum(one.accepted for one in self.counts.values())

    @property
    def refused(self) -> int:
        """How many were refused."""
        return sum(one.refused for one in self.counts.values())

    @property
    def failed(self) -> int:
        """How many have no acknowledgement."""
        return sum(one.failed for one in self.counts.values())

    @property
    def goes_on(self) -> bool:
        """Whether it is under way."""
        return self.phase in ("reading", "running")

    @property
    def percent(self) -> int:
        """How much of it is done."""
        return 100 * self.answered // self.commands if self.commands else 100 if not self.goes_on else 0

    def seconds(self, now: int) -> float:
        """Return how long it has taken at `now`, ms since the epoch."""
        return max(0, (self.ended or now) - self.began) / 1_000

    def a_second(self, now: int) -> float:
        """Return how many commands were answered a second, up to `now`."""
        seconds = self.seconds(now)
        return self.answered / seconds if seconds else 0.0

    def count(self, line: int, command: str, status: int, text: str) -> None:
        """Count the answer to a command."""
        counted = self.counts.setdefault(command, CommandCount())
        if status == 200:
            counted.accepted += 1
        elif status in (400, 403):
            counted.refused += 1
            self.refusals[text] += 1
        else:
            counted.failed += 1
            if len(self.failures) < NAMED_FAILURES:
                self.failures.append(Failure(line, command, f"{status} {text}"))

    def end(self, phase: Phase, now: int, why: str = "") -> None:
        """Note that it is over."""
        self.phase, self.ended, self.why = phase, now, why
