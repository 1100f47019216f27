"""Holds of trimming in a SQLite file."""

import sqlite3
import time
from typing import Final

from daytrader.journal.sqlite_errors import unavailable
from daytrader.sqlite_file import SqliteFile

_TABLE: Final = "CREATE TABLE IF NOT EXISTS holds (name TEXT PRIMARY KEY, until REAL NOT NULL)"
_HOLD: Final = "INSERT INTO holds VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET until = excluded.until"


class SqliteHolds:
    """The holds; `SqliteJournal.holds`, which also prepares and closes them. The clock is this machine's."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file

    def prepare(self, connection: sqlite3.Connection) -> None:
        """Create the table where it is missing, within the caller's transaction."""
        connection.execute(_TABLE)

    async def hold(self, name: str, seconds: float) -> None:
        """Set the hold, or set it anew."""
        with unavailable():
            await self._file.change(_HOLD, [(name, time.time() + seconds)])

    async def release(self, name: str) -> None:
        """Delete the hold, and those that have ended."""
        with unavailable():
            await self._file.change("DELETE FROM holds WHERE name = ? OR until <= ?", [(name, time.time())])

    async def held(self) -> list[str]:
        """Return the names of the holds that last."""
        with unavailable():
            return await self._file.read(names)


def names(connection: sqlite3.Connection) -> list[str]:
    """Return the names of the holds that last, within the caller's transaction."""
    lasting = connection.execute("SELECT name FROM holds WHERE until > ? ORDER BY name", (time.time(),))
    return [name for (name,) in lasting]
