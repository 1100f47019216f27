"""The directory of backups: each appears whole, under the moment in which it began; old ones go."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import zip_longest
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

from daytrader.backup import manifest
from daytrader.backup.manifest import MANIFEST, BackupError

PARTIAL: Final = ".part"
"""What the name of an unfinished (or half deleted) backup ends with; it begins with a dot, too."""

_LOCK: Final = ".lock"


def name_of(began: int) -> str:
    """Return the name of a backup that began at `began` (ms since the epoch): names sort by time."""
    moment = datetime.fromtimestamp(began / 1_000, UTC)
    return f"{moment:%Y%m%dT%H%M%S}.{began % 1_000:03d}Z"


def backups(directory: Path) -> list[Path]:
    """Return the whole backups in `directory`, oldest first. Raises BackupError where it cannot be read."""
    try:
        return sorted(path for path in directory.iterdir() if path.name[0] != "." and (path / MANIFEST).is_file())
    except OSError as error:
        raise BackupError(f"{directory} cannot be read: {error}") from error


def chosen(path: Path) -> Path:
    """Return the backup that `path` is, or the newest one in it. Raises BackupError where there is none."""
    if (path / MANIFEST).exists():
        return path
    found = backups(path)
    if not found:
        raise BackupError(f"there is no whole backup in {path}: give a backup, or the directory in which backups are")
    return found[-1]


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Be the only one who writes to `directory`, which is made, and empty it of what was broken off.

    The lock goes with the process, however it ends. Raises BackupError where another has it, OSError.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / _LOCK).open("w") as lock:
        if not _lock(lock, fcntl.LOCK_EX):
            raise BackupError(f"another backup is being written to {directory}: wait for its end")
        for left in directory.glob(f".*{PARTIAL}"):
            shutil.rmtree(left)
        yield


@contextmanager
def kept(path: Path) -> Iterator[None]:
    """Keep the backup at `path` from being pruned while it is read; several may do so at once.

    The lock goes with the process, however it ends. Raises BackupError where it is gone or going, OSError.
    """
    try:
        file = (path / MANIFEST).open("rb")
    except FileNotFoundError as error:
        raise BackupError(f"{path} is no whole backup ({error}): use another") from error
    with file:
        if not _lock(file, fcntl.LOCK_SH):
            raise BackupError(f"{path} is being deleted, since there are newer ones: use another")
        yield


@contextmanager
def appearing(directory: Path, name: str) -> Iterator[Path]:
    """A directory to write a backup to, which gets its name when all is on disk; where something is raised, it goes."""
    partial = _partial(directory / name)
    partial.mkdir()
    try:
        yield partial
        for path in (*partial.iterdir(), partial):
            _to_disk(path)
        partial.rename(directory / name)
        _to_disk(directory)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


class Pruned(NamedTuple):
    """What a pruning did; names, oldest first."""

    deleted: list[str]
    ahead: list[str]
    """Those that hold entries which the newest backup does not; none of them was deleted."""


def prune(directory: Path, keep: int) -> Pruned:
    """Delete all but the newest `keep` backups, and but those that hold entries which the newest one does not.

    An installation that has come up empty by mistake is backed up like any other: its backups must not push out those
    of what it should hold. One that is being read stays until the next pruning. Raises BackupError, OSError.
    """
    with locked(directory):
        found = backups(directory)
        if not found:
            return Pruned([], [])
        newest = _heads(found[-1])
        ahead = [path for path in found[:-1] if _is_ahead(path, newest)]
        old = [path for path in found[:-keep] if path not in ahead and _taken_away(path)]
        for path in old:
            shutil.rmtree(_partial(path))
        return Pruned([path.name for path in old], [path.name for path in ahead])


def _taken_away(path: Path) -> bool:
    """Take a backup's name away, so that nobody begins to read it; False where somebody does so already."""
    with (path / MANIFEST).open("r+b") as file:  # a network file system locks only what may be written to
        if not _lock(file, fcntl.LOCK_EX):
            return False
        path.rename(_partial(path))
        return True


def _partial(path: Path) -> Path:
    return path.with_name(f".{path.name}{PARTIAL}")


def _lock(file: IO[Any], kind: int) -> bool:
    """Lock an open file, until it is closed; False where another has a lock that does not go with this `kind`."""
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_ahead(path: Path, newest: list[int]) -> bool:
    """Whether the backup goes further than `newest` in any partition. One that cannot be read is of no use: False."""
    try:
        heads = _heads(path)
    except BackupError:
        return False
    return any(head > other for head, other in zip_longest(heads, newest, fillvalue=0))


def _heads(path: Path) -> list[int]:
    return [facts.head for facts in manifest.read(path).partitions]


def _to_disk(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
