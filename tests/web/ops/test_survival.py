"""Whether anything was lost."""

from daytrader.web.ops.breaking import Deed
from daytrader.web.ops.figures import PartitionHeads
from daytrader.web.ops.survival import survival_of

LATER = 60_000
DEED = Deed(0, "transaction-0 was killed (SIGKILL)", {"0": 100, "1": 50})


def _heads(*records: tuple[int | None, int | None]) -> list[PartitionHeads]:
    return [PartitionHeads(number, 1, 1, journal, audited) for number, (journal, audited) in enumerate(records)]


def test_all_that_was_there_is_there() -> None:
    """Journal and log have gone on from what they held."""
    found = survival_of(DEED, LATER, _heads((140, 130), (60, 50)), None)
    assert (found.before, found.now, found.missing, found.unaudited) == (150, 200, 0, 0)
    assert found.kind == "good"
    assert found.verdict.startswith("nothing is lost: all 150 records")


def test_the_log_has_yet_to_follow() -> None:
    """What the journal has and the log has not is told as such."""
    found = survival_of(DEED, LATER, _heads((140, 90), (60, 50)), None)
    assert (found.kind, found.unaudited) == ("warn", 10)


def test_a_partition_that_nobody_has_open_is_not_guessed() -> None:
    """Neither lost nor safe is said of what nobody tells."""
    assert survival_of(DEED, LATER, _heads((140, 140)), None).kind == "warn"
    assert survival_of(DEED, LATER, _heads((140, 140), (None, 50)), None).unknown == 1


def test_what_is_gone_is_said() -> None:
    """Fewer records than before are a loss, in words and in red."""
    found = survival_of(DEED, LATER, _heads((97, 97), (60, 60)), None)
    assert (found.kind, found.missing) == ("bad", 3)
    assert found.verdict == "3 of 150 acknowledged records are gone: this must never be"


def test_what_a_replica_takes_over_is_not_lost_yet() -> None:
    """The one that died may have been the only one to know the newest entries: the next one reads the journal first."""
    found = survival_of(DEED, LATER - 1, _heads((97, 97), (60, 60)), None)
    assert (found.kind, found.missing) == ("warn", 3)
    assert "not seen yet" in found.verdict
