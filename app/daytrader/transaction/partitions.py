"""The partitions of a replica: its own are kept open, the others are opened when a command comes."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from typing import Final

import structlog

from daytrader.clock import boot_seconds
from daytrader.journal.entry import UnknownFormatError
from daytrader.journal.port import Journal, JournalUnavailableError
from daytrader.transaction import metrics
from daytrader.transaction.opening import Opening
from daytrader.transaction.partition import Partition

RETRY_AFTER: Final = 0.1
"""Seconds before a store that was away is asked again."""

FORMAT_RETRY_AFTER: Final = 5.0
"""Seconds before an entry that this build cannot read is looked at again."""

OPEN_EVERY: Final = 0.25
"""Seconds between two looks which partitions are our own."""

LOOK_EVERY: Final = 2.0
"""Seconds between two looks whether others appended to our partitions: without traffic nothing else would tell."""

_log = structlog.get_logger()


class Partitions:
    """All partitions, by their number; each is open or not."""

    def __init__(
        self,
        partitions: list[Partition],
        journal: Journal,
        opening: Opening,
        owned: Callable[[], Iterable[int]],
        *,
        opened: Callable[[], None],
        outdated: Callable[[Partition], None],
        fault: Callable[[str], None],
        defect: Callable[[asyncio.Task[None]], None],
    ) -> None:
        """`owned()` gives the numbers of the partitions that fall to this replica. `opened` is called after each
        opening, `outdated(partition)` where another replica has appended, `fault` with what keeps a partition closed,
        `defect` with a task that has ended.
        """
        self._partitions = partitions
        self._journal = journal
        self._opening = opening
        self._owned = owned
        self._opened = opened
        self._outdated = outdated
        self._fault = fault
        self._defect = defect
        self._tasks: dict[Partition, asyncio.Task[None]] = {}

    def __len__(self) -> int:
        return len(self._partitions)

    def __getitem__(self, number: int) -> Partition:
        return self._partitions[number]

    def __iter__(self) -> Iterator[Partition]:
        return iter(self._partitions)

    def all_open(self) -> list[Partition]:
        """Return the open ones."""
        return [partition for partition in self._partitions if partition.is_open]

    def own_open(self) -> list[Partition]:
        """Return the open ones of this replica's own."""
        return [partition for number in self._owned() if (partition := self._partitions[number]).is_open]

    def are_own_open(self) -> bool:
        """Whether every partition that falls to this replica is open."""
        return all(self._partitions[number].is_open for number in self._owned())

    async def run(self) -> None:
        """Keep its own partitions open, and up to date, for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_open())
            group.create_task(self._look_at_heads())

    async def close(self) -> None:
        """Break off the openings under way."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def open(self, partition: Partition) -> asyncio.Task[None]:
        """Return the task that opens a partition, if it is not open; it ends when that is done."""
        task = self._tasks.get(partition)
        if task is None or task.done():
            task = asyncio.create_task(self._open(partition), name=f"opening of partition {partition.number}")
            task.add_done_callback(self._defect)
            self._tasks[partition] = task
        return task

    async def _open(self, partition: Partition) -> None:
        if partition.is_open:
            return
        wanted = boot_seconds()
        while not await self._catch_up(partition):
            continue
        partition.is_open = True
        metrics.OPENING_SECONDS.observe(boot_seconds() - wanted)
        self._opened()

    async def _catch_up(self, partition: Partition) -> bool:
        """Return whether it worked; where it did not, some time has passed."""
        try:
            await self._opening.catch_up(partition)
        except JournalUnavailableError as error:
            _log.warning("opening waits for the store", partition=partition.number, error=str(error))
            await asyncio.sleep(RETRY_AFTER)
            return False
        except UnknownFormatError as error:
            self._fault(str(error))
            _log.error("partition cannot be opened", partition=partition.number, error=str(error))
            await asyncio.sleep(FORMAT_RETRY_AFTER)
            return False
        return True

    async def _keep_open(self) -> None:
        while True:
            for number in self._owned():
                if not self._partitions[number].is_open:
                    self.open(self._partitions[number])
            are_open = self.all_open()
            metrics.OPEN_PARTITIONS.set(len(are_open))
            metrics.TAIL.set(sum(one.head.next_record - one.checkpoint.next_record for one in are_open))
            metrics.MEMORY_ACCOUNTS.set(sum(len(partition.accounts) for partition in self._partitions))
            await asyncio.sleep(OPEN_EVERY)

    async def _look_at_heads(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY)
            await self.confirm(self.own_open())

    async def confirm(self, partitions: Iterable[Partition]) -> None:
        """Find out which of these, as far as they are open, others appended to: they are told to be outdated."""
        heads = {one.number: one.head.n for one in partitions if one.is_open and not one.flight}
        asked = boot_seconds()
        try:
            outdated = await self._journal.outdated(heads) if heads else set()
        except JournalUnavailableError as error:
            _log.warning("nobody knows whether other replicas append", error=str(error))
            return
        for number, n in heads.items():
            partition = self._partitions[number]
            if not partition.is_open or partition.flight or partition.head.n != n:
                continue
            if number in outdated:
                self._outdated(partition)
            else:
                partition.head_known_at = asked
