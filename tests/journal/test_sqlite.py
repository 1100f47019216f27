"""What is SQLite's alone: locks, damaged and missing files, indexes."""

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from daytrader.journal import accounts_sqlite
from daytrader.journal.port import Fate, JournalUnavailableError
from daytrader.journal.sqlite import SqliteJournal
from tests.journal.stores import PARTITIONS, account, entry


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the file is."""
    return tmp_path / "journal.sqlite"


@pytest.fixture
def damaged(path: Path) -> Path:
    """A file that is no SQLite file."""
    path.write_bytes(b"no database at all" * 100)
    return path


@pytest.fixture
async def journal(path: Path) -> AsyncIterator[SqliteJournal]:
    """An open, empty journal."""
    journal = SqliteJournal(path)
    await journal.open(PARTITIONS)
    yield journal
    await journal.close()


async def test_file_that_another_holds_locked_leaves_an_append_unsettled(journal: SqliteJournal, path: Path) -> None:
    """While another writer holds the file an append is unsettled after its time limit, and durable afterwards."""
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    assert await journal.append([entry(0, 1)]) == [Fate.UNSETTLED]
    assert await journal.read(0, 0, 1) == []
    with pytest.raises(JournalUnavailableError, match="locked"):
        await journal.set_audited({0: 1})
    holder.execute("ROLLBACK")
    holder.close()
    assert await journal.append([entry(0, 1)]) == [Fate.DURABLE]


async def test_directory_that_is_not_there_is_named_as_the_reason(tmp_path: Path) -> None:
    """A journal in a missing directory is unavailable, says what to look at, and its health says the same."""
    journal = SqliteJournal(tmp_path / "missing" / "journal.sqlite")
    with pytest.raises(JournalUnavailableError, match="see that its directory exists"):
        await journal.open(PARTITIONS)
    assert await journal.append([entry(0, 1)]) == [Fate.UNSETTLED]
    assert [(part.ok, "nothing can be decided" in part.says) for part in await journal.health()] == [(False, True)]
    await journal.close()


async def test_damaged_file_is_not_passed_off_as_unavailable(damaged: Path) -> None:
    """Waiting does not mend a file that is no SQLite file: the error is SQLite's own."""
    journal = SqliteJournal(damaged)
    with pytest.raises(sqlite3.DatabaseError, match="not a database"):
        await journal.open(PARTITIONS)
    await journal.close()


async def test_armed_accounts_have_an_index_of_their_own(journal: SqliteJournal, path: Path) -> None:
    """Looking for armed accounts uses the partial index."""
    await journal.accounts.store(0, [account("alice", 1, armed=1), account("bob", 1)])
    reader = sqlite3.connect(path)
    plan = [row[3] for row in reader.execute(f"EXPLAIN QUERY PLAN {accounts_sqlite.ARMED}", (0, "", 10))]
    reader.close()
    assert plan == ["SEARCH accounts USING INDEX armed_accounts (partition=? AND user>?)"]
