"""Group commit: while one append is on its way, all that is decided meanwhile forms the next one."""

import asyncio
from collections.abc import Callable
from typing import Final, Generic, Protocol, TypeVar

from daytrader.clock import boot_seconds
from daytrader.journal import metrics
from daytrader.journal.entry import Entry
from daytrader.journal.port import LARGEST_APPEND_BYTES, Fate, Journal, JournalUnavailableError

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

    head_known_at: float
    """`boot_seconds` before the append or read was sent that told the head."""

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
        keep: float,
        batching: bool = True,
    ) -> None:
        """`landed(source, sent)` is called when a flight is durable (`sent` in `boot_seconds`), `lost(source)` when
        another replica took its place. Entries are kept for `keep` seconds at least before they are trimmed. Without
        `batching` partitions append side by side, one record at a time.
        """
        self._journal = journal
        self._landed = landed
        self._lost = lost
        self._keep = keep
        self._batching = batching
        self._offered: dict[S, None] = {}
        self._wake = asyncio.Event()
        self._side_by_side: set[S] = set()

    def offer(self, source: S) -> None:
        """Say that `source` has something to append."""
        self._offered[source] = None
        self._wake.set()

    async def run(self) -> None:
        """Append for ever; ends with the error where one is left that nobody thought of."""
        async with asyncio.TaskGroup() as group:
            while True:
                await self._wake.wait()
                self._wake.clear()
                sources = list(self._offered)
                self._offered.clear()
                if self._batching:
                    await self._append(sources, LARGEST_ENTRY)
                else:
                    for source in sources:
                        if source not in self._side_by_side and source.take_off(1) is not None:
                            self._side_by_side.add(source)
                            group.create_task(self._append_singly(source))

    async def _append_singly(self, source: S) -> None:
        while source.take_off(1) is not None:
            await self._append([source], 1)
        self._side_by_side.remove(source)

    async def _append(self, sources: list[S], limit: int) -> None:
        flying, entries = self._take_off(sources, limit)
        if not entries:
            return
        sent = boot_seconds()
        fates = await self._journal.append(entries)
        answered = boot_seconds()
        metrics.APPEND_SECONDS.observe(answered - sent)
        durable = 0
        unsure: list[tuple[S, Entry, Fate]] = []
        for source, entry, fate in zip(flying, entries, fates, strict=True):
            if fate is Fate.DURABLE and answered - source.head_known_at < self._keep / 2:
                durable += entry.count
                self._landed(source, sent)
                self.offer(source)
            else:
                unsure.append((source, entry, fate))
        if durable:
            metrics.BATCH_RECORDS.observe(durable)
        if unsure:
            await self._settle(unsure, sent)

    def _take_off(self, sources: list[S], limit: int) -> tuple[list[S], list[Entry]]:
        """Return who appends now, and what: as much as one append may hold, the rest is offered again."""
        flying: list[S] = []
        entries: list[Entry] = []
        room = LARGEST_APPEND_BYTES
        for source in sources:
            entry = source.take_off(limit)
            if entry is None:
                continue
            room -= len(entry.records)
            if room < 0:
                self.offer(source)
            else:
                flying.append(source)
                entries.append(entry)
        return flying, entries

    async def _settle(self, unsure: list[tuple[S, Entry, Fate]], sent: float) -> None:
        """Deal with the entries that are not simply durable; the others have been acknowledged before."""
        unsettled = False
        became_all = await asyncio.gather(*(self._became(*one) for one in unsure))
        for (source, _, _), became in zip(unsure, became_all, strict=True):
            if became is Fate.DURABLE:
                self._landed(source, sent)
            elif became is Fate.TAKEN:
                metrics.CONFLICTS.inc()
                self._lost(source)
            else:
                metrics.UNSETTLED.inc()
                unsettled = True
                if source.flight is not None:
                    source.flight.retried = True
            self.offer(source)
        if unsettled:
            await asyncio.sleep(SETTLE_EVERY)

    async def _became(self, source: S, entry: Entry, fate: Fate) -> Fate:
        """Return what an answer means: a taken place may be our own, and one that was durable late may be trimmed away.

        UNSETTLED while no majority has what stands there: a primary that was cut off may still take it back.
        """
        if fate is Fate.UNSETTLED or (fate is Fate.TAKEN and source.flight is not None and not source.flight.retried):
            return fate
        try:
            if fate is Fate.TAKEN:
                found = await self._journal.read(entry.partition, entry.n - 1, 1)
                if found and found[0].batch != entry.batch:
                    return Fate.TAKEN
                fate = Fate.DURABLE if found else Fate.UNSETTLED
            late = boot_seconds() - source.head_known_at >= self._keep / 2
            if (late or fate is Fate.UNSETTLED) and await self._journal.mark(entry.partition) >= entry.n:
                return Fate.TAKEN
        except JournalUnavailableError:
            return Fate.UNSETTLED
        return fate
