"""The directory of backups."""

import fcntl
from pathlib import Path

import pytest

from daytrader.backup.directory import appearing, backups, chosen, kept, locked, name_of, prune
from daytrader.backup.manifest import MANIFEST, BackupError, Manifest, PartitionFacts, write
from daytrader.journal.port import Position
from tests.backup.conftest import names_in


def made(directory: Path, *names: str, heads: tuple[int, ...] = (5, 5)) -> None:
    """Make backups that hold nothing but a manifest, which says that partitions go up to these entries."""
    partitions = tuple(PartitionFacts(Position(), 0, head, head) for head in heads)
    for name in names:
        with locked(directory), appearing(directory, name) as partial:
            write(partial, Manifest(build="test", began=1, finished=2, partitions=partitions, files=()))


def half_made(directory: Path) -> None:
    """Fail to make a backup."""
    with locked(directory), appearing(directory, "one") as partial:
        (partial / MANIFEST).write_text("{}")
        raise OSError("the disk is full")


def test_names_sort_by_time() -> None:
    """A name is the moment of the beginning, in UTC, to the millisecond."""
    assert name_of(1_767_323_045_678) == "20260102T030405.678Z"
    assert name_of(1_767_323_045_009) == "20260102T030405.009Z"


def test_a_backup_appears_whole(directory: Path) -> None:
    """Until it is finished it has no name under which anybody would find it."""
    with locked(directory), appearing(directory, "one") as partial:
        (partial / MANIFEST).write_text("{}")
        assert backups(directory) == []
    assert backups(directory) == [directory / "one"]


def test_one_that_failed_leaves_nothing(directory: Path) -> None:
    """Whatever ends it, its files go."""
    with pytest.raises(OSError, match="full"):
        half_made(directory)
    assert names_in(directory) == [".lock"]


def test_what_a_killed_one_left_goes_with_the_next(directory: Path) -> None:
    """Nobody else deletes it, and nobody takes it for a backup."""
    left = directory / ".one.part"
    left.mkdir(parents=True)
    (left / MANIFEST).write_text("{}")
    assert backups(directory) == []
    made(directory, "two")
    assert names_in(directory) == [".lock", "two"]


def test_two_do_not_write_at_once(directory: Path) -> None:
    """The second is refused, and leaves the first one's files alone."""
    with locked(directory), appearing(directory, "one") as partial:
        with pytest.raises(BackupError, match="another backup is being written"), locked(directory):
            pass
        (partial / MANIFEST).write_text("{}")
    made(directory, "two")
    assert [path.name for path in backups(directory)] == ["one", "two"]


def test_old_backups_are_pruned(directory: Path) -> None:
    """The newest stay; what else is in the directory is not touched."""
    made(directory, "1", "2", "3", "4")
    (directory / "notes").mkdir()
    assert prune(directory, 2) == (["1", "2"], [])
    assert names_in(directory) == [".lock", "3", "4", "notes"]
    assert prune(directory, 2) == ([], [])


@pytest.mark.parametrize("heads", [(0, 0), (6, 4), (9,)])
def test_backups_that_hold_more_than_the_newest_are_kept(directory: Path, heads: tuple[int, ...]) -> None:
    """An installation that came up empty by mistake, or lost a partition, does not push them out, night after night."""
    made(directory, "1", "2")
    for night in range(3, 8):
        made(directory, str(night), heads=heads)
        deleted = [str(night - 2)] if night > 4 else []
        assert prune(directory, 2) == (deleted, ["1", "2"])
    assert names_in(directory) == [".lock", "1", "2", "6", "7"]
    made(directory, "8", heads=(9, 9))
    assert prune(directory, 2) == (["1", "2", "6"], [])


def test_an_old_backup_that_cannot_be_read_is_pruned(directory: Path) -> None:
    """Nothing can be restored from it."""
    made(directory, "1", "2", "3")
    (directory / "1" / MANIFEST).write_text("{}")
    assert prune(directory, 2) == (["1"], [])


def test_a_backup_that_is_being_read_is_kept(directory: Path) -> None:
    """By however many; the next pruning deletes it."""
    made(directory, "1", "2", "3")
    with kept(directory / "1"), kept(directory / "1"):
        assert prune(directory, 1) == (["2"], [])
    assert names_in(directory) == [".lock", "1", "3"]
    assert prune(directory, 1) == (["1"], [])


def test_a_backup_that_is_being_deleted_is_not_read(directory: Path) -> None:
    """From the moment on in which that begins."""
    made(directory, "1")
    with (directory / "1" / MANIFEST).open("r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(BackupError, match="1 is being deleted, since there are newer ones"), kept(directory / "1"):
            pass
    with pytest.raises(BackupError, match="2 is no whole backup"), kept(directory / "2"):
        pass


def test_the_newest_is_chosen(directory: Path) -> None:
    """A backup is itself; a directory of backups is its newest one."""
    made(directory, "1", "2")
    assert chosen(directory / "1") == directory / "1"
    assert chosen(directory) == directory / "2"
    (directory / "empty").mkdir()
    with pytest.raises(BackupError, match="there is no whole backup in"):
        chosen(directory / "empty")
