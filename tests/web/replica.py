"""A transaction replica that does as the test tells it: real HTTP, no accounts."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from daytrader.http_limits import LimitedHttpProtocol
from daytrader.internal import InternalAuth, Tokens
from daytrader.serving import listen
from daytrader.transaction.message import Reply, Request, decode_requests, encode_replies

TOKEN = "the token of the tests"

Answer = Callable[[Request], Reply | None]


def accept(_: Request) -> Reply:
    """Accept every command."""
    return Reply(200)


class HttpServer:
    """An ASGI app behind a real socket, which can also be killed."""

    def __init__(self, app: object, port: int = 0, *, keep_alive: float = 75) -> None:
        self._listener = listen("127.0.0.1", port)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        config = uvicorn.Config(
            app,  # type: ignore[arg-type]
            http=LimitedHttpProtocol,
            ws="none",
            loop="none",
            lifespan="off",
            access_log=False,
            log_config=None,
            proxy_headers=False,
            timeout_keep_alive=keep_alive,  # type: ignore[arg-type]  # in tests less than a second, too
        )
        self._server = uvicorn.Server(config)
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._server.config.load()
        self._server.lifespan = self._server.config.lifespan_class(self._server.config)
        await self._server.startup(sockets=[self._listener])
        self._task = asyncio.create_task(self._server.main_loop())  # for the Date header
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.kill()

    async def kill(self) -> None:
        """End at once: the port is closed and every connection is reset."""
        for server in self._server.servers:
            server.close()
        for connection in list(self._server.server_state.connections):
            connection.transport.abort()
        for task in list(self._server.server_state.tasks):
            task.cancel()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])


class Replica:
    """Answers batches by `answer`, one reply a request; None says that the command is still under way."""

    def __init__(self) -> None:
        self.ready = True
        self.status = 200
        """What a batch is answered with, as a whole."""
        self.body: bytes | None = None
        """What a batch is answered with instead of replies."""
        self.answer: Answer = accept
        self.health = b'[{"name":"redis","ok":true,"says":"shares quotes"}]'
        self.gate = asyncio.Event()
        """While it is clear, batches wait; polls do not."""
        self.gate.set()
        self.poll_gate: Callable[[list[Request]], Awaitable[object] | None] = lambda _: None
        """What the answer to a poll waits for."""
        self.probes = 0
        self.probe_gate = asyncio.Event()
        """While it is clear, probes wait; `probed` is set by the first that does."""
        self.probe_gate.set()
        self.probed = asyncio.Event()
        self.batches: list[list[Request]] = []
        self.polls: list[list[Request]] = []
        self.under_way = 0
        self.most_under_way = 0
        self.arrived = asyncio.Condition()
        routes = [Route("/batch", self._batch, methods=["POST"]), Route("/ready", self._ready)]
        routes.append(Route("/health", self._health))
        self.app = InternalAuth(Starlette(routes=routes), Tokens(TOKEN), {"/ready"})

    def server(self, port: int = 0) -> HttpServer:
        """Return the replica's HTTP server, to be entered."""
        return HttpServer(self.app, port)

    @property
    def decided(self) -> list[Request]:
        """All requests of all batches, in the order in which they came."""
        return [request for batch in self.batches for request in batch]

    @property
    def received(self) -> list[Request]:
        """All requests, of batches and polls."""
        return [request for batch in (*self.batches, *self.polls) for request in batch]

    async def wait_for(self, condition: Callable[[], bool]) -> None:
        """Wait until `condition` holds; it is looked at whenever a batch or a poll has arrived."""
        async with asyncio.timeout(10), self.arrived:
            await self.arrived.wait_for(condition)

    async def _batch(self, http: HttpRequest) -> Response:
        requests = decode_requests(await http.body())
        is_poll = all(request.attempt for request in requests)
        (self.polls if is_poll else self.batches).append(requests)
        self.under_way += not is_poll
        self.most_under_way = max(self.most_under_way, self.under_way)
        async with self.arrived:
            self.arrived.notify_all()
        try:
            waits_for = self.poll_gate(requests) if is_poll else self.gate.wait()
            if waits_for is not None:
                await waits_for
        finally:
            self.under_way -= not is_poll
        if self.status != 200:
            return PlainTextResponse("not now", self.status)
        if self.body is not None:
            return Response(self.body)
        return Response(encode_replies([self.answer(request) for request in requests]))

    async def _ready(self, _: HttpRequest) -> Response:
        self.probes += 1
        if not self.probe_gate.is_set():
            self.probed.set()
            await self.probe_gate.wait()
        return PlainTextResponse("ready" if self.ready else "not ready", 200 if self.ready else 503)

    async def _health(self, _: HttpRequest) -> Response:
        return Response(self.health)


def free_port() -> int:
    """Return a port that nobody listens at just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
