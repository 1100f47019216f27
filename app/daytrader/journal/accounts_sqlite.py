"""Stored accounts and checkpoints in a SQLite file."""

import sqlite3
from collections.abc import AsyncIterator, Sequence
from typing import Final

import msgspec

from daytrader.journal.port import Position, StoredAccount
from daytrader.journal.sqlite_errors import unavailable
from daytrader.sqlite_file import SqliteFile

AT_ONCE: Final = 2_000
"""Accounts loaded or stored in one turn of the file's thread; appends get in between."""

# `armed` is NULL where no trigger is armed: the index holds just the others.
_TABLES: Final = (
    """
    CREATE TABLE IF NOT EXISTS accounts (
        partition INTEGER NOT NULL, user TEXT NOT NULL, place INTEGER NOT NULL, state BLOB NOT NULL, armed BLOB,
        UNIQUE (partition, user)
    )
    """,
    "CREATE INDEX IF NOT EXISTS armed_accounts ON accounts (partition, user) WHERE armed IS NOT NULL",
    """
    CREATE TABLE IF NOT EXISTS checkpoints (
        partition INTEGER PRIMARY KEY, n INTEGER NOT NULL, next_record INTEGER NOT NULL, time INTEGER NOT NULL
    )
    """,
)
_STORE: Final = """
    INSERT INTO accounts VALUES (?, ?, ?, ?, ?) ON CONFLICT (partition, user) DO UPDATE
    SET place = excluded.place, state = excluded.state, armed = excluded.armed WHERE place < excluded.place
"""
_LOAD: Final = """
    SELECT user, place, state, armed FROM accounts
    WHERE partition = ? AND user IN (SELECT value FROM json_each(?))
"""
ARMED: Final = """
    SELECT user, place, armed FROM accounts WHERE partition = ? AND armed IS NOT NULL AND user > ? ORDER BY user LIMIT ?
"""
_SET_CHECKPOINT: Final = """
    INSERT INTO checkpoints VALUES (?, ?, ?, ?) ON CONFLICT (partition) DO UPDATE
    SET n = excluded.n, next_record = excluded.next_record, time = excluded.time WHERE n < excluded.n
"""

_Armed = tuple[tuple[str, bool, int], ...]
_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(_Armed).decode


class SqliteAccounts:
    """The account store; `SqliteJournal.accounts`, which also prepares and closes it."""

    def __init__(self, file: SqliteFile) -> None:
        self._file = file

    def prepare(self, connection: sqlite3.Connection) -> None:
        """Create tables and index where they are missing, within the caller's transaction."""
        for table in _TABLES:
            connection.execute(table)

    async def load(self, partition: int, users: Sequence[str]) -> dict[str, StoredAccount]:
        """Return the stored accounts of `users`."""
        loaded: dict[str, StoredAccount] = {}
        for start in range(0, len(users), AT_ONCE):
            some = msgspec.json.encode(users[start : start + AT_ONCE]).decode()

            def select(connection: sqlite3.Connection, some: str = some) -> list[StoredAccount]:
                rows = connection.execute(_LOAD, (partition, some))
                return [StoredAccount(user, place, state, _armed(armed)) for user, place, state, armed in rows]

            with unavailable():
                loaded |= {account.user: account for account in await self._file.read(select)}
        return loaded

    async def store(self, partition: int, accounts: Sequence[StoredAccount]) -> None:
        """Store the accounts, each only over an older place."""
        for start in range(0, len(accounts), AT_ONCE):
            rows = [
                (partition, account.user, account.place, account.state, _pack(account.armed) if account.armed else None)
                for account in accounts[start : start + AT_ONCE]
            ]
            with unavailable():
                await self._file.change(_STORE, rows)

    async def armed(self, partition: int) -> AsyncIterator[StoredAccount]:
        """Yield the accounts with armed triggers in order of user, their state left empty."""
        last: str | None = ""  # nothing is armed in the strangers' account, whose user this is
        while last is not None:
            page = (partition, last, AT_ONCE)

            def select(connection: sqlite3.Connection, page: tuple[int, str, int] = page) -> list[StoredAccount]:
                rows = connection.execute(ARMED, page)
                return [StoredAccount(user, place, b"", _armed(armed)) for user, place, armed in rows]

            with unavailable():
                found = await self._file.read(select)
            for account in found:
                yield account
            last = found[-1].user if len(found) == AT_ONCE else None

    async def users(self, partition: int) -> list[str]:
        """Return every user who has a stored account, in order."""
        query = "SELECT user FROM accounts WHERE partition = ? ORDER BY user"
        with unavailable():
            return await self._file.read(lambda c: [user for (user,) in c.execute(query, (partition,))])

    async def checkpoint(self, partition: int) -> Position:
        """Return the checkpoint."""
        query = "SELECT n, next_record, time FROM checkpoints WHERE partition = ?"
        with unavailable():
            found = await self._file.read(lambda connection: connection.execute(query, (partition,)).fetchone())
        return Position(*found) if found else Position()

    async def set_checkpoint(self, partition: int, position: Position) -> None:
        """Raise the checkpoint."""
        row = (partition, position.n, position.next_record, position.time)
        with unavailable():
            await self._file.change(_SET_CHECKPOINT, [row])

    async def clear(self) -> None:
        """Drop the tables."""
        with unavailable():
            await self._file.drop("accounts", "checkpoints")


def _armed(packed: bytes | None) -> _Armed:
    return () if packed is None else _unpack(packed)
