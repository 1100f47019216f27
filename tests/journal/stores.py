"""Journals to test against, each over data of its own, and entries and accounts to put into them."""

import secrets
from collections.abc import Iterable
from urllib.parse import urlsplit, urlunsplit

from daytrader.journal.entry import Entry
from daytrader.journal.port import StoredAccount

PARTITIONS = 4


def own_database(uri: str) -> str:
    """The URI of a database on the same set that nobody else has."""
    parts = urlsplit(uri)
    return urlunsplit(parts._replace(path=f"/test_{secrets.token_hex(6)}"))


def entry(partition: int, n: int, *, batch: str = "ours", records: bytes = b"records") -> Entry:
    """An entry of one record at a time of its own."""
    return Entry(partition, n, batch, n, 1, 1_700_000_000_000 + n, "replica-1", records)


def entries(partition: int, ns: Iterable[int]) -> list[Entry]:
    """Entries of one partition."""
    return [entry(partition, n) for n in ns]


def account(user: str, place: int, *, state: bytes | None = None, armed: int = 0) -> StoredAccount:
    """An account as of `place`, with so many armed triggers."""
    triggers = tuple((symbol, symbol == "SEL", 500) for symbol in ("BUY", "SEL", "DOG")[:armed])
    return StoredAccount(user, place, state if state is not None else f"{user} at {place}".encode(), triggers)
