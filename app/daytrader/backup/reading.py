"""Going on whatever happens to the primary meanwhile; reading a range of a collection to its end."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final, TypeVar, cast

from bson import decode_all
from pymongo.errors import PyMongoError

from daytrader.backup.manifest import BackupError
from daytrader.clock import boot_seconds
from daytrader.journal.port import JournalUnavailableError
from daytrader.mongo import Document, Primary

PATIENCE: Final = 60.0
"""Seconds for which a set may be away, as during an election or while its members are rolled."""

AGAIN_EVERY: Final = 0.5
"""Seconds between two tries."""

BATCH: Final = 1_000
"""Documents that a reply holds at the most; it holds 16 MiB at the most, too."""

T = TypeVar("T")


class Patience:
    """Counts how long nothing has gone on."""

    def __init__(self, what: str) -> None:
        """`what` is being done, in words."""
        self._what = what
        self.went_on()

    def went_on(self) -> None:
        """Begin to count anew."""
        self._until = boot_seconds() + PATIENCE

    async def wait(self, error: PyMongoError | JournalUnavailableError) -> None:
        """Wait a moment after `error`. Raises BackupError when it has been too long."""
        if boot_seconds() >= self._until:
            raise BackupError(
                f"{self._what} failed for {PATIENCE:.0f} s ({type(error).__name__}: {str(error)[:300]}): see to the "
                "set's members, then run it again"
            ) from error
        await asyncio.sleep(AGAIN_EVERY)


async def persist(what: str, work: Callable[[], Awaitable[T]]) -> T:
    """Return what `work` returns, tried again and again. Raises BackupError after `PATIENCE`."""
    patience = Patience(what)
    while True:
        try:
            return await work()
        except (PyMongoError, JournalUnavailableError) as error:
            await patience.wait(error)


async def batches(primary: Primary, collection: str, within: Document) -> AsyncIterator[tuple[bytes, list[Document]]]:
    """Yield the documents whose `_id` is `within` bounds, in its order: as BSON one after the other, and decoded.

    A document that is there all the time comes once, as it was at some moment after the call. Raises BackupError.
    """
    patience = Patience(f"reading {collection}")
    while True:
        try:
            async with primary.cursors(collection) as (found, session):
                query = {"_id": within} if within else {}
                cursor = found.find_raw_batches(query, sort={"_id": 1}, batch_size=BATCH, session=session)
                async for batch in cursor:
                    raw = cast(bytes, batch)
                    documents = decode_all(raw)
                    if documents:
                        yield raw, documents
                        within = {**within, "$gt": documents[-1]["_id"]}
                        patience.went_on()
            return
        except PyMongoError as error:
            await patience.wait(error)
