"""The web service of a cluster: its app, its links to the other services, and the tasks behind it."""

import asyncio

from daytrader.auth.service import AuthService
from daytrader.clock import clock_of, system_clock
from daytrader.membership import ProbedMembership, addresses_of, server_name
from daytrader.settings import Settings
from daytrader.tracing import tracing_of
from daytrader.trust import Trust
from daytrader.web.app import WebApp
from daytrader.web.dump import RemoteAuditLog
from daytrader.web.health import RemoteHealth
from daytrader.web.hub import Hub
from daytrader.web.ops.breaking import Breaking
from daytrader.web.ops.operations import Operations
from daytrader.web.ops.recorder import Recorder
from daytrader.web.ops.scrape import RemoteScraper
from daytrader.web.ops.targets import targets_of
from daytrader.web.page.visitors_of import visitors_of
from daytrader.web.remote_feed import RemoteFeed
from daytrader.web.router import Router
from daytrader.web.sessions import Sessions


class WebService:
    """One web replica. `app` is to be served while the task that `start` returns runs."""

    def __init__(
        self, settings: Settings, trust: Trust, auth: AuthService | None = None, breaking: Breaking | None = None
    ) -> None:
        """Nothing is connected to before `start`. `auth` is whom to ask who sends a request; None: everybody may.

        `breaking` is what can be broken on purpose; None: nothing.

        Raises:
            ValueError: the setting `transaction_dns` or `web_dns` is no HOST:PORT, or `metrics_urls` cannot be read.
            TracingError: the setting `otlp_endpoint` asks for traces that this installation cannot make.
        """
        self._sessions = Sessions.of(settings, trust)
        self._membership = ProbedMembership(
            addresses_of(settings.transaction_dns, settings.transaction_urls, tls=bool(settings.tls_ca)),
            trust.session(server_name(settings.transaction_dns)),
        )
        self._router = Router(self._membership, self._sessions.transactions, settings.partitions)
        clock = clock_of(settings.clock_file)
        self._hub = Hub(
            self._membership,
            lambda url: RemoteFeed(url, self._sessions.transactions),
            partitions=settings.partitions,
            clock=clock,
        )
        self._tracing = tracing_of(settings.otlp_endpoint, "web", settings.replica)
        self._auth = auth
        self._task: asyncio.Task[None] | None = None
        health = RemoteHealth(
            settings.replica,
            self._sessions,
            self._membership,
            settings.audit_url,
            addresses_of(settings.web_dns, settings.web_urls, tls=bool(settings.tls_cert)),
            own=settings.base_url,
        )
        scraper = RemoteScraper(targets_of(settings.metrics_urls), system_clock)
        self._operations = Operations(Recorder(scraper, health), breaking)
        self.app = WebApp(
            self._router,
            RemoteAuditLog(settings.audit_url, self._sessions.audit),
            self._membership,
            health,
            self._hub,
            version=settings.version,
            partitions=settings.partitions,
            clock=clock,
            debug=settings.log_level == "debug",
            tracing=self._tracing,
            guard=None if self._auth is None else self._auth.guard,
            visitors=visitors_of(settings, self._auth, trust.tokens.authorization),
            entrance=None if self._auth is None else self._auth.entrance,
            operations=self._operations,
            auth_waits_for=str if self._auth is None else self._auth.waits_for,
        )

    def start(self) -> asyncio.Task[None]:
        """Start to probe and to route; the task ends only by `close`, or with the error that ended the service."""
        self._task = asyncio.create_task(self._run(), name="web service")
        return self._task

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._membership.run(), name="membership")
            group.create_task(self._router.run(), name="router")
            group.create_task(self._hub.run(), name="streams")
            group.create_task(self._operations.run(), name="operations")
            if self._auth is not None:
                group.create_task(self._auth.run(), name="identities and tokens")

    async def drain(self, notice: float) -> None:
        """Be not ready any more, and go on for `notice` seconds, until everybody has noticed."""
        self.app.drain()
        await asyncio.sleep(notice)
        self.app.end_streams()

    async def close(self) -> None:
        """Stop, and close the connections to the other services."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self.app.close()
        await self._sessions.close()
        await self._operations.close()
        if self._auth is not None:
            await self._auth.close()
        if self._tracing is not None:
            await asyncio.to_thread(self._tracing.close)
