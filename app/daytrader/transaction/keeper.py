"""Keeping house: storing changed accounts, raising checkpoints, evicting what memory has no room for, trimming."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

import structlog

from daytrader.clock import boot_seconds
from daytrader.journal.port import AccountStore, Journal, JournalUnavailableError, Position
from daytrader.transaction import metrics
from daytrader.transaction.opening import Opening
from daytrader.transaction.partition import Partition

CHUNK: Final = 250
"""Accounts stored in one go; between two of them commands are decided."""

ROUND_EVERY: Final = 0.5
"""Seconds between two rounds."""

GOLDEN: Final = (5**0.5 - 1) / 2
"""Multiples of it, without their whole parts, are spread evenly, however many there are of them: the partitions'
checkpoints are, so that storing costs the same at any time, and about half of the longest tail is there to replay while
all partitions grow alike."""

TRIM_EVERY: Final = 60
"""Seconds between two looks for entries that may go."""

_log = structlog.get_logger()


def laps(partition: int, position: Position, every: int) -> int:
    """Return how many checkpoints a partition is to have had at a position, one every so many records."""
    ahead = int(partition * GOLDEN % 1 * every)
    return (position.next_record - 1 + ahead) // every


class Keeper:
    """Keeps memory bounded and the journal short. It works on durable state only, and never holds up a decision."""

    def __init__(
        self,
        journal: Journal,
        store: AccountStore,
        opening: Opening,
        *,
        checkpoint_records: int,
        keep: float,
    ) -> None:
        """Partitions are stored every `checkpoint_records`, and entries kept for `keep` seconds at least."""
        self._journal = journal
        self._store = store
        self._opening = opening
        self._checkpoint_records = checkpoint_records
        self._keep = keep
        self._seen: dict[int, deque[tuple[float, int]]] = {}
        """When (`boot_seconds`) which entry of a partition was seen to be there."""

    async def run(self, partitions: Callable[[], Iterable[Partition]]) -> None:
        """Keep house for ever in the open ones of `partitions`."""
        rounds = 0
        while True:
            await asyncio.sleep(ROUND_EVERY)
            rounds += 1
            for partition in list(partitions()):
                await self._unless_unavailable(self._tidy(partition))
            if rounds % round(TRIM_EVERY / ROUND_EVERY) == 0:
                now = boot_seconds()
                old = [(partition, self._old_entry(partition, now)) for partition in partitions()]
                for partition, n in old:
                    await self._unless_unavailable(self._trim(partition.number, n))

    async def _tidy(self, partition: Partition) -> None:
        await self._evict(partition)
        every = self._checkpoint_records
        if laps(partition.number, partition.head, every) > laps(partition.number, partition.checkpoint, every):
            await self.checkpoint(partition)

    async def _unless_unavailable(self, work: Awaitable[None]) -> None:
        """Do it, unless the store does not take it at present: then it is done in a later round."""
        try:
            await work
        except JournalUnavailableError as error:
            _log.warning("housekeeping waits for the store", error=str(error))

    async def checkpoint(self, partition: Partition) -> None:
        """Store every account that changed up to now, then raise the checkpoint to the head as it is now."""
        head = partition.head
        if head.n <= partition.checkpoint.n:
            return
        accounts = partition.accounts
        users = accounts.changed()
        for start in range(0, len(users), CHUNK):
            async with self._opening.paging(partition):
                await self._store_changed(partition, users[start : start + CHUNK])
        if partition.accounts is not accounts:
            return  # the partition started over meanwhile: what was left to store is gone, and will be replayed
        await self._store.set_checkpoint(partition.number, head)
        partition.checkpoint = head

    async def _store_changed(self, partition: Partition, users: list[str]) -> None:
        accounts = partition.accounts
        changed = accounts.to_store(users)
        if changed:
            await self._store.store(partition.number, changed)
            accounts.stored(changed)
            metrics.STORED.inc(len(changed))

    async def _evict(self, partition: Partition) -> None:
        accounts = partition.accounts
        for _ in range(len(accounts) // CHUNK + 1):
            users = accounts.excess(CHUNK)
            if not users or partition.accounts is not accounts:
                return
            async with self._opening.paging(partition):
                await self._store_changed(partition, users)
                partition.evict(users)

    def _old_entry(self, partition: Partition, now: float) -> int:
        """Return the last entry that was there `keep` seconds ago for sure, as seen at the looks up to now; 0: none.

        A replica that took an older entry for the last one has learned that longer ago than `keep`, and no longer
        relies on it. The times in the entries do not tell: they are of the decision, by the wall clock, and an append
        may take long to land.
        """
        seen = self._seen.setdefault(partition.number, deque())
        seen.append((now, partition.head.n))
        while len(seen) > 1 and now - seen[1][0] >= self._keep:
            seen.popleft()
        time, n = seen[0]
        return n if now - time >= self._keep else 0

    async def _trim(self, number: int, old: int) -> None:
        """Trim what is old enough, checkpointed, and held by the audit store."""
        if not old:
            return
        checkpoint = await self._store.checkpoint(number)
        upto = min(old, checkpoint.n, await self._journal.audited(number))
        if upto > await self._journal.mark(number) and await self._journal.trim(number, upto):
            _log.info("trimmed", partition=number, upto=upto)
