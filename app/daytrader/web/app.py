"""The web service's routes."""

from collections.abc import Callable

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from daytrader.auth.entrance import Entrance
from daytrader.auth.guard import Denied, Guard, authorization_of
from daytrader.clock import Clock
from daytrader.health import Part
from daytrader.membership import Membership
from daytrader.probes import probe_routes
from daytrader.tracing import Tracing
from daytrader.web import metrics
from daytrader.web.api.app import api
from daytrader.web.api.desk import Desk
from daytrader.web.api.operations import PREFIX as API
from daytrader.web.api.streams import Live
from daytrader.web.command import PREFIX, CommandEndpoint
from daytrader.web.dispatch import RequestIds, Transactions
from daytrader.web.dump import AuditLog, Dumps
from daytrader.web.health import Health
from daytrader.web.hub import Hub
from daytrader.web.ops.operations import Operations
from daytrader.web.ops.page import OperationsPages
from daytrader.web.page.app import page_app
from daytrader.web.page.trade.trading import Trading
from daytrader.web.page.visitor import Visitors
from daytrader.web.page.workloads.pages import WorkloadPages
from daytrader.web.page.workloads.runs import Runs
from daytrader.web.sse import Streams


class HealthReport(msgspec.Struct, frozen=True):
    """What `/health` answers."""

    ok: bool
    """Whether all parts are well."""
    parts: list[Part]


class WebApp(Starlette):
    """The routes of the web service, with the hot one in front of them.

    Starlette's own way to an endpoint, two middlewares and the router, costs 4 to 6 µs a request, half of what this
    service itself spends on a command; so commands do not take it.
    """

    def __init__(
        self,
        transactions: Transactions,
        audit: AuditLog,
        membership: Membership,
        health: Health,
        hub: Hub,
        *,
        version: str,
        partitions: int,
        clock: Clock,
        debug: bool = False,
        tracing: Tracing | None = None,
        guard: Guard | None = None,
        visitors: Visitors | None = None,
        entrance: Entrance | None = None,
        operations: Operations | None = None,
        auth_waits_for: Callable[[], str] = str,
    ) -> None:
        """`version` is what `/version` answers, `clock` gives the commands' first-sent times.

        `debug`, `tracing` and `guard` are those of `CommandEndpoint`. Where there is a guard, `/health` is for admins
        and for the installation's own services.

        `visitors` tells who looks at pages, None: there are none; `entrance` is where people sign in, where they do;
        `operations` is what the operations page shows. `auth_waits_for` tells what keeps tokens from being looked up.
        """
        ids = RequestIds()
        dumps = Dumps(transactions, audit, ids, partitions)
        self._commands = CommandEndpoint(
            transactions, dumps, ids, partitions=partitions, clock=clock, debug=debug, tracing=tracing, guard=guard
        )
        desk = Desk(transactions, ids, partitions=partitions, clock=clock, debug=debug, tracing=tracing, guard=guard)
        self.streams = Streams()
        """What streams of events go out by; `hub` is where they come from."""
        self.hub = hub
        self._api = api(desk, dumps, Live(hub, self.streams, partitions, guard))
        self._guard = guard
        self._auth_waits_for = auth_waits_for
        self._membership = membership
        self._health = health
        self._operations = operations
        self._draining = False
        self._was_ready = False
        self._runs: Runs | None = None
        metrics.IN_FLIGHT.set_function(lambda: self._commands.under_way + desk.under_way)
        super().__init__(
            routes=[
                Route("/heartbeat", self._heartbeat, methods=_ANY_METHOD),
                Route("/health", self._show_health),
                *probe_routes(self.waits_for, version),
            ]
        )
        if visitors is not None:
            self.router.default = self._pages(visitors, entrance, desk, dumps, clock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a command right here, and let Starlette answer everything else; the API has an app of its own."""
        if scope["type"] == "http" and scope["path"].startswith(PREFIX):
            await self._commands(scope, receive, send)
        elif scope["type"] == "http" and scope["path"].startswith(_API):
            await self._api(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    def _pages(
        self, visitors: Visitors, entrance: Entrance | None, desk: Desk, dumps: Dumps, clock: Clock
    ) -> Starlette:
        operations = self._operations
        self._runs = runs = Runs(desk, dumps, clock)
        return page_app(
            visitors,
            entrance,
            desk,
            lambda pages: Trading(pages, desk, dumps, self.hub, self.streams, clock).routes(),
            lambda pages: WorkloadPages(pages, runs, self.streams, clock).routes(),
            *([] if operations is None else [lambda pages: OperationsPages(pages, operations, self.streams).routes()]),
        )

    async def close(self) -> None:
        """End what the pages have under way."""
        if self._runs is not None:
            await self._runs.close()

    def drain(self) -> None:
        """Say from now on that this replica is not ready; it goes on serving what comes."""
        self._draining = True

    def end_streams(self) -> None:
        """End all streams: their clients go on at another replica."""
        self.hub.end()
        self.streams.end()

    def waits_for(self) -> str:
        """Return what keeps the replica from being ready, in words; empty where nothing does."""
        if self._draining:
            return "it is draining: connect to another replica"
        # Once ready it stays so: without a transaction replica commands wait for one, and an answer that says so is
        # worth more than no connection at all, which is what clients get where no web replica is ready.
        if not self._was_ready:
            if why := self._auth_waits_for():
                return why
            self._was_ready = bool(self._membership.ready())
        return "" if self._was_ready else "no transaction replica is ready"

    async def _heartbeat(self, _: Request) -> Response:
        return PlainTextResponse("pong")

    async def _show_health(self, request: Request) -> Response:
        if self._guard is not None:
            caller = await self._guard.admin(authorization_of(request.scope))
            if isinstance(caller, Denied):
                headers = {"WWW-Authenticate": caller.challenge} if caller.challenge else {"Retry-After": "1"}
                return PlainTextResponse(caller.text, caller.status, headers)
        parts = await self._health.parts()
        report = HealthReport(all(part.ok for part in parts), parts)
        status = 200 if self._membership.ready() else 503  # a part may be wrong while trading works
        return Response(msgspec.json.encode(report), status, media_type="application/json")


_API = f"{API}/"
_ANY_METHOD = ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]
