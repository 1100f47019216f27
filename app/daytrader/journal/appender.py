"""Group commit: while one append is on its way, all that is decided meanwhile forms the next one."""

import asyncio
import functools
from collections.abc import Callable
from typing import Final, Generic, Protocol, TypeVar

from daytrader.clock import boot_seconds
from daytrader.journal import metrics
from daytrader.journal.entry import Entry
from daytrader.journal.port import Fate, Journal, JournalUnavailableError

LARGEST_ENTRY: Final = 1_000
"""Records in one entry at the most."""

SETTLE_EVERY: Final = 0.05
"""Seconds between two tries to settle an append whose answer was lost."""


class Flying(Protocol):
    """An entry on its way."""

    entry: Entry
    retried: bool


class Source(Protocol):
    """A partition as the appender sees it: one entry under way at a time."""

    @property
    def flight(self) -> Flying | None:
        """The entry under way."""

    def take_off(self, limit: int) -> Entry | None:
        """Return the entry to append: the one left unsettled, or a new one; None where there is nothing."""


S = TypeVar("S", bound=Source)


class Appender(Generic[S]):
    """The one appender of a replica: one unordered insert of one entry a partition is under way at a time.

    An entry that is left unsettled is inserted again, the same one, until it is durable or its place is seen to be
    taken by another: reading alone proves nothing, since the first try may still land. Its partition appends nothing
    else meanwhile.
    """

    def __init__(
        self,
        journal: Journal,
        landed: Callable[[S, float], None],
        lost: Callable[[S], None],
        *,
        batching: bool = True,
    ) -> None:
        """`landed(source, sent)` is called when a flight is durable (`sent` in `boot_seconds`), `lost(source)` when
        another replica took its place. Without `batching` partitions append side by side, one record at a time.
        """
        self._journal = journal
        self._landed = landed
        self._lost = lost
        self._batching = batching
        self._offered: dict[S, None] = {}
        self._wake = asyncio.Event()
        self._side_by_side: dict[S, asyncio.Task[None]] = {}

    def offer(self, source: S) -> None:
        """Say that `source` has something to append."""
        self._offered[source] = None
        self._wake.set()

    async def run(self) -> None:
        """Append for ever; ends with the error where one is left that nobody thought of."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            sources = list(self._offered)
            self._offered.clear()
            if self._batching:
                await self._append(sources, LARGEST_ENTRY)
            else:
                self._start_side_by_side(sources)

    def _start_side_by_side(self, sources: list[S]) -> None:
        for source in sources:
            if source not in self._side_by_side:
                task = asyncio.create_task(self._append_singly(source))
                self._side_by_side[source] = task
                task.add_done_callback(functools.partial(self._singly_done, source))

    async def _append_singly(self, source: S) -> None:
        while source.take_off(1) is not None:
            await self._append([source], 1)

    def _singly_done(self, source: S, task: asyncio.Task[None]) -> None:
        del self._side_by_side[source]
        if not task.cancelled():
            task.result()

    async def _append(self, sources: list[S], limit: int) -> None:
        flying = [source for source in sources if source.take_off(limit) is not None]
        if not flying:
            return
        entries = [source.flight.entry for source in flying if source.flight is not None]
        sent = boot_seconds()
        fates = await self._journal.append(entries)
        metrics.APPEND_SECONDS.observe(boot_seconds() - sent)
        durable = 0
        unsettled = False
        for source, entry, fate in zip(flying, entries, fates, strict=True):
            if fate is Fate.TAKEN:
                fate = await self._whose(source, entry)  # noqa: PLW2901  what was taken may be our own
            if fate is Fate.DURABLE:
                durable += entry.count
                self._landed(source, sent)
            elif fate is Fate.TAKEN:
                metrics.CONFLICTS.inc()
                self._lost(source)
            else:
                metrics.UNSETTLED.inc()
                unsettled = True
                if source.flight is not None:
                    source.flight.retried = True
            self.offer(source)
        if durable:
            metrics.BATCH_RECORDS.observe(durable)
        if unsettled:
            await asyncio.sleep(SETTLE_EVERY)

    async def _whose(self, source: S, entry: Entry) -> Fate:
        """Return what a taken place means: DURABLE if it is our entry, from an earlier try, and TAKEN if another's.

        UNSETTLED while no majority has it: a primary that was cut off may still take it back.
        """
        if source.flight is not None and not source.flight.retried:
            return Fate.TAKEN
        try:
            found = await self._journal.read(entry.partition, entry.n - 1, 1)
            if not found:
                trimmed = await self._journal.mark(entry.partition) >= entry.n
                return Fate.TAKEN if trimmed else Fate.UNSETTLED
        except JournalUnavailableError:
            return Fate.UNSETTLED
        return Fate.DURABLE if found[0].batch == entry.batch else Fate.TAKEN
