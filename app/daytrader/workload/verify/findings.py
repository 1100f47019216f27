"""What a verification looked at, and what it found wrong."""

from collections import Counter
from typing import Final, Literal

import msgspec

NAMED: Final = 20
"""So many violations are put into words; the others are only counted."""

Kind = Literal["format", "order", "number", "record", "rule", "cash", "balance", "history"]
"""format: no valid log; order: time or numbers going back; number: one given twice; record: events that contradict
each other; rule: not what the rules decide; cash: negative, or not what was moved; balance: not what the account says,
or made from nothing; history: not what the client was told."""


class Violation(msgspec.Struct, frozen=True):
    """One thing that is wrong."""

    kind: Kind
    text: str


class Findings:
    """Counts of what was checked, and the violations."""

    def __init__(self) -> None:
        self.checked: Counter[str] = Counter()
        """How many of each thing were looked at, by their name in the plural."""
        self.named: list[Violation] = []
        """The first violations, in words."""
        self.violations: Counter[Kind] = Counter()
        """How many there are of each kind."""
        self.remarks: list[str] = []
        """What could not be checked and is no violation."""

    @property
    def clean(self) -> bool:
        """Whether nothing is wrong."""
        return not self.violations.total()

    @property
    def readable(self) -> bool:
        """Whether the log is a whole and valid one; the balances that follow from a part of it mean nothing."""
        return not self.violations["format"]

    def violation(self, kind: Kind, text: str) -> None:
        """Note that something is wrong."""
        self.violations[kind] += 1
        if len(self.named) < NAMED:
            self.named.append(Violation(kind, text))

    def as_json(self) -> bytes:
        """Return everything as one JSON object."""
        return msgspec.json.encode(
            {
                "ok": self.clean,
                "checked": dict(self.checked),
                "violations": dict(self.violations),
                "first": self.named,
                "remarks": self.remarks,
            }
        )
