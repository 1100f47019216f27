"""A SQLite file with a thread of its own."""

import sqlite3
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from daytrader import sqlite_file as module
from daytrader.sqlite_file import SqliteFile


@pytest.fixture
async def file(tmp_path: Path) -> AsyncIterator[SqliteFile]:
    """A file with one empty table."""
    file = SqliteFile(tmp_path / "some.sqlite")
    await file.write(lambda connection: connection.execute("CREATE TABLE numbers (n INTEGER PRIMARY KEY)").rowcount)
    yield file
    await file.close()


def numbers(connection: sqlite3.Connection) -> list[int]:
    return [n for (n,) in connection.execute("SELECT n FROM numbers ORDER BY n")]


async def test_every_commit_goes_to_disk(file: SqliteFile) -> None:
    """The file is in WAL mode with full sync."""
    modes = ("journal_mode", "synchronous")
    assert await file.read(lambda c: [c.execute(f"PRAGMA {mode}").fetchone()[0] for mode in modes]) == ["wal", 2]


async def test_change_happens_as_a_whole_or_not_at_all(file: SqliteFile) -> None:
    """A transaction that fails half-way leaves nothing behind, and the file stays usable."""
    with pytest.raises(sqlite3.IntegrityError):
        await file.change("INSERT INTO numbers VALUES (?)", [(1,), (2,), (1,)])
    assert await file.read(numbers) == []
    await file.change("INSERT INTO numbers VALUES (?)", [(1,), (2,)])
    assert await file.read(numbers) == [1, 2]


async def test_instances_see_each_others_changes(file: SqliteFile) -> None:
    """Two instances over one file share its content."""
    other = SqliteFile(file.path)
    await other.change("INSERT INTO numbers VALUES (?)", [(7,)])
    assert await file.read(numbers) == [7]
    await other.close()


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """Another that writes to a new file, before it is in WAL mode: SQLite lets nobody wait for that one."""
    connection = sqlite3.connect(tmp_path / "new.sqlite", isolation_level=None, check_same_thread=False)
    connection.execute("CREATE TABLE numbers (n INTEGER)")
    connection.execute("BEGIN IMMEDIATE")
    yield connection
    connection.close()


async def test_a_new_file_that_another_makes_is_waited_for(
    tmp_path: Path, holder: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two that start over a new file at the same time both come up."""
    monkeypatch.setattr("daytrader.sqlite_file.time.sleep", lambda _: holder.execute("COMMIT"))
    file = SqliteFile(tmp_path / "new.sqlite")
    assert await file.read(numbers) == []
    await file.close()


async def test_a_file_that_stays_locked_is_given_up(
    tmp_path: Path, holder: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that another holds is waited for so long and no longer."""
    monkeypatch.setattr(module, "BUSY_S", 0.0)
    file = SqliteFile(tmp_path / "new.sqlite")
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        await file.read(numbers)
    assert holder.in_transaction
    await file.close()


async def test_drop_passes_over_what_is_not_there(file: SqliteFile) -> None:
    """Tables that do not exist are no obstacle to dropping those that do."""
    await file.drop("missing", "numbers")
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        await file.read(numbers)


async def test_closing_twice_is_harmless(file: SqliteFile) -> None:
    """A file may be closed by each of those who share it."""
    await file.close()
    await file.close()
