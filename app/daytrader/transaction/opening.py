"""Bringing a partition's accounts into memory: at its opening, after a conflict, and one by one on demand."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from daytrader.clock import boot_seconds
from daytrader.domain.account import STRANGERS
from daytrader.domain.record import Record
from daytrader.journal.entry import Entry, decode_records
from daytrader.journal.port import AccountStore, Journal, Position
from daytrader.transaction.accounts import Accounts
from daytrader.transaction.partition import Partition

ENTRIES_AT_ONCE: Final = 5_000
"""Entries that are read at once; a small one holds a record or two."""

RECORDS_AT_ONCE: Final = 20_000
"""Records that are applied at once: the more, the fewer accounts have to be unpacked twice."""

PARTITIONS_AT_ONCE: Final = 2
"""Partitions that catch up at the same time; more would only take more memory."""

STARTING_OVER_PAYS: Final = 20_000
"""Records up to the checkpoint that a partition has missed from which on it is quicker to start over from there."""


class Opening:
    """Reads accounts and entries for partitions; what it reads is durable on a majority."""

    def __init__(
        self,
        journal: Journal,
        store: AccountStore,
        new_accounts: Callable[[], Accounts],
        followed: Callable[[Partition, list[tuple[Entry, list[Record]]]], None] = lambda *_: None,
    ) -> None:
        """`followed` is called with the entries of the journal that a partition has just applied."""
        self._journal = journal
        self._store = store
        self._new_accounts = new_accounts
        self._followed = followed
        self._room = asyncio.Semaphore(PARTITIONS_AT_ONCE)
        self._paging: dict[Partition, asyncio.Lock] = {}
        self._wanted: dict[Partition, tuple[dict[str, None], asyncio.Task[None]]] = {}

    def paging(self, partition: Partition) -> asyncio.Lock:
        """Return the lock that whoever moves accounts of the partition between memory and store holds."""
        return self._paging.setdefault(partition, asyncio.Lock())

    async def catch_up(self, partition: Partition) -> None:
        """Bring the partition to the end of its journal: from the checkpoint the first time, or when it slept too long.

        Raises:
            JournalUnavailableError: the store is away.
            UnknownFormatError: an entry was written by a build that this one cannot read.
        """
        async with self._room, self.paging(partition):
            checkpoint = await self._store.checkpoint(partition.number)
            behind = checkpoint.next_record - partition.head.next_record
            if not partition.head_known_at or behind > STARTING_OVER_PAYS:
                await self._start_over(partition, checkpoint)
            while True:
                asked = boot_seconds()
                head = partition.head.n
                entries = await self._journal.read(partition.number, head, ENTRIES_AT_ONCE)
                outdated = not entries and await self._journal.outdated({partition.number: head})
                if (entries or outdated) and await self._journal.mark(partition.number) > head:
                    # What was read, or missed, may stand, or have stood, at a place that had been trimmed away before.
                    await self._start_over(partition, await self._store.checkpoint(partition.number))
                elif entries:
                    await self._follow(partition, entries)
                elif not outdated:
                    break
            partition.head_known_at = asked

    async def _start_over(self, partition: Partition, checkpoint: Position) -> None:
        partition.head_known_at = 0.0  # should this not come to its end, the next catching up starts over again
        partition.reset(checkpoint, self._new_accounts())
        if checkpoint.n:
            partition.followed_at = asyncio.get_running_loop().time()
        async for stored in self._store.armed(partition.number):
            for symbol, sells, price in stored.armed:
                partition.armed.set(stored.user, symbol, sells, price)
        await self._load(partition, [STRANGERS])

    async def _follow(self, partition: Partition, entries: list[Entry]) -> None:
        for some in _in_portions(entries):
            decoded = [(entry, decode_records(entry)) for entry in some]
            await self._load(partition, dict.fromkeys(record.account for _, records in decoded for record in records))
            partition.follow(decoded)
            self._followed(partition, decoded)
            partition.followed_at = asyncio.get_running_loop().time()
            await asyncio.sleep(0)

    async def load(self, partition: Partition, user: str) -> None:
        """Bring an account into memory (or learn that there is none); those wanted at the same time come together."""
        wanted = self._wanted.get(partition)
        if wanted is None:
            wanted = ({STRANGERS: None}, asyncio.create_task(self._load_wanted(partition)))
            self._wanted[partition] = wanted
        wanted[0][user] = None
        await asyncio.shield(wanted[1])

    async def load_all(self, partition: Partition, users: Iterable[str]) -> None:
        """Bring accounts into memory (or learn that there are none)."""
        async with self.paging(partition):
            await self._load(partition, users)

    async def _load_wanted(self, partition: Partition) -> None:
        await asyncio.sleep(0)  # whoever wants an account in this turn of the loop comes along
        async with self.paging(partition):
            await self._load(partition, self._wanted.pop(partition)[0])

    async def _load(self, partition: Partition, users: Iterable[str]) -> None:
        missing = [user for user in users if user not in partition.accounts]
        if not missing:
            return
        stored = await self._store.load(partition.number, missing)
        for user in missing:
            partition.accounts.loaded(user, stored.get(user))


def _in_portions(entries: list[Entry]) -> Iterator[list[Entry]]:
    """Yield the entries in portions of about RECORDS_AT_ONCE records."""
    portion: list[Entry] = []
    count = 0
    for entry in entries:
        portion.append(entry)
        count += entry.count
        if count >= RECORDS_AT_ONCE:
            yield portion
            portion, count = [], 0
    if portion:
        yield portion
