"""Clients that send on and on while a server ends: none of them is left without an answer."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from daytrader import draining
from daytrader.serving import listen, serve
from daytrader.tls import ServerTls, client_context
from tests.audit.waits import until
from tests.certificates import Mounted
from tests.web.client import Connection, get

CLIENTS = 40


class Server:
    """A server that tells its name, and can be told to stop."""

    def __init__(self, name: str, tls: ServerTls | None, drain: Callable[[], Awaitable[None]] | None = None) -> None:
        self.name = name
        self.in_service = True
        """Whether a balancer would send it new connections."""
        self.answered = 0
        self.stop = asyncio.Event()
        self.answer: Callable[[Request], Awaitable[Response]] = self._name
        listener = listen("127.0.0.1", 0)
        self.port: int = listener.getsockname()[1]
        self.task = asyncio.create_task(serve(self, [listener], stop=self.stop, tls=tls, drain=drain, grace=8))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        response = await self.answer(Request(scope, receive))
        self.answered += 1
        await response(scope, receive, send)

    async def _name(self, _: Request) -> Response:
        return PlainTextResponse(self.name)


@pytest.fixture(params=["http", "https"])
def tls(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[ServerTls, ssl.SSLContext] | None:
    """What server and client speak TLS with; None: they speak HTTP alone."""
    if request.param == "http":
        return None
    mounted = Mounted(tmp_path)
    mounted.put_certificate(trustme.CA(), "127.0.0.1")
    return ServerTls(mounted.certificate, mounted.key), client_context(mounted.ca)


@asynccontextmanager
async def _ending(*servers: Server) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(60):
            yield
    finally:
        for server in servers:
            server.stop.set()
        await asyncio.gather(*(server.task for server in servers))


async def test_clients_that_send_on_and_on_are_all_answered(tls: tuple[ServerTls, ssl.SSLContext] | None) -> None:
    """Forty keep-alive clients send without a pause while their server drains and ends: not one request fails.

    Each is told by its answer that the connection ends, and makes the next one to a server that is in service.
    """
    leaving = asyncio.Event()

    async def drain() -> None:
        old.in_service = False  # as a Service does it for a pod that ends
        leaving.set()
        answered = new.answered
        await until(lambda: new.answered >= answered + 10 * CLIENTS)

    server_tls, context = tls or (None, None)
    old, new = Server("old", server_tls, drain), Server("new", server_tls)
    failures: list[str] = []
    ended = asyncio.Event()

    async def client() -> None:
        connection: Connection | None = None
        while not ended.is_set():
            server = old if old.in_service else new
            if connection is None:
                connection = await Connection.open(server.port, context)
            answer = await connection.exchange(get("/"))
            if answer.status != 200 or not answer.complete:
                failures.append(f"{answer} from {server.name}")
            if answer.headers.get("connection") == "close" or not answer.complete:
                connection.close()
                connection = None
        if connection is not None:
            connection.close()

    async with _ending(new):
        clients = [asyncio.create_task(client()) for _ in range(CLIENTS)]
        await until(lambda: old.answered >= 10 * CLIENTS)
        old.stop.set()
        await old.task
        ended.set()
        await asyncio.gather(*clients)
    assert leaving.is_set()
    assert failures == []


async def test_a_connection_that_was_idle_is_answered_once_more(tls: tuple[ServerTls, ssl.SSLContext] | None) -> None:
    """A request on a connection that was idle when the server began to end is served, and told to be the last one."""
    drained = asyncio.Event()

    async def drain() -> None:
        async with asyncio.timeout(20):
            await drained.wait()

    server_tls, context = tls or (None, None)
    server = Server("old", server_tls, drain)
    async with _ending(server):
        connection = await Connection.open(server.port, context)
        assert "connection" not in (await connection.exchange(get("/"))).headers
        server.stop.set()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        answer = await connection.exchange(get("/"))
        assert (answer.body, answer.headers["connection"], answer.complete) == (b"old", "close", True)
        assert await connection.ended()
        connection.close()
        newcomer = await Connection.open(server.port, context)
        assert (await newcomer.exchange(get("/"))).headers["connection"] == "close"
        newcomer.close()
        drained.set()


async def test_a_connection_whose_handshake_was_under_way_is_told_too(tmp_path: Path) -> None:
    """One that was accepted before the server began to end, and speaks TLS only afterwards, ends with its answer."""
    mounted = Mounted(tmp_path)
    mounted.put_certificate(trustme.CA(), "127.0.0.1")
    context = client_context(mounted.ca)
    told = asyncio.Event()

    async def drain() -> None:
        async with asyncio.timeout(20):
            await told.wait()

    server = Server("old", ServerTls(mounted.certificate, mounted.key), drain)
    early = socket.create_connection(("127.0.0.1", server.port))
    async with _ending(server):
        later = await Connection.open(server.port, context)
        await later.exchange(get("/"))  # whoever came before it is accepted by now
        later.close()
        server.stop.set()
        connection = Connection(*await asyncio.open_connection(sock=early, ssl=context, server_hostname="127.0.0.1"))
        answer = await connection.exchange(get("/"))
        connection.close()
        told.set()
    assert (answer.body, answer.headers.get("connection")) == (b"old", "close")


async def test_an_idle_connection_is_closed_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    """One on which nothing more comes does not keep the server from ending."""
    monkeypatch.setattr(draining, "LAST_SECONDS", 0.05)
    server = Server("old", None)
    idle, silent = await Connection.open(server.port), await Connection.open(server.port)
    async with _ending(server):
        await idle.exchange(get("/"))
        server.stop.set()
        assert await idle.ended()
        assert await silent.ended()
        await server.task
    idle.close()
    silent.close()


async def test_an_answer_that_is_under_way_comes_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request whose answer has begun when the server begins to end gets all of it, and so does one that waits."""
    monkeypatch.setattr(draining, "LAST_SECONDS", 0.05)
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield b"one,"
        begun.set()
        await go_on.wait()
        yield b"two"

    async def answer(request: Request) -> Response:
        if request.url.path == "/waits":
            await go_on.wait()
            return PlainTextResponse("waited")
        return StreamingResponse(body())

    async def drain() -> None:
        go_on.set()

    server = Server("old", None, drain)
    server.answer = answer
    async with _ending(server):
        streamed, waits = await Connection.open(server.port), await Connection.open(server.port)
        asked = asyncio.create_task(streamed.exchange(get("/")))
        waited = asyncio.create_task(waits.exchange(get("/waits")))
        await begun.wait()
        server.stop.set()
        first, second = await asked, await waited
        assert (first.body, first.complete) == (b"one,two", True)
        assert (second.body, second.headers["connection"], second.complete) == (b"waited", "close", True)
        streamed.close()
        waits.close()
