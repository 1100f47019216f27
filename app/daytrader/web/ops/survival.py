"""Whether all that was acknowledged before something was broken is still there: pure."""

from collections.abc import Sequence
from typing import Final

import msgspec

from daytrader.web.ops.breaking import Deed
from daytrader.web.ops.figures import Figures, PartitionHeads

PATIENCE_MS: Final = 60_000
"""For so long after something was broken what cannot be seen may be on its way: a replica takes over, a log follows."""


class Survival(msgspec.Struct, frozen=True):
    """What became of the records that the journal held when something was done."""

    deed: Deed
    before: int
    """Records in the journal then."""
    now: int
    """Records in the journal now, in the partitions that are known."""
    missing: int
    """Of those before, how many nobody has; later than `PATIENCE_MS`, something is badly wrong."""
    early: bool
    """Whether it is too early to say that anything is lost."""
    unknown: int
    """Partitions of which nobody can tell at present."""
    unaudited: int
    """Of the records before, how many are not in the audit store yet."""
    since: Figures | None
    """What happened since, as far as it is known here."""

    @property
    def verdict(self) -> str:
        """What it means, in words."""
        if self.missing and self.early:
            return f"{self.missing:,} of {self.before:,} records are not seen yet: the partition is being taken over"
        if self.missing:
            return f"{self.missing:,} of {self.before:,} acknowledged records are gone: this must never be"
        if self.unknown:
            return f"{self.unknown} partitions are not open yet: what they hold cannot be told for a moment"
        if self.unaudited:
            return f"all {self.before:,} records are in the journal; the log has yet to follow with {self.unaudited:,}"
        return (
            f"nothing is lost: all {self.before:,} records from before are in the journal and in the log, with no gap"
        )

    @property
    def kind(self) -> str:
        """good, warn or bad."""
        if self.missing and not self.early:
            return "bad"
        return "warn" if self.missing or self.unknown or self.unaudited else "good"


def survival_of(deed: Deed, now: int, partitions: Sequence[PartitionHeads], since: Figures | None) -> Survival:
    """Compare the journal's heads at `deed` with how far journal and log are `now` (ms since the epoch)."""
    known = {str(heads.number): heads for heads in partitions}
    missing = unknown = unaudited = 0
    for number, records in deed.records.items():
        heads = known.get(number)
        if heads is None or heads.records is None or heads.audited_records is None:
            unknown += 1
            continue
        # Whichever of the two is further: a replica that died may have been the only one to tell the journal's head.
        missing += max(0, records - heads.known_records)
        unaudited += max(0, records - heads.audited_records)
    return Survival(
        deed=deed,
        before=sum(deed.records.values()),
        now=sum(heads.known_records for heads in partitions),
        missing=missing,
        early=now - deed.at < PATIENCE_MS,
        unknown=unknown,
        unaudited=unaudited,
        since=since,
    )
