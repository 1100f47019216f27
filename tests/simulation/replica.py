"""A transaction replica in the simulation: a real `Host`, killed and started again as the story wants."""

import asyncio
from collections.abc import Callable, Iterable

from daytrader.clock import Clock
from daytrader.quotes.memory import MemoryQuoteCache
from daytrader.quotes.source import QuoteSource
from daytrader.settings import Settings
from daytrader.transaction.host import Host
from daytrader.transaction.message import Reply, Request
from daytrader.transaction.waiting import Batch
from tests.simulation.loop import Process, SimulatedLoop
from tests.simulation.quotes import QuoteMarket, SimulatedQuoteServer
from tests.simulation.store import DataSet, SimulatedAccounts, SimulatedJournal


class Replica:
    """One life of a replica."""

    def __init__(
        self,
        name: str,
        settings: Settings,
        loop: SimulatedLoop,
        data: DataSet,
        market: QuoteMarket,
        clock: Clock,
        owned: Callable[[], Iterable[int]],
    ) -> None:
        self.process = Process(name)
        self.loop = loop
        self.ended: BaseException | None = None
        self.process.context.run(self._start, settings, data, market, clock, owned)

    def _start(
        self,
        settings: Settings,
        data: DataSet,
        market: QuoteMarket,
        clock: Clock,
        owned: Callable[[], Iterable[int]],
    ) -> None:
        self.host = Host(
            settings,
            SimulatedJournal(data, self.process),
            SimulatedAccounts(data, self.process),
            clock=clock,
            owned=owned,
            quotes=lambda stray: QuoteSource(
                SimulatedQuoteServer(market, self.process, clock, stray),
                MemoryQuoteCache(),
                clock=clock,
                on_stray_hit=stray,
            ),
        )
        self.task = self.loop.create_task(self.host.run(), name=f"host {self.process.name}")
        self.task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            self.ended = task.exception() or AssertionError("the host ended of itself")

    def deliver(self, requests: list[Request], answer: Callable[[list[Reply | None]], None]) -> None:
        """Take a batch, as it comes from the network."""
        self.process.context.run(self.loop.create_task, self._serve(requests, answer))

    async def _serve(self, requests: list[Request], answer: Callable[[list[Reply | None]], None]) -> None:
        batch = Batch(len(requests), self.loop)
        for index, request in enumerate(requests):
            self.host.take(request, batch, index)
        answer(list(await batch.answers(polling=all(request.attempt for request in requests))))
