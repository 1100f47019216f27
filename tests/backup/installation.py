"""An installation of the cluster mode in this process: all services over real replica sets, served over HTTP."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp

from daytrader.audit.mongodb import MongoAuditStore
from daytrader.audit.service import AuditService
from daytrader.clock import Clock, system_clock
from daytrader.journal.mongodb import MongoJournal
from daytrader.local.embedded import _DirectAuditLog, _DirectHealth
from daytrader.membership import Alone
from daytrader.quotes.memory import MemoryQuoteCache
from daytrader.quotes.port import OnStrayHit
from daytrader.quotes.source import QuoteSource
from daytrader.serving import listen, serve
from daytrader.settings import Settings
from daytrader.transaction.service import TransactionService
from daytrader.web.app import WebApp
from tests.transaction.stage import Quotes, until
from tests.web.stand_in import silent_hub

PARTITIONS = 4


@dataclass
class Trading:
    """A system that trades."""

    url: str
    settings: Settings
    journal: MongoJournal
    transaction: TransactionService

    async def accepted(self, name: str, *, key: str = "", **parameters: str) -> str:
        """Run a command (under an Idempotency-Key) over HTTP, which must be accepted; return the body."""
        headers = {"Idempotency-Key": key} if key else {}
        async with (
            aiohttp.ClientSession(headers=headers) as client,
            client.post(f"{self.url}/command/{name}", params=parameters) as answer,
        ):
            body = await answer.text()
            assert answer.status == 200, body
            return body

    async def checkpoint(self) -> None:
        """Store all accounts and raise all checkpoints, and have the audit store told of everything."""
        host = self.transaction.host
        for partition in host._partitions:
            await host._keeper.checkpoint(partition)


@contextlib.asynccontextmanager
async def trading(settings: Settings) -> AsyncIterator[Trading]:
    """Run all services for as long as the context lasts."""
    journal = MongoJournal(settings.data_uri)
    everything = tuple(range(settings.partitions))

    def quotes(clock: Clock, stray: OnStrayHit) -> QuoteSource:
        return QuoteSource(Quotes(clock), MemoryQuoteCache(), clock=clock, on_stray_hit=stray)

    transaction = TransactionService(settings, journal, journal.accounts, owned=lambda: everything, quotes=quotes)
    audit = AuditService(settings, journal, MongoAuditStore(settings.audit_uri))
    app = WebApp(
        transaction.host,
        _DirectAuditLog(audit),
        Alone("embedded"),
        _DirectHealth(transaction, audit),
        silent_hub(),
        version="test",
        partitions=settings.partitions,
        clock=system_clock,
    )
    stop = asyncio.Event()
    listener = listen("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    transaction.start()
    audit.start()
    await until(lambda: not transaction.waits_for() and not audit.waits_for())
    serving = asyncio.create_task(serve(app, [listener], stop=stop))
    try:
        yield Trading(url, settings, journal, transaction)
    finally:
        stop.set()
        await serving
        await audit.close()
        await transaction.close()
