"""Serving an app until told to stop."""

import asyncio
import socket

import aiohttp
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from daytrader.serving import listen, serve


async def test_what_is_under_way_is_answered_before_the_end() -> None:
    """Told to stop, the server drains, answers the request under way, and then refuses connections."""
    entered, finish, stop = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def slow(_: Request) -> PlainTextResponse:
        entered.set()
        await finish.wait()
        return PlainTextResponse("done")

    async def drain() -> None:
        finish.set()

    listener = listen("127.0.0.1", 0)
    port = listener.getsockname()[1]
    serving = asyncio.create_task(serve(Starlette(routes=[Route("/", slow)]), [listener], stop=stop, drain=drain))
    async with asyncio.timeout(10), aiohttp.ClientSession() as client:
        asked = asyncio.create_task(client.get(f"http://127.0.0.1:{port}/"))
        await entered.wait()
        stop.set()
        assert await (await asked).text() == "done"
        await serving
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port), 1)


async def test_a_service_that_dies_ends_the_server() -> None:
    """The error that ended the work behind the app comes out of `serve`: a process whose service is dead must end."""

    async def work() -> None:
        raise RuntimeError("a part died")

    task = asyncio.create_task(work())
    async with asyncio.timeout(10):
        with pytest.raises(RuntimeError, match="a part died"):
            await serve(Starlette(), [listen("127.0.0.1", 0)], stop=asyncio.Event(), work=task)


def test_a_shared_port_may_be_listened_at_twice() -> None:
    """Two processes share a port when both say so; otherwise the second is refused."""
    first = listen("127.0.0.1", 0, shared=True)
    port = first.getsockname()[1]
    second = listen("127.0.0.1", port, shared=True)
    with pytest.raises(OSError, match="in use"):
        listen("127.0.0.1", port)
    first.close()
    second.close()
