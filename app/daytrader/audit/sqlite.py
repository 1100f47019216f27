"""The audit store in a SQLite file, for the embedded mode."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from daytrader.audit.index import Page, PageBucket
from daytrader.audit.port import READ_BYTES, AuditUnavailableError, EntryDiffersError, pack_entry, unpack_entry
from daytrader.health import Part
from daytrader.journal.entry import Entry
from daytrader.journal.place import place_of
from daytrader.journal.port import PartitionsDifferError
from daytrader.sqlite_file import SqliteFile

_PLACES_A_QUERY: Final = 500

# `place` is the rowid, so that the unique key needs no second index.
_TABLES: Final = (
    "CREATE TABLE IF NOT EXISTS entries (place INTEGER PRIMARY KEY, packed BLOB NOT NULL)",
    """
    CREATE TABLE IF NOT EXISTS pages (
        partition INTEGER, bucket INTEGER, number INTEGER, first INTEGER NOT NULL, last INTEGER NOT NULL,
        packed BLOB NOT NULL, PRIMARY KEY (partition, bucket, number)
    )
    """,
    "CREATE TABLE IF NOT EXISTS installation (one INTEGER PRIMARY KEY CHECK (one = 1), partitions INTEGER NOT NULL)",
)
_INSERT: Final = "INSERT INTO entries VALUES (?, ?) ON CONFLICT (place) DO NOTHING"
_INSERT_PAGE: Final = "INSERT INTO pages VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
_READ: Final = "SELECT packed FROM entries WHERE place > ? AND place <= ? ORDER BY place LIMIT ?"
_NEWEST: Final = "SELECT max(place) FROM entries WHERE place > ? AND place < ?"
_INDEXED: Final = "SELECT last FROM pages WHERE partition = ? AND bucket = 0 ORDER BY number DESC LIMIT 1"
_BUCKETS: Final = """
    SELECT number, first, packed FROM pages WHERE partition = ? AND bucket = ? AND number > ? ORDER BY number LIMIT ?
"""


class SqliteAuditStore:
    """An audit store in the file at `path`. Reading has a thread of its own: a dump does not hold up following."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writing = SqliteFile(path)
        self._reading = SqliteFile(path)
        self._partitions = 0

    async def open(self, partitions: int) -> None:
        """Create the tables and fix the number of partitions, both at the first start only."""

        def fix(connection: sqlite3.Connection) -> int:
            for table in _TABLES:
                connection.execute(table)
            connection.execute("INSERT INTO installation VALUES (1, ?) ON CONFLICT DO NOTHING", (partitions,))
            return int(connection.execute("SELECT partitions FROM installation").fetchone()[0])

        with self._available():
            fixed = await self._writing.write(fix)
        if fixed != partitions:
            raise PartitionsDifferError(
                f"the audit store in {self._path} was made with {fixed} partitions, and {partitions} are asked for: "
                f"set DAYTRADER_PARTITIONS={fixed}, or use an empty directory"
            )
        self._partitions = partitions

    async def heads(self) -> dict[int, int]:
        """Return the last entries: the end of each partition's range."""

        def newest(connection: sqlite3.Connection) -> dict[int, int]:
            heads = {}
            for partition in range(self._partitions):
                span = (place_of(partition, 0), place_of(partition + 1, 0))
                place = connection.execute(_NEWEST, span).fetchone()[0]
                if place is not None:
                    heads[partition] = place - span[0]
            return heads

        with self._available():
            return await self._reading.read(newest)

    async def store(self, entries: Sequence[Entry]) -> None:
        """Insert the entries in one transaction."""
        rows = [(place_of(entry.partition, entry.n), pack_entry(entry)) for entry in entries]

        def insert(connection: sqlite3.Connection) -> None:
            if connection.executemany(_INSERT, rows).rowcount == len(rows):
                return
            for entry, (place, packed) in zip(entries, rows, strict=True):
                (held,) = connection.execute("SELECT packed FROM entries WHERE place = ?", (place,)).fetchone()
                if held != packed:
                    raise EntryDiffersError(entry)

        with self._available():
            await self._writing.write(insert)

    async def read(self, partition: int, after: int, upto: int, limit: int) -> list[Entry]:
        """Return entries out of the partition's range."""
        return await self._entries(_READ, (place_of(partition, after), place_of(partition, upto), limit))

    async def read_at(self, partition: int, places: Sequence[int]) -> list[Entry]:
        """Return entries by their keys."""
        keys = [place_of(partition, n) for n in places[:_PLACES_A_QUERY]]
        marks = ", ".join("?" * len(keys))
        query = f"SELECT packed FROM entries WHERE place IN ({marks}) ORDER BY place"  # noqa: S608 - question marks only
        return await self._entries(query, keys)

    async def _entries(self, query: str, given: Sequence[int]) -> list[Entry]:
        def select(connection: sqlite3.Connection) -> list[Entry]:
            entries = []
            room = READ_BYTES
            for (packed,) in connection.execute(query, given):
                entries.append(unpack_entry(packed))
                room -= len(packed)
                if room <= 0:
                    break
            return entries

        with self._available():
            return await self._reading.read(select)

    async def indexed(self, partition: int) -> int:
        """Return the end of the newest page."""
        with self._available():
            found = await self._reading.read(lambda c: c.execute(_INDEXED, (partition,)).fetchone())
        return int(found[0]) if found else 0

    async def store_page(self, page: Page) -> None:
        """Insert the page's buckets in one transaction."""
        about = (page.first, page.last)
        rows = [(page.partition, bucket, page.number, *about, packed) for bucket, packed in enumerate(page.buckets)]
        with self._available():
            await self._writing.write(lambda c: c.executemany(_INSERT_PAGE, rows))

    async def index_buckets(self, partition: int, bucket: int, after: int, limit: int) -> list[PageBucket]:
        """Return buckets out of the range of (partition, bucket)."""
        given = (partition, bucket, after, limit)
        with self._available():
            found = await self._reading.read(lambda c: c.execute(_BUCKETS, given).fetchall())
        return [PageBucket(*row) for row in found]

    async def health(self) -> list[Part]:
        """Look whether the file can be read."""
        try:
            await self.indexed(0)
        except (AuditUnavailableError, sqlite3.Error) as error:
            return [Part("audit store", False, f"{error}; no log can be had")]
        return [Part("audit store", True, f"keeps the log in {self._path}")]

    async def clear(self) -> None:
        """Drop the tables."""

        def drop(connection: sqlite3.Connection) -> None:
            for table in ("entries", "pages", "installation"):
                connection.execute(f"DROP TABLE IF EXISTS {table}")

        with self._available():
            await self._writing.write(drop)

    async def close(self) -> None:
        """Close the file."""
        await self._reading.close()
        await self._writing.close()

    @contextmanager
    def _available(self) -> Iterator[None]:
        """Turn what may pass (a locked file, a full disk) into AuditUnavailableError; a damaged file stays an error."""
        try:
            yield
        except sqlite3.OperationalError as error:
            raise AuditUnavailableError(
                f"the audit store in {self._path} did not do what it was asked ({error}): see that its disk has room "
                "and that nobody holds it locked; it is asked again"
            ) from error
