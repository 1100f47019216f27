"""Identities and tokens in a SQLite file, for the embedded mode."""

import secrets
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from daytrader.auth.identity import Identity
from daytrader.auth.port import KEY_BYTES, AuthUnavailableError
from daytrader.auth.token import Token
from daytrader.sqlite_file import SqliteFile

FILE: Final = "identities.sqlite"
"""The name of the file in an installation's directory."""

_TABLES: Final = (
    """
    CREATE TABLE IF NOT EXISTS identities (
        name TEXT PRIMARY KEY, role TEXT NOT NULL, password TEXT NOT NULL, created INTEGER NOT NULL,
        changed INTEGER NOT NULL, removed INTEGER NOT NULL
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS tokens (
        id TEXT PRIMARY KEY, digest BLOB NOT NULL, name TEXT NOT NULL, role TEXT, identity TEXT NOT NULL,
        identity_created INTEGER NOT NULL, created INTEGER NOT NULL, expires INTEGER NOT NULL, revoked INTEGER NOT NULL,
        session INTEGER NOT NULL DEFAULT 0, identity_changed INTEGER NOT NULL DEFAULT 0
    )
    """,
    "CREATE TABLE IF NOT EXISTS keys (name TEXT PRIMARY KEY, value BLOB NOT NULL)",
)
_LATER: Final = ("session", "identity_changed")
"""Columns of tokens that files of older builds lack."""
_IDENTITY: Final = "SELECT name, role, password, created, changed, removed FROM identities"
_TOKEN: Final = """
    SELECT id, digest, name, role, identity, identity_created, created, expires, revoked, session, identity_changed
    FROM tokens
"""  # noqa: S105
_ADD: Final = """
    INSERT INTO identities VALUES (:name, :role, :password, :created, :changed, :removed) ON CONFLICT DO NOTHING
"""
_ADD_AGAIN: Final = """
    UPDATE identities SET role = :role, password = :password, created = :created, changed = :changed, removed = :removed
    WHERE name = :name AND removed <> 0
"""
_SET_PASSWORD: Final = "UPDATE identities SET password = ?, changed = ? WHERE name = ? AND removed = 0"  # noqa: S105
_REMOVE: Final = "UPDATE identities SET removed = ?, password = '' WHERE name = ? AND removed = 0"
_ADD_TOKEN: Final = """
    INSERT INTO tokens
    VALUES (
        :id, :digest, :name, :role, :identity, :identity_created, :created, :expires, :revoked, :session,
        :identity_changed
    )
    ON CONFLICT DO NOTHING
"""  # noqa: S105
_REVOKE: Final = "UPDATE tokens SET revoked = ? WHERE id = ? AND revoked = 0"

Values = Sequence[object] | dict[str, object]


class SqliteAuthStore:
    """The store in the file at `path`; other processes may have it open too."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = SqliteFile(path)

    async def open(self) -> None:
        """Create the file, which only its owner can read, and the tables, where they are missing."""

        def create(connection: sqlite3.Connection) -> None:
            for table in _TABLES:
                connection.execute(table)
            there = {column[1] for column in connection.execute("PRAGMA table_info(tokens)")}
            for column in _LATER:
                if column not in there:
                    connection.execute(f"ALTER TABLE tokens ADD COLUMN {column} INTEGER NOT NULL DEFAULT 0")
            connection.execute("CREATE INDEX IF NOT EXISTS tokens_of ON tokens (identity)")

        with _available():
            self._path.touch(0o600)
            await self._file.write(create)

    async def add(self, identity: Identity, *, again: bool = False) -> bool:
        """Insert it, or let it take the place of a removed one."""
        return await self._change(_ADD_AGAIN if again else _ADD, msgspec.structs.asdict(identity))

    async def identity(self, name: str) -> Identity | None:
        """Read one by the primary key."""
        found = await self._read(f"{_IDENTITY} WHERE name = ?", [name])
        return _identity(found[0]) if found else None

    async def identities(self) -> list[Identity]:
        """Read all of them."""
        return [_identity(row) for row in await self._read(f"{_IDENTITY} ORDER BY name", [])]

    async def set_password(self, name: str, password: str, at: int) -> bool:
        """Change the password of one that is not removed."""
        return await self._change(_SET_PASSWORD, [password, at, name])

    async def remove(self, name: str, at: int) -> bool:
        """Mark it as removed, and forget its password."""
        return await self._change(_REMOVE, [at, name])

    async def add_token(self, token: Token) -> bool:
        """Insert it."""
        return await self._change(_ADD_TOKEN, msgspec.structs.asdict(token))

    async def token(self, token_id: str) -> Token | None:
        """Read one by the primary key."""
        found = await self._read(f"{_TOKEN} WHERE id = ?", [token_id])
        return _token(found[0]) if found else None

    async def tokens(self, identity: str | None = None) -> list[Token]:
        """Read all of them, or one identity's."""
        which, values = ("", []) if identity is None else (" AND identity = ?", [identity])
        query = f"{_TOKEN} WHERE session = 0{which} ORDER BY created, id"
        return [_token(row) for row in await self._read(query, values)]

    async def revoke(self, token_id: str, at: int) -> bool:
        """Mark it as revoked."""
        return await self._change(_REVOKE, [at, token_id])

    async def forget_sessions(self, before: int) -> int:
        """Delete them."""
        statement = "DELETE FROM tokens WHERE session = 1 AND expires < ?"
        with _available():
            return await self._file.write(lambda connection: connection.execute(statement, [before]).rowcount)

    async def key(self) -> bytes:
        """Read it, or insert one where there is none."""

        def made(connection: sqlite3.Connection) -> bytes:
            new = secrets.token_bytes(KEY_BYTES)
            connection.execute("INSERT INTO keys VALUES ('pages', ?) ON CONFLICT DO NOTHING", [new])
            key: bytes = connection.execute("SELECT value FROM keys WHERE name = 'pages'").fetchone()[0]
            return key

        with _available():
            return await self._file.write(made)

    async def close(self) -> None:
        """Close the file."""
        await self._file.close()

    async def _change(self, statement: str, values: Values) -> bool:
        with _available():
            return await self._file.write(lambda connection: connection.execute(statement, values).rowcount == 1)

    async def _read(self, query: str, values: Values) -> list[tuple[object, ...]]:
        with _available():
            return await self._file.read(lambda connection: connection.execute(query, values).fetchall())


def _identity(row: tuple[object, ...]) -> Identity:
    return msgspec.convert(dict(zip(Identity.__struct_fields__, row, strict=True)), Identity)


def _token(row: tuple[object, ...]) -> Token:
    return msgspec.convert(dict(zip(Token.__struct_fields__, row, strict=True)), Token, strict=False)


@contextmanager
def _available() -> Iterator[None]:
    try:
        yield
    except (sqlite3.OperationalError, OSError) as error:
        raise AuthUnavailableError(
            f"the file of identities and tokens did not do what it was asked ({error}): see that its directory exists, "
            "that its disk has room and that nobody holds it locked"
        ) from error
