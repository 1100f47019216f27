"""The services as they run in a cluster: made from settings, served until told to stop."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from pathlib import Path
from typing import Final

from starlette.types import ASGIApp

from daytrader.audit.app import create_app as create_audit_app
from daytrader.audit.mongodb import MongoAuditStore
from daytrader.audit.service import AuditService
from daytrader.auth.mongodb import MongoAuthStore
from daytrader.auth.service import AuthService
from daytrader.clock import Clock, clock_of, system_clock
from daytrader.domain.quote import Hit
from daytrader.journal.mongodb import MongoJournal
from daytrader.local.control_breaking import ControlBreaking
from daytrader.membership import Membership, ProbedMembership, addresses_of, rendezvous, server_name
from daytrader.quotes.legacy import LegacyQuoteServer
from daytrader.quotes.memory import MemoryQuoteCache
from daytrader.quotes.redis import RedisQuoteCache
from daytrader.quotes.source import QuoteSource
from daytrader.serving import collect_garbage_seldom, listen, serve, stop_signals
from daytrader.settings import Settings
from daytrader.tracing import tracing_of
from daytrader.transaction.app import create_app as create_transaction_app
from daytrader.transaction.service import TransactionService
from daytrader.trust import Trust
from daytrader.web.ops.breaking import Breaking
from daytrader.web.ops.kubernetes_api import KubernetesApi
from daytrader.web.ops.pods_breaking import PodsBreaking
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
        cache = (
            RedisQuoteCache(settings.redis_url, ca=settings.redis_ca, clock=clock)
            if settings.redis_url
            else MemoryQuoteCache()
        )
        return QuoteSource(server, cache, clock=clock, on_stray_hit=stray)

    return make


def breaking_of(settings: Settings) -> Breaking | None:
    """Return what the settings let web break on purpose; None: nothing."""
    if settings.control_dir:
        return ControlBreaking(Path(settings.control_dir))
    if settings.breaking_instance:
        return PodsBreaking(KubernetesApi(), settings.breaking_instance, settings.breaking_record, system_clock)
    return None


async def run_transaction(settings: Settings) -> None:
    """Serve as one transaction replica until told to stop."""
    stop = stop_signals()
    trust = Trust(settings)
    own = settings.base_url
    membership = ProbedMembership(
        addresses_of(settings.transaction_dns, settings.transaction_urls, tls=bool(settings.tls_ca)),
        trust.session(server_name(settings.transaction_dns)),
        own=own,
    )
    journal = MongoJournal(settings.data_uri, settings.journal_durability, settings.mongodb_ca)
    if settings.mongodb_ca:
        trust.follow(settings.mongodb_ca, take=journal.read_ca)
    service = TransactionService(
        settings,
        journal,
        journal.accounts,
        owned=Owned(membership, own, settings.partitions),
        quotes=quote_source(settings),
    )

    async def work() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(trust.run(), name="changing files")
            group.create_task(membership.run(), name="membership")
            await membership.settled.wait()
            await service.start()

    async def drain() -> None:
        service.refuse()
        await asyncio.sleep(NOTICE)
        await service.drain(DRAIN)

    tracing = tracing_of(settings.otlp_endpoint, "transaction", settings.replica)
    debug = settings.log_level == "debug"
    app = create_transaction_app(service, trust.tokens, settings.version, debug=debug, tracing=tracing)
    try:
        await _serve(settings, app, stop, work(), drain, trust)
    finally:
        await service.close()
        if tracing is not None:
            await asyncio.to_thread(tracing.close)


async def run_web(settings: Settings) -> None:
    """Serve as one web replica until told to stop."""
    stop = stop_signals()
    trust = Trust(settings)
    auth: AuthService | None = None
    if settings.auth_mode == "required":
        store = MongoAuthStore(settings.data_uri, settings.mongodb_ca)
        if settings.mongodb_ca:
            trust.follow(settings.mongodb_ca, take=store.read_ca)
        auth = AuthService(settings, store, clock_of(settings.clock_file), trust.tokens)
    service = WebService(settings, trust, auth, breaking_of(settings))

    async def drain() -> None:
        await service.drain(NOTICE)

    async def work() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(trust.run(), name="changing files")
            await service.start()

    try:
        await _serve(settings, service.app, stop, work(), drain, trust)
    finally:
        await service.close()


async def run_audit(settings: Settings) -> None:
    """Serve as one of the audit service's replicas until told to stop."""
    stop = stop_signals()
    trust = Trust(settings)
    journal = MongoJournal(settings.data_uri, ca=settings.mongodb_ca)
    store = MongoAuditStore(settings.audit_uri, settings.mongodb_ca)
    if settings.mongodb_ca:
        trust.follow(settings.mongodb_ca, take=journal.read_ca)
        trust.follow(settings.mongodb_ca, take=store.read_ca)
    service = AuditService(settings, journal, store)

    async def work() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(trust.run(), name="changing files")
            await service.start()

    async def drain() -> None:
        service.refuse()
        await asyncio.sleep(NOTICE)

    try:
        await _serve(settings, create_audit_app(service, trust.tokens, settings.version), stop, work(), drain, trust)
    finally:
        await service.close()
        await journal.close()


async def _serve(
    settings: Settings,
    app: ASGIApp,
    stop: asyncio.Event,
    work: Coroutine[None, None, None],
    drain: Callable[[], Awaitable[None]],
    trust: Trust,
) -> None:
    listeners = [listen(settings.host, settings.port)]
    if settings.shared_port:
        listeners.append(listen(settings.host, settings.shared_port, shared=True))
    collect_garbage_seldom()
    task = asyncio.create_task(work, name="service")
    try:
        await serve(app, listeners, stop=stop, work=task, drain=drain, tls=trust.server)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
