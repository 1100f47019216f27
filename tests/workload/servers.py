"""Real HTTP servers for the load generator: one decides commands by the rules, one does what a script says."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.reference.model import ReferenceModel

EMPTY = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"


def response(status: int, body: bytes = b"", *headers: str) -> bytes:
    """The bytes of an answer with a length."""
    lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


class Cut(bytes):
    """Bytes after which the server closes the connection."""


@dataclass(frozen=True)
class Asked:
    """A request as the server saw it."""

    method: str
    command: str
    parameters: dict[str, str]
    headers: dict[str, str]
    connection: int
    """Counts the connections from 0."""

    @property
    def key(self) -> str | None:
        return self.headers.get("idempotency-key")


Script = Callable[[Asked], Awaitable[bytes | None]]
"""Answers a request with these bytes; None closes the connection without an answer."""


class ScriptedServer:
    """Answers as its script says, and remembers what it was asked."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self.asked: list[Asked] = []
        self.connections = 0
        self.url = ""

    @asynccontextmanager
    async def running(self, port: int = 0, tls: ssl.SSLContext | None = None) -> AsyncIterator["ScriptedServer"]:
        """Serve at `port` (0: a free one), by `tls` where it is given, for as long as the `async with` block lasts."""
        tasks: set[asyncio.Task[None]] = set()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            tasks.add(task)
            try:
                await self._serve(reader, writer)
            except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
                pass  # the client has gone, or the test is over
            finally:
                writer.close()
                tasks.discard(task)

        server = await asyncio.start_server(serve, "127.0.0.1", port, backlog=2048, ssl=tls)
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            server.close()
            for task in list(tasks):
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = self.connections
        self.connections += 1
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            method, target, _ = head[0].split(" ")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
            parts = urlsplit(target)
            parameters = dict(parse_qsl(parts.query, keep_blank_values=True))
            asked = Asked(method, parts.path.rpartition("/")[2], parameters, headers, number)
            self.asked.append(asked)
            answer = await self._script(asked)
            if answer is None:
                return
            writer.write(answer)
            await writer.drain()
            if isinstance(answer, Cut):
                return


async def always_empty(_: Asked) -> bytes:
    """Accept everything."""
    return EMPTY


class MarketServer:
    """Decides commands by the rules, behind Starlette and uvicorn: GET and POST `/command/{COMMAND}`."""

    def __init__(self) -> None:
        self.model = ReferenceModel()
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.dumped_at: list[int] = []
        """How many commands had been asked before each DUMPLOG."""
        self.url = ""

    async def _command(self, request: Request) -> Response:
        name, fields = request.path_params["command"], dict(request.query_params)
        if name == "DUMPLOG":
            self.dumped_at.append(len(self.asked))
            lines = [f"<log><!-- {len(self.asked)} -->\n".encode(), b"<event/>\n" * 10_000, b"</log>\n"]
            return StreamingResponse(iter(lines), media_type="application/xml")
        self.asked.append((name, fields))
        status, text = self.model.command(name, **fields)
        return PlainTextResponse(text, status)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["MarketServer"]:
        """Serve for as long as the `async with` block lasts."""
        app = Starlette(routes=[Route("/command/{command}", self._command, methods=["GET", "POST"])])
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off", timeout_keep_alive=75))
        with socket.create_server(("127.0.0.1", 0), backlog=2048) as listening:
            self.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
            # Not serve(), which would take over the process's signals.
            serving = asyncio.create_task(server._serve([listening]))
            try:
                yield self
            finally:
                server.should_exit = True
                await serving
