"""The host of a replica's partitions: takes commands, finds what they wait for, and answers when they are durable."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

import msgspec
import structlog

from daytrader.clock import Clock
from daytrader.domain.event import Event
from daytrader.domain.quote import Hit, Quote
from daytrader.domain.record import Record
from daytrader.journal.appender import Appender
from daytrader.journal.entry import Entry, partition_of
from daytrader.journal.port import AccountStore, Journal, JournalUnavailableError
from daytrader.quotes.port import QuoteUnavailable
from daytrader.quotes.source import QuoteSource
from daytrader.settings import Settings
from daytrader.transaction import metrics
from daytrader.transaction.accounts import Accounts
from daytrader.transaction.keeper import Keeper
from daytrader.transaction.lanes import DEADLINE, DEFECT, Lanes
from daytrader.transaction.message import Reply, Request
from daytrader.transaction.opening import Opening
from daytrader.transaction.partition import Need, Partition
from daytrader.transaction.partitions import RETRY_AFTER, Partitions
from daytrader.transaction.triggers import Watcher
from daytrader.transaction.waiting import Batch, Waiting
from daytrader.transaction.watched import Watched
from daytrader.transaction.watching import Watchings
from daytrader.transaction.window import OTHER_COMMAND, OUTCOME_UNKNOWN

MOST_UNDER_WAY: Final = 20_000
"""Commands under way at this replica; above that 429."""

MOST_OF_A_USER: Final = 128
"""Commands of one user under way; above that 429."""

LONGEST_WAIT: Final = DEADLINE + 2
"""Seconds after which nobody waits for an answer any more: long enough to hear that a command was dropped."""

GAUGE_EVERY: Final = 0.25
"""Seconds between two looks at how much is under way, for metrics."""

BUSY: Final = Reply(429, b"Too many commands are under way")
MISPLACED: Final = Reply(503, b"The web service counts other partitions than the transaction service: set both alike")

_log = structlog.get_logger()


class Host:
    """Decides commands in any partition; opens those it owns unasked, and the others when a command comes."""

    def __init__(
        self,
        settings: Settings,
        journal: Journal,
        store: AccountStore,
        *,
        clock: Clock,
        owned: Callable[[], Iterable[int]],
        quotes: Callable[[Callable[[Hit], None]], QuoteSource],
    ) -> None:
        """`owned()` gives the numbers of the partitions that fall to this replica; `quotes(stray)` makes its quote
        source, which gives hits that no command waits for to `stray`.
        """
        self.fault = ""
        """What keeps this replica from deciding commands, in words."""
        self.quotes = quotes(self.stray)
        self._settings = settings
        self._loop = asyncio.get_running_loop()
        memory = settings.accounts_in_memory_bytes // settings.partitions
        self._opening = Opening(
            journal,
            store,
            lambda: Accounts(memory),
            self._followed,
        )
        self._partitions = Partitions(
            [
                Partition(
                    number,
                    settings.replica,
                    clock,
                    self.quotes.newest,
                    Accounts(memory),
                    journal_format=settings.journal_format,
                )
                for number in range(settings.partitions)
            ],
            journal,
            self._opening,
            owned,
            opened=self._log_orphans,
            outdated=self._lost,
            fault=self._note_fault,
            defect=self._look_for_defect,
        )
        self._watched = Watched(journal, self._opening, self._partitions, self.quotes.newest)
        self.quotes.learned = self._watched.learned
        self.watchings = Watchings(self._watched)
        """What web replicas watch."""
        self._under_way: dict[tuple[object, ...], Waiting] = {}
        self._of_user: dict[str, int] = {}
        self._lanes = Lanes(self._advance, self._provide, self._finish, self._look_for_defect)
        self._appender: Appender[Partition] = Appender(
            journal,
            self._landed,
            self._lost,
            keep=settings.journal_keep_ms / 1000,
            batching=settings.journal_batching,
        )
        self._keeper = Keeper(
            journal,
            store,
            self._opening,
            checkpoint_records=settings.checkpoint_records,
            keep=settings.journal_keep_ms / 1000,
        )
        self._watcher = Watcher(
            self.quotes,
            self._opening,
            clock,
            interval_ms=settings.triggers_interval_ms,
            own=self._partitions.own_open,
            fired=self._fired,
            stray=self.stray,
        )
        for partition in self._partitions:
            metrics.show_head(partition)
        self._orphans: deque[Hit] = deque()
        self._less = asyncio.Event()
        """Set when less is under way than before."""

    async def run(self) -> None:
        """Serve until cancelled; ends with the error where one of its tasks dies."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._appender.run(), name="appender")
                group.create_task(self._partitions.run(), name="partitions")
                group.create_task(self._keeper.run(self._partitions.all_open), name="keeper")
                group.create_task(self._watcher.run(), name="triggers")
                group.create_task(self._watched.run(), name="watched accounts")
                group.create_task(self._gauge(), name="metrics")
        finally:
            self.watchings.close()
            await self._lanes.close()
            await self._partitions.close()

    async def _gauge(self) -> None:
        while True:
            metrics.UNDER_WAY.set(len(self._under_way))
            metrics.LANES.set(len(self._lanes))
            await asyncio.sleep(GAUGE_EVERY)

    async def drain(self, limit: float) -> None:
        """Wait until nothing is under way, hits on the quote server included, then store what has changed.

        The quote source is closed on the way. What is stored makes the next opening quick.
        """
        try:
            async with asyncio.timeout(limit):
                await self._wait_until_not(lambda: bool(self._under_way))
                await self.quotes.close()
                await self._wait_until_not(self._has_something_to_append)
                for partition in self._partitions.all_open():
                    await self._keeper.checkpoint(partition)
        except (TimeoutError, JournalUnavailableError) as error:
            _log.warning("stopped without a checkpoint; the next opening replays more", error=str(error))
        finally:
            self.watchings.close()

    async def _wait_until_not(self, busy: Callable[[], bool]) -> None:
        while busy():
            self._less.clear()
            await self._less.wait()

    def _has_something_to_append(self) -> bool:
        return bool(self._orphans) or any(partition.flight or partition.pending for partition in self._partitions)

    def open_count(self) -> int:
        """Return how many partitions are open."""
        return len(self._partitions.all_open())

    def is_ready(self) -> bool:
        """Whether every partition that falls to this replica is open."""
        return not self.fault and self._partitions.are_own_open()

    async def submit(self, request: Request) -> Reply:
        """Decide one command and return its answer when it is durable, or that its outcome is unknown."""
        batch = Batch(1, self._loop)
        self.take(request, batch, 0)
        (reply,) = await batch.answers(polling=False, stragglers=LONGEST_WAIT, limit=LONGEST_WAIT)
        return OUTCOME_UNKNOWN if reply is None else reply

    def take(self, request: Request, batch: Batch, index: int) -> None:
        """Take a command; its answer goes to place `index` of `batch`."""
        command = request.command
        user = command.user if command is not None else ""
        key: tuple[object, ...] = (user, request.id) if user else (request.partition, request.id, command)
        twin = self._under_way.get(key)
        if twin is not None:
            self._join(twin, request, batch, index)
            return
        of_user = self._of_user.get(user, 0)
        if len(self._under_way) >= MOST_UNDER_WAY or (of_user >= MOST_OF_A_USER and user):
            metrics.REFUSED_BUSY.inc()
            batch.settle(index, OUTCOME_UNKNOWN if request.attempt else BUSY, False)
            return
        count = len(self._partitions)
        home = partition_of(user, count) if user else request.partition % count
        if home != request.partition:
            batch.settle(index, MISPLACED, False)
            return
        waiting = Waiting(request, user, key, batch, index, self._loop.time())
        self._under_way[key] = waiting
        self._of_user[user] = of_user + 1
        partition = self._partitions[home]
        if self._lanes.stands_behind(partition, waiting):
            return
        try:
            if self._advance(partition, waiting) is not None:
                self._lanes.put(partition, [waiting])
        except Exception as defect:
            self._note_defect(f"the decision of {command}", defect)
            self._finish(waiting, DEFECT)

    def _join(self, twin: Waiting, request: Request, batch: Batch, index: int) -> None:
        if twin.request.command != request.command:
            batch.settle(index, OTHER_COMMAND, False)
            return
        if request.attempt > twin.request.attempt:
            twin.request = request  # from now on it may have been decided elsewhere
        if twin.decided:
            batch.undecided -= 1
        if twin.also is None:
            twin.also = []
        twin.also.append((batch, index))

    def _advance(self, partition: Partition, waiting: Waiting) -> Need | None:
        """Decide or answer the command if nothing is missing; returns what is missing."""
        found = partition.attempt(waiting, self._settings.quotes_fresh_for_orders)
        if found is None:
            self._appender.offer(partition)
        elif isinstance(found, Reply):
            self._finish(waiting, found)
        else:
            return found
        return None

    def _finish(self, waiting: Waiting, reply: Reply) -> None:
        user = waiting.user
        del self._under_way[waiting.key]
        left = self._of_user[user] - 1
        if left:
            self._of_user[user] = left
        else:
            del self._of_user[user]
        if waiting.hit is not None and not waiting.decided:
            self.stray(waiting.hit)
        waiting.settle(reply)
        if not self._under_way:
            self._less.set()

    # What commands wait for.

    async def _provide(self, partition: Partition, waiting: Waiting, need: Need) -> None:
        """Wait for what the command needs; whether it is there then, the next attempt tells."""
        try:
            if need is Need.PARTITION:
                async with asyncio.timeout(1):
                    await asyncio.shield(self._partitions.open(partition))
            elif need is Need.ACCOUNT and waiting.request.command is not None:
                await self._opening.load(partition, waiting.request.command.user)
            elif need is Need.QUOTE:
                await self._fetch_quote(partition, waiting)
        except TimeoutError:
            return
        except JournalUnavailableError as error:
            _log.warning("commands wait for the store", partition=partition.number, error=str(error))
            await asyncio.sleep(RETRY_AFTER)

    async def _fetch_quote(self, partition: Partition, waiting: Waiting) -> None:
        command = waiting.request.command
        if command is None:
            return
        fresh = self._settings.quotes_fresh_for_orders and command.name in ("BUY", "SELL")
        try:
            fetched = await self.quotes.fetch(command.symbol, command.user, fresh=fresh)
        except QuoteUnavailable as error:
            _log.info("no quote", symbol=command.symbol, request=waiting.request.id, error=str(error))
            waiting.no_quote = True
            return
        waiting.quote = fetched.quote
        waiting.no_quote = not fetched.quote.valid(partition.now())  # asking again would only cost more
        if fetched.hit is not None:
            if waiting.hit is not None:
                self.stray(waiting.hit)
            waiting.hit = fetched.hit

    # What becomes of appends.

    def _landed(self, partition: Partition, sent: float) -> None:
        partition.head_known_at = sent
        decided = partition.landed()
        self._watched.landed(partition, decided)
        metrics.DECIDED.inc(len(decided))
        place = partition.head.n
        for one in decided:
            waiting = one.waiting
            if waiting is not None:
                command = waiting.request.command
                if command is None or command.name == "DUMPLOG":
                    waiting.reply = msgspec.structs.replace(waiting.reply, place=place)
                self._finish(waiting, waiting.reply)
        self._less.set()

    def _followed(self, partition: Partition, entries: list[tuple[Entry, list[Record]]]) -> None:
        self._watched.followed(partition, entries)

    def _lost(self, partition: Partition) -> None:
        """Another replica was faster: throw away what was speculated, follow, and decide again."""
        partition.is_open = False
        decided = partition.throw_away()
        _log.info("partition was appended to by another replica", partition=partition.number, again=len(decided))
        again: list[Waiting] = []
        for one in decided:
            if one.waiting is not None:
                one.waiting.mark_decided(False)
                again.append(one.waiting)
            elif one.record.hit is not None:
                self._orphans.append(one.record.hit)
        metrics.REDECIDED.inc(len(again))
        self._lanes.put(partition, again)
        self._partitions.open(partition)

    # Triggers and hits.

    def _fired(self, partition: Partition, user: str, event: Event, quote: Quote) -> None:
        partition.happened(user, event, quote, None)
        self._appender.offer(partition)

    def stray(self, hit: Hit) -> None:
        """Log a hit on the quote server that no command waits for, under a number of its own."""
        partition = self._partitions[partition_of(hit.user, len(self._partitions))]
        if partition.is_open:
            partition.happened("", None, None, hit)
            self._appender.offer(partition)
        else:
            self._orphans.append(hit)
            self._partitions.open(partition)

    def _log_orphans(self) -> None:
        for _ in range(len(self._orphans)):
            self.stray(self._orphans.popleft())

    # What must not happen.

    def _look_for_defect(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._note_defect(task.get_name(), error)

    def _note_defect(self, what: str, error: BaseException) -> None:
        self._note_fault(f"a defect ended {what}: {error!r}")
        _log.error("defect", ended=what, exc_info=error)

    def _note_fault(self, fault: str) -> None:
        self.fault = fault
