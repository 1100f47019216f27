"""A SQLite file with a thread of its own: what is asked of it happens one after the other, and durably."""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

BUSY_S: Final = 2.0
"""Seconds to wait while another process or instance writes to the same file."""

T = TypeVar("T")


class SqliteFile:
    """A connection to the file at `path` in a thread of its own, opened at the first use.

    WAL, and synchronous FULL: a transaction that has ended is on disk. Several instances over one file, in any number
    of processes, see each other as replicas do. `read` and `write` raise sqlite3.Error.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"sqlite {path.name}")
        self._connection: sqlite3.Connection | None = None
        self._closed = False

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` in the thread on one snapshot of the file, and return what it returns."""
        return await self._run(work, "BEGIN DEFERRED")

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` in the thread as one transaction that is on disk on return; all of it happens, or nothing."""
        return await self._run(work, "BEGIN IMMEDIATE")

    async def change(self, statement: str, rows: Sequence[Sequence[object]]) -> None:
        """Run one statement for each of `rows`, all in one transaction."""

        def execute(connection: sqlite3.Connection) -> None:
            connection.executemany(statement, rows)

        await self.write(execute)

    async def drop(self, *tables: str) -> None:
        """Drop `tables`, those that exist, in one transaction."""

        def execute(connection: sqlite3.Connection) -> None:
            for table in tables:
                connection.execute(f"DROP TABLE IF EXISTS {table}")

        await self.write(execute)

    async def close(self) -> None:
        """Close the file when what was asked before is done; closing it twice is harmless."""
        if not self._closed:
            self._closed = True
            await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
            self._thread.shutdown(wait=False)

    async def _run(self, work: Callable[[sqlite3.Connection], T], begin: str) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._transaction, work, begin)

    def _transaction(self, work: Callable[[sqlite3.Connection], T], begin: str) -> T:
        connection = self._connection or self._open()
        connection.execute(begin)
        try:
            result = work(connection)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return result

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=BUSY_S, isolation_level=None)
        try:
            _use_wal(connection)
            connection.execute("PRAGMA synchronous = FULL")
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        return connection

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _use_wal(connection: sqlite3.Connection) -> None:
    """Put the file into WAL mode: the one thing for which SQLite does not itself wait until others let the file go.

    Two that start over a new file at the same time meet here.
    """
    until = time.monotonic() + BUSY_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.005)
