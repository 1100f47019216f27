"""Watching over HTTP: one endless answer that tells a web replica what happens, and requests that change what of."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from typing import Final

import msgspec
import structlog
from starlette.requests import Request as HttpRequest
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from daytrader.transaction.feed import decode_changes, frame
from daytrader.transaction.watching import Watching, Watchings

CLIENT_SECONDS: Final = 10.0
"""How long a web replica may take nothing before it is given up."""

_log = structlog.get_logger(__name__)


def watch_routes(watchings: Watchings, refuses: Callable[[], str]) -> list[Route]:
    """Return the routes; `refuses()` says in words why nothing can be watched now, empty where it can."""

    async def change(http: HttpRequest) -> Response:
        watching = watchings.named(http.path_params["name"])
        if watching is None:
            return PlainTextResponse("nothing is watched under this name", 404)
        try:
            watching.change(decode_changes(await http.body()))
        except msgspec.MsgspecError as error:
            return PlainTextResponse(f"these are no changes: {error}", 400)
        return Response(status_code=204)

    return [
        Route("/watch", _Watch(watchings, refuses), methods=["POST"]),
        Route("/watch/{name}", change, methods=["POST"]),
    ]


class _Watch:
    """An ASGI app that tells what happens until the web replica goes, or this replica does."""

    def __init__(self, watchings: Watchings, refuses: Callable[[], str]) -> None:
        self._watchings = watchings
        self._refuses = refuses

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if refuses := self._refuses():
            await PlainTextResponse(refuses, 503, {"Retry-After": "1"})(scope, receive, send)
            return
        watching = self._watchings.new()
        telling = asyncio.create_task(_tell(watching, send), name="watched accounts told")
        gone = asyncio.create_task(_until_gone(receive), name="web replica that watches")
        try:
            await asyncio.wait({telling, gone}, return_when=asyncio.FIRST_COMPLETED)
            if telling.done():
                telling.result()
        except TimeoutError:
            _log.warning("a web replica takes nothing of what it watches", seconds=CLIENT_SECONDS)
        finally:
            telling.cancel()
            gone.cancel()
            await asyncio.gather(telling, gone, return_exceptions=True)


async def _tell(watching: Watching, send: Send) -> None:
    headers = [(b"content-type", b"application/octet-stream")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    async with aclosing(watching.messages()) as batches:
        async for messages in batches:
            async with asyncio.timeout(CLIENT_SECONDS):
                await send({"type": "http.response.body", "body": frame(messages), "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue
