"""Following the journal into the audit store: every entry once, in order, none left out."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import structlog

from daytrader.audit import metrics
from daytrader.audit.continuity import GapError, find_gaps, users_of
from daytrader.audit.index import PartitionIndex
from daytrader.audit.port import AuditStore, AuditUnavailableError, EntryDiffersError
from daytrader.audit.portion import Portion
from daytrader.clock import Clock
from daytrader.journal.entry import Entry
from daytrader.journal.port import Journal, JournalUnavailableError

GAP: Final = 0.2
"""Seconds between two looks at the journal where nobody waits: the more comes meanwhile, the less each entry costs."""

RESUME_AFTER: Final = (0.5, 1.0, 2.0, 5.0)
"""Seconds to wait after the first, second, … failure in a row; then always the last."""

CHECK_EVERY: Final = 30.0
"""Seconds between two looks whether the journal still continues what is held here."""

TELL_EVERY: Final = 1.0
"""Seconds, at the least, between two notes to the journal of what is held here."""

READ_BYTES: Final = 2 * 1024 * 1024
READ_ENTRIES: Final = 4_096

_log = structlog.get_logger(__name__)


class AuditBehindError(Exception):
    """The audit store has not reached what the log must contain, within the time there was."""


class Follower:
    """Stores what the journal has, keeps the user index, and knows how far it is.

    A partition in which something cannot be understood is blocked: it stays where it is, `blocked` says why, and it is
    tried again now and then. The others go on.
    """

    def __init__(self, journal: Journal, store: AuditStore, partitions: int, clock: Clock) -> None:
        self._journal = journal
        self._store = store
        self._partitions = partitions
        self._clock = clock
        self.heads: dict[int, int] = {}
        """The last entry of each partition that the audit store holds durably; empty until it was asked."""
        self.blocked: dict[int, str] = {}
        """Why a partition cannot be followed, by partition."""
        self.trouble = "the journal and the audit store have not answered yet"
        """What keeps everything from being followed; empty while nothing does."""
        self.level_at = clock()
        """Everything that was durable at this time (ms since the epoch) is held; at first, the time of the start."""
        self.waiting_entries: Mapping[int, int] = {}
        """How many entries the last look at the journal found, by partition."""
        self._next_record: dict[int, int] = {}
        self._indexes: dict[int, PartitionIndex] = {}
        self._told: dict[int, int] = {}
        self._tell_at = 0.0
        self._check_at = 0.0
        self._portion = Portion(READ_BYTES, READ_ENTRIES)
        self._wake = asyncio.Event()
        self._advanced = asyncio.Condition()

    def index(self, partition: int) -> PartitionIndex:
        """Return what of the user index is in memory; it covers what `heads` says."""
        return self._indexes[partition]

    async def passed(self, places: Mapping[int, int], limit: float) -> None:
        """Wait until the store holds entry n of each partition in `places` (partition -> n).

        Raises AuditBehindError after `limit` seconds.
        """
        if not self._missing(places):
            return
        self._wake.set()
        try:
            async with asyncio.timeout(limit), self._advanced:
                await self._advanced.wait_for(lambda: not self._missing(places))
        except TimeoutError:
            raise AuditBehindError(self._behind(places)) from None

    def _missing(self, places: Mapping[int, int]) -> list[int]:
        return [partition for partition, n in places.items() if self.heads.get(partition, -1) < n]

    def _behind(self, places: Mapping[int, int]) -> str:
        partition = self._missing(places)[0]
        reason = self.blocked.get(partition) or self.trouble or "it is still reading the journal"
        return (
            f"the audit store has not reached entry {places[partition]} of partition {partition}, it stands at "
            f"{self.heads.get(partition, 0)}: {reason}; ask again later"
        )

    async def run(self) -> None:
        """Follow until cancelled, however often a store is away.

        Raises PartitionsDifferError, and whatever else no waiting would cure.
        """
        failures = 0
        while True:
            try:
                await self._resume()
                failures = 0
                self.trouble = ""
                await self._follow()
            except (JournalUnavailableError, AuditUnavailableError, EntryDiffersError, GapError) as error:
                self.trouble = str(error)
                _log.warning("following the journal is interrupted", error=self.trouble)
            metrics.FOLLOW_FAILURES.inc()
            await asyncio.sleep(RESUME_AFTER[min(failures, len(RESUME_AFTER) - 1)])
            failures += 1

    async def _resume(self) -> None:
        """Find out where the stores stand: an answer may have been lost, or another audit service may have gone on."""
        await self._journal.open(self._partitions)
        await self._store.open(self._partitions)
        stored = await self._store.heads()
        for partition in range(self._partitions):
            await self._catch_up(partition, stored.get(partition, 0))
        await self._check()
        self._told = {}
        await self._announce()

    async def _catch_up(self, partition: int, head: int) -> None:
        """Take in what the store holds beyond what we know: into the index, and as the place to go on from."""
        if partition not in self._indexes:
            indexed = await self._store.indexed(partition)
            last = await self._store.read(partition, indexed - 1, indexed, 1) if indexed else []
            self._next_record[partition] = last[0].first + last[0].count if last else 1
            self._indexes[partition] = PartitionIndex(partition, indexed)
        index = self._indexes[partition]
        portion = Portion(READ_BYTES, READ_ENTRIES)
        while index.upto < head:
            entries = await self._store.read(partition, index.upto, head, portion.limit)
            if not entries:
                raise AuditUnavailableError(f"the audit store lacks entry {index.upto + 1} of partition {partition}")
            portion.took(len(entries), _size(entries))
            for entry in entries:
                self._note(entry, users_of(entry, index.upto, self._next_record[partition]))
            await self._store_pages(partition)
        self.heads[partition] = head
        self._show(partition)

    def _show(self, partition: int) -> None:
        metrics.HEAD_ENTRIES.labels(partition).set(self.heads[partition])
        metrics.HEAD_RECORDS.labels(partition).set(self._next_record[partition] - 1)

    def _note(self, entry: Entry, users: set[str]) -> None:
        self._indexes[entry.partition].add(entry, users)
        self._next_record[entry.partition] = entry.first + entry.count

    async def _store_pages(self, partition: int) -> None:
        index = self._indexes[partition]
        while page := index.full():
            await self._store.store_page(page)
            index.stored()

    async def _check(self) -> None:
        """Block the partitions in which the journal cannot go on from what is held here, and free the others."""
        self._check_at = asyncio.get_running_loop().time() + CHECK_EVERY
        found = await find_gaps(self._journal, self._store, self.heads)
        if found and await self._others_went_on(found):
            found = await find_gaps(self._journal, self._store, self.heads)
        self.blocked = {partition: why for partition, why in self.blocked.items() if partition in found}
        for partition, reason in found.items():
            self._block(partition, reason)
        metrics.BLOCKED.set(len(self.blocked))

    async def _others_went_on(self, partitions: Iterable[int]) -> bool:
        """Take in what other audit services have stored: it may be trimmed from the journal before it was read here."""
        stored = await self._store.heads()
        further = {p: stored[p] for p in partitions if stored.get(p, 0) > self.heads[p]}
        for partition, head in further.items():
            await self._catch_up(partition, head)
        await self._announce()
        return bool(further)

    def _block(self, partition: int, reason: str) -> None:
        if self.blocked.get(partition) != reason:
            _log.error("a partition cannot be followed", partition=partition, reason=reason)
        self.blocked[partition] = reason
        metrics.BLOCKED.set(len(self.blocked))

    async def _follow(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._wake.clear()
            looked, looked_at = loop.time(), self._clock()
            after = {partition: n for partition, n in self.heads.items() if partition not in self.blocked}
            limit = self._portion.limit
            entries = await self._journal.read_all(after, limit) if after else []
            await self._take(entries)
            everything = len(entries) < limit
            if everything and not self.blocked:
                self.level_at = looked_at
            if looked >= self._tell_at:
                self._tell_at = looked + TELL_EVERY
                await self._tell()
            if looked >= self._check_at:
                await self._check()
            if everything:
                await self._pause(looked + GAP - loop.time())

    async def _pause(self, seconds: float) -> None:
        """Wait, but not while somebody wants the newest."""
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _take(self, entries: Sequence[Entry]) -> None:
        """Store `entries` durably, then count on them."""
        self._found(entries)
        self._portion.took(len(entries), _size(entries))
        understood = self._understood(entries)
        if not understood:
            return
        await self._store.store([entry for entry, _ in understood])
        for entry, users in understood:
            self._note(entry, users)
            self.heads[entry.partition] = entry.n
        for partition in {entry.partition for entry, _ in understood}:
            await self._store_pages(partition)
            self._show(partition)
        metrics.ENTRIES.inc(len(understood))
        metrics.RECORDS.inc(sum(entry.count for entry, _ in understood))
        await self._announce()

    def _understood(self, entries: Sequence[Entry]) -> list[tuple[Entry, set[str]]]:
        """Return the entries that continue their partitions, with their users; what does not, blocks its partition."""
        understood = []
        reached: dict[int, tuple[int, int]] = {}
        for entry in entries:
            partition = entry.partition
            if partition in self.blocked:
                continue
            head, next_record = reached.get(partition) or (self.heads[partition], self._next_record[partition])
            try:
                understood.append((entry, users_of(entry, head, next_record)))
            except GapError as error:
                self._block(partition, str(error))
            else:
                reached[partition] = (entry.n, entry.first + entry.count)
        return understood

    def _found(self, entries: Sequence[Entry]) -> None:
        found = Counter(entry.partition for entry in entries)
        for partition in found.keys() | self.waiting_entries.keys():
            metrics.LAG_ENTRIES.labels(partition).set(found[partition])
        self.waiting_entries = found

    async def _announce(self) -> None:
        async with self._advanced:
            self._advanced.notify_all()

    async def _tell(self) -> None:
        """Tell the journal what is held, so that it may trim."""
        news = {partition: n for partition, n in self.heads.items() if n > self._told.get(partition, 0)}
        if news:
            await self._journal.set_audited(news)
            self._told |= news


def _size(entries: Sequence[Entry]) -> int:
    return sum(len(entry.records) for entry in entries)
