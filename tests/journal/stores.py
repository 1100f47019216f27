"""Journals to test against, each over data of its own, and entries and accounts to put into them."""

import asyncio
import gc
import secrets
import traceback
import warnings
from collections.abc import Iterable
from typing import Protocol
from urllib.parse import urlsplit, urlunsplit

from daytrader.journal.entry import Entry
from daytrader.journal.port import StoredAccount

PARTITIONS = 4


def own_database(uri: str) -> str:
    """The URI of a database on the same set that nobody else has."""
    parts = urlsplit(uri)
    return urlunsplit(parts._replace(path=f"/test_{secrets.token_hex(6)}"))


class Closing(Protocol):
    """Anything that keeps connections."""

    async def close(self) -> None:
        """Close them."""


async def let_go(store: Closing) -> None:
    """Close what is kept in a set whose members may be out of reach.

    A client that is closed while it connects to such a member leaves that socket to the garbage collector, held by the
    frames of the task that connected. They are cleared, and it is told to collect here, so that the warning does not
    hit whichever test runs when it does so by itself.
    """
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    await store.close()
    await asyncio.sleep(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        for task in tasks:
            try:
                if task.cancelled():
                    task.result()
            except asyncio.CancelledError as error:
                traceback.clear_frames(error.__traceback__)
        gc.collect()


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
