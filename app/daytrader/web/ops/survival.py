"""Whether all that was acknowledged before something was broken is still there: pure."""

from collections.abc import Sequence

import msgspec

from daytrader.web.ops.breaking import Deed
from daytrader.web.ops.figures import Figures, PartitionHeads


class Survival(msgspec.Struct, frozen=True):
    """What became of the records that the journal held when something was done."""

    deed: Deed
    before: int
    """Records in the journal then."""
    now: int
    """Records in the journal now, in the partitions that are known."""
    missing: int
    """Of those before, how many the journal does not have any more; 0, or something is badly wrong."""
    unknown: int
    """Partitions of which nobody can tell at present."""
    unaudited: int
    """Of the records before, how many are not in the audit store yet."""
    since: Figures | None
    """What happened since, as far as it is known here."""

    @property
    def verdict(self) -> str:
        """What it means, in words."""
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
        return "bad" if self.missing else "warn" if self.unknown or self.unaudited else "good"


def survival_of(deed: Deed, partitions: Sequence[PartitionHeads], since: Figures | None) -> Survival:
    """Compare the journal's heads at `deed` with how far journal and log are now."""
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
    now = sum(heads.known_records for heads in partitions)
    return Survival(deed, sum(deed.records.values()), now, missing, unknown, unaudited, since)
