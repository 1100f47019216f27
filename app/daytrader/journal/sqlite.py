"""The journal in a SQLite file."""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import structlog

from daytrader.health import Part
from daytrader.journal.accounts_sqlite import SqliteAccounts
from daytrader.journal.entry import Entry
from daytrader.journal.holds_sqlite import SqliteHolds, names
from daytrader.journal.place import at_place, place_of
from daytrader.journal.port import Fate, PartitionsDifferError, check_append
from daytrader.journal.sqlite_errors import unavailable
from daytrader.sqlite_file import SqliteFile

TRIM_AT_ONCE: Final = 1_000
"""Entries deleted in one transaction; appends get in between."""

READ_BYTES: Final = 16 * 1024 * 1024
"""A read ends with the entry that reaches so many bytes of records, as one reply of the other adapter does."""

# `place` is the rowid, so that the unique key needs no second index.
_TABLES: Final = (
    """
    CREATE TABLE IF NOT EXISTS entries (
        place INTEGER PRIMARY KEY, batch TEXT NOT NULL, first INTEGER NOT NULL, count INTEGER NOT NULL,
        time INTEGER NOT NULL, server TEXT NOT NULL, records BLOB NOT NULL, format INTEGER NOT NULL
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS positions (
        partition INTEGER PRIMARY KEY, mark INTEGER NOT NULL DEFAULT 0, audited INTEGER NOT NULL DEFAULT 0
    )
    """,
    "CREATE TABLE IF NOT EXISTS installation (one INTEGER PRIMARY KEY CHECK (one = 1), partitions INTEGER NOT NULL)",
)
_INSERT: Final = "INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (place) DO NOTHING"
_FOLLOWING: Final = "SELECT * FROM entries WHERE place > ? AND place < ? ORDER BY place LIMIT ?"
_RAISE_MARK: Final = """
    INSERT INTO positions (partition, mark) VALUES (?, ?)
    ON CONFLICT (partition) DO UPDATE SET mark = max(mark, excluded.mark)
"""
_RAISE_AUDITED: Final = """
    INSERT INTO positions (partition, audited) VALUES (?, ?)
    ON CONFLICT (partition) DO UPDATE SET audited = max(audited, excluded.audited)
"""

_log = structlog.get_logger(__name__)


class SqliteJournal:
    """The journal in the file at `path`, with the account store beside it in the same file.

    Each append is one transaction on disk. Several instances over one file fence each other as replicas do.
    """

    def __init__(self, path: Path) -> None:
        self._file = SqliteFile(path)
        self.accounts = SqliteAccounts(self._file)
        self.holds = SqliteHolds(self._file)

    async def open(self, partitions: int) -> None:
        """Create the tables and fix the number of partitions, both at the first start only."""

        def fix(connection: sqlite3.Connection) -> int:
            for table in _TABLES:
                connection.execute(table)
            self.accounts.prepare(connection)
            self.holds.prepare(connection)
            connection.execute("INSERT INTO installation VALUES (1, ?) ON CONFLICT DO NOTHING", (partitions,))
            return _number(connection, "SELECT partitions FROM installation")

        with unavailable():
            fixed = await self._file.write(fix)
        if fixed != partitions:
            raise PartitionsDifferError(
                f"the journal in {self._file.path} was made with {fixed} partitions, and {partitions} are asked for: "
                f"set DAYTRADER_PARTITIONS={fixed}, or use an empty directory"
            )

    async def append(self, entries: Sequence[Entry]) -> list[Fate]:
        """Insert the entries in one transaction."""
        check_append(entries)
        if not entries:
            return []
        rows = [_row(entry) for entry in entries]

        def insert(connection: sqlite3.Connection) -> list[Fate]:
            return [Fate.DURABLE if connection.execute(_INSERT, row).rowcount else Fate.TAKEN for row in rows]

        try:
            return await self._file.write(insert)
        except sqlite3.OperationalError as error:
            _log.warning("append_unsettled", entries=len(entries), error=str(error))
            return [Fate.UNSETTLED] * len(entries)

    async def read(self, partition: int, after: int, limit: int) -> list[Entry]:
        """Return the entries after `after`."""
        return await self.read_all({partition: after}, limit)

    async def read_all(self, after: Mapping[int, int], limit: int) -> list[Entry]:
        """Return entries of many partitions, all from one snapshot of the file."""

        def follow(connection: sqlite3.Connection) -> list[Entry]:
            found: list[Entry] = []
            room = READ_BYTES
            for partition, n in sorted(after.items()):
                if room > 0 and len(found) < limit:
                    rows = _following(connection, partition, n, limit - len(found))
                    room = _take_dense(rows, n, found, room)
            return found

        with unavailable():
            return await self._file.read(follow)

    async def outdated(self, heads: Mapping[int, int]) -> set[int]:
        """Return where an entry or the trim mark stands above the given head."""

        def behind(connection: sqlite3.Connection) -> set[int]:
            return {
                partition
                for partition, n in heads.items()
                if _mark(connection, partition) > n or next(_following(connection, partition, n, 1), None)
            }

        with unavailable():
            return await self._file.read(behind)

    async def mark(self, partition: int) -> int:
        """Return the trim mark."""
        with unavailable():
            return await self._file.read(lambda connection: _mark(connection, partition))

    async def trim(self, partition: int, upto: int) -> bool:
        """Raise the mark where nobody holds trimming, and when it is on disk delete, oldest first."""

        def raise_mark(connection: sqlite3.Connection) -> bool:
            free = not names(connection)
            if free:
                connection.execute(_RAISE_MARK, (partition, upto))
            return free

        def delete(connection: sqlite3.Connection) -> bool:
            oldest = next(_following(connection, partition, 0, 1), None)
            if oldest is None:
                return False
            end = min(at_place(oldest[0])[1] - 1 + TRIM_AT_ONCE, upto)
            span = (place_of(partition, 0), place_of(partition, end))
            return connection.execute("DELETE FROM entries WHERE place > ? AND place <= ?", span).rowcount > 0

        with unavailable():
            free = await self._file.write(raise_mark)
            while free and await self._file.write(delete):
                pass
        return free

    async def audited(self, partition: int) -> int:
        """Return the last entry that the audit store holds."""
        query = "SELECT audited FROM positions WHERE partition = ?"
        with unavailable():
            return await self._file.read(lambda connection: _number(connection, query, partition))

    async def set_audited(self, audited: Mapping[int, int]) -> None:
        """Note the last entries that the audit store holds, all in one transaction."""
        with unavailable():
            await self._file.change(_RAISE_AUDITED, list(audited.items()))

    async def clock_skew(self) -> int:
        """Return 0: the file has no clock of its own."""
        return 0

    async def size(self) -> int:
        """Return the number of entries."""
        with unavailable():
            return await self._file.read(lambda connection: _number(connection, "SELECT count(*) FROM entries"))

    async def health(self) -> list[Part]:
        """Return one part: the file."""
        name = f"journal file {self._file.path}"
        try:
            size = await self._file.read(lambda c: _number(c, "PRAGMA page_count") * _number(c, "PRAGMA page_size"))
        except sqlite3.Error as error:
            return [Part(name, False, f"cannot be read: {error}; nothing can be decided or stored")]
        return [Part(name, True, f"holds journal and accounts in {size / 1_000_000:.1f} MB")]

    async def clear(self) -> None:
        """Drop the tables."""
        with unavailable():
            await self._file.drop("entries", "positions", "holds", "installation")

    async def close(self) -> None:
        """Close the file, for the account store too."""
        await self._file.close()


def _row(entry: Entry) -> tuple[int, str, int, int, int, str, bytes, int]:
    place = place_of(entry.partition, entry.n)
    return (place, entry.batch, entry.first, entry.count, entry.time, entry.server, entry.records, entry.format)


def _following(connection: sqlite3.Connection, partition: int, after: int, limit: int) -> sqlite3.Cursor:
    span = (place_of(partition, after), place_of(partition + 1, 0))
    return connection.execute(_FOLLOWING, (*span, limit))


def _take_dense(rows: Iterable[tuple[Any, ...]], after: int, found: list[Entry], room: int) -> int:
    """Put the rows that follow `after` without a gap into `found` while there is room; return the room left."""
    for n, (place, *rest) in enumerate(rows, after + 1):
        partition, there = at_place(place)
        if room <= 0 or there != n:
            break
        entry = Entry(partition, n, *rest)
        found.append(entry)
        room -= len(entry.records)
    return room


def _mark(connection: sqlite3.Connection, partition: int) -> int:
    return _number(connection, "SELECT mark FROM positions WHERE partition = ?", partition)


def _number(connection: sqlite3.Connection, query: str, *parameters: int) -> int:
    found = connection.execute(query, parameters).fetchone()
    return int(found[0]) if found else 0
