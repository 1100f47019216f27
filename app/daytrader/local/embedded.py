"""The embedded mode: every service in this process, SQLite files for the stores, and the mock quote server."""

import asyncio
import os
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Final

import msgspec
from prometheus_client import REGISTRY

from daytrader.audit.follower import AuditBehindError
from daytrader.audit.port import AuditUnavailableError as StoreUnavailableError
from daytrader.audit.service import AuditService, TooManyDumpsError
from daytrader.audit.sqlite import SqliteAuditStore
from daytrader.auth.service import AuthService
from daytrader.auth.sqlite import FILE as IDENTITIES
from daytrader.auth.sqlite import SqliteAuthStore
from daytrader.clock import clock_of, system_clock
from daytrader.health import Part
from daytrader.journal.sqlite import SqliteJournal
from daytrader.local.embedded_breaking import EmbeddedBreaking
from daytrader.local.mock_quotes import MockQuotes
from daytrader.membership import Alone
from daytrader.metrics import show_build
from daytrader.services import quote_source
from daytrader.serving import collect_garbage_seldom, listen, serve
from daytrader.settings import load
from daytrader.tracing import tracing_of
from daytrader.transaction.service import TransactionService
from daytrader.web.app import WebApp
from daytrader.web.dump import AuditUnavailableError
from daytrader.web.hub import Hub
from daytrader.web.ops.operations import Operations
from daytrader.web.ops.recorder import Recorder
from daytrader.web.ops.scrape import OwnScraper
from daytrader.web.page.visitors_of import visitors_of

DRAIN: Final = 5.0
"""Seconds that what is under way may take at the end."""

READY_WITHIN: Final = 60.0
"""Seconds in which it has to be ready."""


class _DirectAuditLog:
    """The audit service of this process, as the web service wants it."""

    def __init__(self, audit: AuditService) -> None:
        self._audit = audit

    async def dump(self, user: str | None, places: Mapping[int, int]) -> AsyncGenerator[bytes, None]:
        """Yield the XML log. Raises AuditUnavailableError."""
        try:
            async with aclosing(self._audit.dump(user, places)) as chunks:
                async for chunk in chunks:
                    yield chunk
        except (AuditBehindError, StoreUnavailableError, TooManyDumpsError) as error:
            raise AuditUnavailableError(str(error)) from error


class _DirectHealth:
    """All parts of this process."""

    def __init__(self, transaction: TransactionService, audit: AuditService) -> None:
        self._transaction = transaction
        self._audit = audit

    async def parts(self) -> list[Part]:
        """Return every part."""
        return [
            Part("web", True, "takes commands"),
            *await self._transaction.health(),
            *await self._audit.health(),
        ]


class Embedded:
    """An installation in this process, whose files live in `directory`."""

    def __init__(self, directory: Path, port: int, quotes: MockQuotes, settings: Mapping[str, str]) -> None:
        self._directory = directory
        self._port = port
        self._quotes = quotes
        self._settings = load(
            {**os.environ, **settings, "DAYTRADER_REPLICA": "embedded", "DAYTRADER_DATA_DIR": str(directory)}
        )
        self._stop = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._resetting = asyncio.Lock()

    @property
    def url(self) -> str:
        """The address of its web service."""
        return f"http://127.0.0.1:{self._port}"

    async def start(self) -> None:
        """Start everything; returns when it serves. Raises what kept it from that."""
        self._stop = asyncio.Event()
        ready = asyncio.Event()
        self._task = asyncio.create_task(self._run(ready), name="embedded")
        waiting = asyncio.create_task(ready.wait())
        try:
            async with asyncio.timeout(READY_WITHIN):
                await asyncio.wait({self._task, waiting}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
        if self._task.done():
            self._task.result()

    async def stop(self) -> None:
        """Stop everything, what is under way first."""
        self._stop.set()
        if self._task is not None:
            await self._task

    async def ended(self) -> None:
        """Return when it has ended by itself; raises what ended it."""
        while (task := self._task) is not None:
            await asyncio.wait({task})
            async with self._resetting:
                if task is self._task:
                    task.result()
                    return

    async def reset(self) -> None:
        """Stop, forget all trading, and start again at the same address; identities and tokens stay."""
        async with self._resetting:
            await self.stop()
            for path in self._directory.glob("*.db*"):
                path.unlink()
            await self.start()

    async def _run(self, ready: asyncio.Event) -> None:
        journal = SqliteJournal(self._directory / "journal.db")
        async with self._quotes.server() as quote_server:
            settings = msgspec.structs.replace(self._settings, quote_server="{}:{}".format(*quote_server.address))
            show_build(settings.version)
            everything = tuple(range(settings.partitions))
            transaction = TransactionService(
                settings, journal, journal.accounts, owned=lambda: everything, quotes=quote_source(settings)
            )
            audit = AuditService(settings, journal, SqliteAuditStore(self._directory / "audit.db"))
            tracing = tracing_of(settings.otlp_endpoint, "embedded", settings.replica)
            clock = clock_of(settings.clock_file)
            auth: AuthService | None = None
            if settings.auth_mode == "required":
                auth = AuthService(settings, SqliteAuthStore(self._directory / IDENTITIES), clock)
            alone = Alone("embedded")
            hub = Hub(alone, lambda _: transaction.host.watchings.new(), partitions=settings.partitions, clock=clock)
            health = _DirectHealth(transaction, audit)
            scraper = OwnScraper(REGISTRY, system_clock, ("web", "transaction", "audit"))
            operations = Operations(Recorder(scraper, health), EmbeddedBreaking(quote_server, system_clock))
            app = WebApp(
                transaction.host,
                _DirectAuditLog(audit),
                alone,
                health,
                hub,
                version=settings.version,
                partitions=settings.partitions,
                clock=clock,
                debug=settings.log_level == "debug",
                tracing=tracing,
                guard=None if auth is None else auth.guard,
                visitors=visitors_of(settings, auth, settings.internal_token),
                entrance=None if auth is None else auth.entrance,
                operations=operations,
            )
            streams = asyncio.create_task(hub.run(), name="streams")
            recording = asyncio.create_task(operations.run(), name="operations")
            work = asyncio.create_task(_until_one_ends(transaction.start(), audit.start(), streams), name="services")

            async def drain() -> None:
                app.drain()
                transaction.refuse()
                app.end_streams()

            collect_garbage_seldom()
            try:
                if auth is not None:
                    await auth.run()
                await _until_ready(transaction, work)
                ready.set()
                await serve(
                    app, [listen("127.0.0.1", self._port)], stop=self._stop, work=work, drain=drain, grace=DRAIN
                )
                await transaction.drain(DRAIN)
            finally:
                await app.close()
                streams.cancel()
                work.cancel()
                recording.cancel()
                await asyncio.gather(streams, work, recording, return_exceptions=True)
                await audit.close()
                await transaction.close()
                if auth is not None:
                    await auth.close()
                if tracing is not None:
                    await asyncio.to_thread(tracing.close)


async def _until_one_ends(*tasks: asyncio.Task[None]) -> None:
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()


async def _until_ready(transaction: TransactionService, work: asyncio.Task[None]) -> None:
    while transaction.waits_for():
        if work.done():
            work.result()
        await asyncio.sleep(0.02)
