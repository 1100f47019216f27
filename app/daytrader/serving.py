"""Serving an ASGI app until told to stop: readiness off first, then what is under way, then the sockets."""

import asyncio
import gc
import signal
import socket
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Final

import structlog
import uvicorn
from starlette.types import ASGIApp

from daytrader.draining import take_leave
from daytrader.http_limits import LimitedHttpProtocol
from daytrader.tls import ServerTls

KEEP_ALIVE: Final = 90
"""Seconds for which an idle connection is kept; clients count on 75."""

BACKLOG: Final = 4_096

CUT_AFTER: Final = 1
"""Seconds between the last moment of an orderly end and the cancelling of what is still under way."""

_log = structlog.get_logger()


class _Server(uvicorn.Server):
    leaves_until = 0.0
    """Loop time up to which connections may end by themselves, before those that are left are closed."""

    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
        """Leave signals alone: `serve` has its own way to stop."""
        return nullcontext()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more connections, and let those that there are end by themselves before any is closed."""
        for listening in self.servers:
            listening.close()
        loop = asyncio.get_running_loop()
        # uvicorn's connections tell nobody when they end
        while self.server_state.connections and loop.time() < self.leaves_until:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        await super().shutdown(sockets)


def listen(host: str, port: int, *, shared: bool = False) -> socket.socket:
    """Return a listening socket; a `shared` port may be listened at by several processes, which share its connections.

    Raises OSError where the port is taken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    listener.setblocking(False)
    return listener


def stop_signals() -> asyncio.Event:
    """Return an event that is set by SIGINT, SIGTERM, or when the terminal goes away (SIGHUP)."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


def collect_garbage_seldom() -> None:
    """Tune the cycle collector for a process that serves; call it once everything is imported and set up.

    What lives now lives to the end, and what a thousand commands under way are made of is no garbage; looking through
    it at every 700th allocation took a seventh of the web service's time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 10, 10)


async def serve(
    app: ASGIApp,
    listeners: list[socket.socket],
    *,
    stop: asyncio.Event,
    work: asyncio.Task[None] | None = None,
    drain: Callable[[], Awaitable[None]] | None = None,
    grace: float = 20.0,
    tls: ServerTls | None = None,
) -> None:
    """Serve `app`, by `tls` where it is given, until `stop` is set; then `drain`, and end what is under way.

    From `stop` on, every answer is the last one on its connection. All of it takes at most about `grace` seconds.
    Raises what ended `work`, where the service behind the app dies: nothing of it can be trusted then.
    """
    config = uvicorn.Config(
        app,
        http=LimitedHttpProtocol,
        ws="none",
        loop="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=CUT_AFTER,
        backlog=BACKLOG,
        ssl_context_factory=None if tls is None else lambda _config, _default: tls.context,
    )
    config.load()
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=listeners), name="http server")
    stopping = asyncio.create_task(stop.wait(), name="stop")
    watched: set[asyncio.Task[None] | asyncio.Task[bool]] = {serving, stopping}
    if work is not None:
        watched.add(work)
    try:
        await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
        if stopping.done():
            server.leaves_until = asyncio.get_running_loop().time() + grace
            take_leave(server)
            if drain is not None:
                await drain()
    finally:
        stopping.cancel()
        server.should_exit = True
        await serving
    if work is not None and work.done():
        work.result()
