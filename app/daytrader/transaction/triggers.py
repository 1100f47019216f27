"""Triggers: the watcher that fires the armed ones."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

import structlog

from daytrader.clock import Clock
from daytrader.domain.account import Account
from daytrader.domain.decide import fire_buy, fire_sell
from daytrader.domain.event import Event
from daytrader.domain.quote import Hit, Quote
from daytrader.journal.port import JournalUnavailableError
from daytrader.quotes.port import QuoteUnavailable
from daytrader.quotes.source import QuoteSource
from daytrader.transaction import metrics
from daytrader.transaction.opening import Opening
from daytrader.transaction.partition import Partition

LOOK_EVERY: Final = 0.1
"""Seconds between two looks at the clock: it may be turned."""

REFRESHES: Final = 32
"""Quotes that are refreshed at the same time."""

FIRE_AT_ONCE: Final = 200
"""Firings after which commands have their turn."""

_log = structlog.get_logger()


class Watcher:
    """Evaluates the armed triggers of a replica's own partitions every interval."""

    def __init__(
        self,
        quotes: QuoteSource,
        opening: Opening,
        clock: Clock,
        *,
        interval_ms: int,
        own: Callable[[], Iterable[Partition]],
        fired: Callable[[Partition, str, Event, Quote], None],
        stray: Callable[[Hit], None],
    ) -> None:
        """`own()` gives the open partitions to watch; `fired` and `stray` take what has to be recorded."""
        self._quotes = quotes
        self._opening = opening
        self._clock = clock
        self._interval_ms = interval_ms
        self._own = own
        self._fired = fired
        self._stray = stray
        self._refreshing: set[str] = set()
        self._room = asyncio.Semaphore(REFRESHES)

    async def run(self) -> None:
        """Evaluate for ever; the first time one interval after the start."""
        due = self._clock() + self._interval_ms
        async with asyncio.TaskGroup() as refreshing:
            while True:
                await asyncio.sleep(min(LOOK_EVERY, self._interval_ms / 1000))
                if self._clock() < due:
                    continue
                await self.evaluate(refreshing)
                metrics.TRIGGER_DELAY.observe(max(0, self._clock() - due) / 1000)
                due = max(due + self._interval_ms, self._clock())

    async def evaluate(self, refreshing: asyncio.TaskGroup) -> None:
        """Fire every armed trigger that its quote reaches; where that has expired, as soon as there is a new one."""
        own = list(self._own())
        metrics.ARMED.set(sum(len(partition.armed) for partition in own))
        users = {symbol: user for partition in own for symbol, user in partition.armed.symbols()}
        for symbol, user in users.items():
            quote = self._quotes.newest(symbol)
            if quote is not None and quote.valid(self._clock()):
                await self._fire_all(quote)
            elif symbol not in self._refreshing:
                self._refreshing.add(symbol)
                refreshing.create_task(self._refresh(symbol, user), name=f"quote of {symbol} for triggers")

    async def _refresh(self, symbol: str, user: str) -> None:
        try:
            async with self._room:
                fetched = await self._quotes.fetch(symbol, user)
            if fetched.hit is not None:
                self._stray(fetched.hit)
            await self._fire_all(fetched.quote)
        except QuoteUnavailable as error:
            _log.info("no quote for triggers", symbol=symbol, error=str(error))
        finally:
            self._refreshing.discard(symbol)

    async def _fire_all(self, quote: Quote) -> None:
        for partition in list(self._own()):
            try:
                await self._fire(partition, quote)
            except JournalUnavailableError as error:
                _log.warning("triggers wait for the store", partition=partition.number, error=str(error))

    async def _fire(self, partition: Partition, quote: Quote) -> None:
        fired = 0
        for user, sells in partition.armed.due(quote):
            account = await self._account(partition, user)
            if not partition.is_open or not quote.valid(partition.now()):
                return
            if account is None:
                continue
            event = (fire_sell if sells else fire_buy)(account, quote.symbol, quote)
            if event is not None:
                self._fired(partition, user, event, quote)
                metrics.FIRED.labels("sell" if sells else "buy").inc()
                fired += 1
                if fired % FIRE_AT_ONCE == 0:
                    await asyncio.sleep(0)

    async def _account(self, partition: Partition, user: str) -> Account | None:
        """Return the account, from the store where it was evicted; None where there is none, or no open partition."""
        while partition.is_open:
            try:
                return partition.account(user)
            except KeyError:
                await self._opening.load(partition, user)
        return None
