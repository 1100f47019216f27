"""The transaction service: its host, its store and its quotes, started, watched and stopped together."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

import structlog

from daytrader.clock import Clock, clock_of
from daytrader.domain.quote import Hit
from daytrader.health import Part
from daytrader.journal.port import AccountStore, Journal, JournalUnavailableError
from daytrader.quotes.source import QuoteSource
from daytrader.settings import Settings
from daytrader.transaction.host import Host

LARGEST_SKEW_MS: Final = 1_000
"""A replica whose clock differs more from the store's would poison its partitions: it is not ready."""

SKEW_EVERY: Final = 5.0
"""Seconds between two comparisons of the clocks."""

_log = structlog.get_logger()


class TransactionService:
    """One transaction replica. `start` returns at once; `waits_for` tells what keeps it from being ready."""

    def __init__(
        self,
        settings: Settings,
        journal: Journal,
        store: AccountStore,
        *,
        owned: Callable[[], Iterable[int]],
        quotes: Callable[[Clock, Callable[[Hit], None]], QuoteSource],
    ) -> None:
        """`owned()` gives the partitions that fall to this replica; `quotes(clock, stray)` makes its quote source."""
        clock = clock_of(settings.clock_file)
        self._settings = settings
        self._journal = journal
        self.host = Host(
            settings,
            journal,
            store,
            clock=clock,
            owned=lambda: () if self._clock_fault() else owned(),
            quotes=lambda stray: quotes(clock, stray),
        )
        self._waits_for = "it does not know the other replicas yet"
        self._skew = 0
        self._draining = False
        self._was_ready = False
        self._task: asyncio.Task[None] | None = None

    def waits_for(self) -> str:
        """Return what keeps the replica from taking commands, in words; empty when it is ready."""
        if self._draining:
            return "it is draining: commands go to another replica"
        if self._waits_for:
            return self._waits_for
        if clock_fault := self._clock_fault():
            return clock_fault
        if self.host.fault:
            return self.host.fault
        # Once ready it stays so while partitions come and go: their commands wait the moment that an opening takes. A
        # replica that left the others' lists each time would make partitions move, and so open, all the more.
        self._was_ready = self._was_ready or self.host.is_ready()
        return "" if self._was_ready else f"partitions are opening ({self.host.open_count()} are open)"

    def refuses(self) -> str:
        """Return why no command can be taken, in words; empty where those that come, ready or not, are decided."""
        return self._clock_fault() or ("" if self.host.open_count() else self.waits_for())

    def _clock_fault(self) -> str:
        if abs(self._skew) <= LARGEST_SKEW_MS:
            return ""
        return f"its clock differs from the store's by {self._skew} ms (at most {LARGEST_SKEW_MS}): set the clock"

    def start(self) -> asyncio.Task[None]:
        """Start to serve; the task that is returned ends only by `close`, or with the error that ended the service."""
        self._task = asyncio.create_task(self._run(), name="transaction service")
        return self._task

    async def _run(self) -> None:
        self._waits_for = "the journal has not answered yet"
        while True:
            try:
                await self._journal.open(self._settings.partitions)
                self._skew = await self._journal.clock_skew()
                break
            except JournalUnavailableError as error:
                self._waits_for = f"the journal is away: {error}"
                _log.warning("the journal is away", error=str(error))
                await asyncio.sleep(0.5)
        self._waits_for = ""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.host.run())
            group.create_task(self._compare_clocks())

    async def _compare_clocks(self) -> None:
        while True:
            await asyncio.sleep(SKEW_EVERY)
            try:
                self._skew = await self._journal.clock_skew()
            except JournalUnavailableError as error:
                _log.warning("the journal is away", error=str(error))

    def refuse(self) -> None:
        """Be not ready from now on; what comes all the same is still decided."""
        self._draining = True

    async def drain(self, limit: float) -> None:
        """Finish what is under way in at most `limit` seconds."""
        await self.host.drain(limit)

    async def close(self) -> None:
        """Stop serving; `drain` first where nobody shall notice."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self.host.quotes.close()
        await self._journal.close()

    async def health(self) -> list[Part]:
        """Return how this replica, its store and its sources of quotes are."""
        waits_for = self.waits_for()
        says = waits_for or f"decides commands in {self.host.open_count()} partitions"
        await self.host.quotes.check()
        quotes = self.host.quotes.status()
        parts = [Part(f"transaction {self._settings.replica}", not waits_for, says)]
        parts.append(
            Part(
                "quote server",
                not quotes.server_error,
                quotes.server_error or f"answers at {self._settings.quote_server}",
            )
        )
        if self._settings.redis_url:
            parts.append(
                Part(
                    "redis",
                    quotes.cache_available,
                    quotes.cache_error or "shares quotes between the replicas",
                )
            )
        return parts + await self._journal.health()
