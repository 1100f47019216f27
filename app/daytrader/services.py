"""The services as they run in a cluster: made from settings, served until told to stop."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Final

from starlette.types import ASGIApp

from daytrader.audit.app import create_app as create_audit_app
from daytrader.audit.mongodb import MongoAuditStore
from daytrader.audit.service import AuditService
from daytrader.clock import Clock
from daytrader.domain.quote import Hit
from daytrader.journal.mongodb import MongoJournal
from daytrader.membership import Addresses, Membership, ProbedMembership, listed, rendezvous, resolved
from daytrader.quotes.legacy import LegacyQuoteServer
from daytrader.quotes.memory import MemoryQuoteCache
from daytrader.quotes.redis import RedisQuoteCache
from daytrader.quotes.source import QuoteSource
from daytrader.serving import collect_garbage_seldom, listen, serve, stop_signals
from daytrader.settings import Settings
from daytrader.tracing import tracing_of
from daytrader.transaction.app import create_app as create_transaction_app
from daytrader.transaction.service import TransactionService
from daytrader.web.service import WebService

NOTICE: Final = 1.2
"""Seconds between "not ready" and the end, in which everybody notices: two probes of the membership."""

DRAIN: Final = 15.0
"""Seconds that what is under way may take at the end."""


class Owned:
    """The partitions that fall to the replica `own` among those that are ready."""

    def __init__(self, membership: Membership, own: str, partitions: int) -> None:
        self._membership = membership
        self._own = own
        self._partitions = partitions
        self._numbers: tuple[int, ...] = ()
        membership.subscribe(self._find)
        self._find()

    def _find(self) -> None:
        ready = self._membership.ready()
        self._numbers = tuple(n for n in range(self._partitions) if ready and rendezvous(n, ready) == self._own)

    def __call__(self) -> Iterable[int]:
        """Return their numbers."""
        return self._numbers


def addresses(settings: Settings) -> Addresses:
    """Return where the transaction replicas are listed."""
    return resolved(settings.transaction_dns) if settings.transaction_dns else listed(settings.transaction_urls)


def quote_source(settings: Settings) -> Callable[[Clock, Callable[[Hit], None]], QuoteSource]:
    """Return what makes the source of quotes that the settings name."""

    def make(clock: Clock, stray: Callable[[Hit], None]) -> QuoteSource:
        host, _, port = settings.quote_server.rpartition(":")
        server = LegacyQuoteServer(
            host,
            int(port),
            clock=clock,
            on_stray_hit=stray,
            time_limit_ms=settings.quotes_time_limit_ms,
            hedge_after_ms=settings.quotes_hedge_after_ms or None,
        )
        cache = RedisQuoteCache(settings.redis_url, clock=clock) if settings.redis_url else MemoryQuoteCache()
        return QuoteSource(server, cache, clock=clock, on_stray_hit=stray)

    return make


async def run_transaction(settings: Settings) -> None:
    """Serve as one transaction replica until told to stop."""
    stop = stop_signals()
    own = settings.own_url or f"http://{settings.host}:{settings.port}"
    membership = ProbedMembership(addresses(settings), own=own)
    journal = MongoJournal(settings.data_uri, settings.journal_durability)
    service = TransactionService(
        settings,
        journal,
        journal.accounts,
        owned=Owned(membership, own, settings.partitions),
        quotes=quote_source(settings),
    )

    async def work() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(membership.run(), name="membership")
            await membership.settled.wait()
            await service.start()

    async def drain() -> None:
        service.refuse()
        await asyncio.sleep(NOTICE)
        await service.drain(DRAIN)

    tracing = tracing_of(settings.otlp_endpoint, "transaction", settings.replica)
    debug = settings.log_level == "debug"
    app = create_transaction_app(service, settings.internal_token, debug=debug, tracing=tracing)
    try:
        await _serve(settings, app, stop, work(), drain)
    finally:
        await service.close()
        if tracing is not None:
            await asyncio.to_thread(tracing.close)


async def run_web(settings: Settings) -> None:
    """Serve as one web replica until told to stop."""
    stop = stop_signals()
    service = WebService(settings)

    async def drain() -> None:
        await service.drain(NOTICE)

    async def work() -> None:
        await service.start()

    try:
        await _serve(settings, service.app, stop, work(), drain)
    finally:
        await service.close()


async def run_audit(settings: Settings) -> None:
    """Serve as the audit service until told to stop."""
    stop = stop_signals()
    journal = MongoJournal(settings.data_uri)
    service = AuditService(settings, journal, MongoAuditStore(settings.audit_uri))

    async def work() -> None:
        await service.start()

    try:
        await _serve(settings, create_audit_app(service, settings.internal_token), stop, work())
    finally:
        await service.close()
        await journal.close()


async def _serve(
    settings: Settings,
    app: ASGIApp,
    stop: asyncio.Event,
    work: Coroutine[None, None, None],
    drain: Callable[[], Awaitable[None]] | None = None,
) -> None:
    listeners = [listen(settings.host, settings.port)]
    if settings.shared_port:
        listeners.append(listen(settings.host, settings.shared_port, shared=True))
    collect_garbage_seldom()
    task = asyncio.create_task(work, name="service")
    try:
        await serve(app, listeners, stop=stop, work=task, drain=drain)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
