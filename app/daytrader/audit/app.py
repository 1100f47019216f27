"""The audit service over HTTP, for web replicas only: logs, and how it is."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Final

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from daytrader.audit.follower import AuditBehindError
from daytrader.audit.port import AuditUnavailableError
from daytrader.audit.service import AuditService, TooManyDumpsError
from daytrader.internal import InternalAuth, Tokens
from daytrader.probes import OPEN_PATHS, probe_routes

STALLED: Final = 60.0
"""Seconds after which a reader that takes nothing has gone."""

_decode = msgspec.msgpack.Decoder(tuple[str | None, dict[int, int]]).decode


class ReaderStalledError(Exception):
    """Whoever asked for a log has stopped reading it."""


class LogResponse(StreamingResponse):
    """A log on its way. One that fails midway ends the connection, not the body: nobody can take it for whole."""

    def __init__(self, chunks: AsyncGenerator[bytes, None], first: bytes) -> None:
        super().__init__(chunks, media_type="application/xml")
        self._chunks = chunks
        self._first = first

    async def stream_response(self, send: Send) -> None:
        """Send the chunks, each of which the reader must take within its time."""

        async def in_time(message: Message) -> None:
            try:
                async with asyncio.timeout(STALLED):
                    await send(message)
            except TimeoutError:
                raise ReaderStalledError(f"nothing of the log was read for {STALLED:g} s") from None

        await in_time({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        await in_time({"type": "http.response.body", "body": self._first, "more_body": True})
        async for chunk in self._chunks:
            await in_time({"type": "http.response.body", "body": chunk, "more_body": True})
        await in_time({"type": "http.response.body", "body": b"", "more_body": False})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the log; however that ends, the dump ends with it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._chunks.aclose()


def create_app(service: AuditService, tokens: Tokens, version: str) -> InternalAuth:
    """Return the ASGI app of `service`, build `version`; every request but the probes carries one of `tokens`."""

    async def dump(request: Request) -> Response:
        try:
            user, places = _decode(await request.body())
        except msgspec.MsgspecError as error:
            return PlainTextResponse(f"this is no request for a log, [user or nil, {{partition: n}}]: {error}", 400)
        chunks = service.dump(user, places)
        try:
            first = await anext(chunks)
        except ValueError as error:
            return PlainTextResponse(str(error), 400)
        except (AuditBehindError, AuditUnavailableError, TooManyDumpsError) as error:
            return PlainTextResponse(str(error), 503, {"Retry-After": "1"})
        return LogResponse(chunks, first)

    async def health(_: Request) -> Response:
        return Response(msgspec.json.encode(await service.health()), media_type="application/json")

    app = Starlette(
        routes=[
            Route("/dump", dump, methods=["POST"]),
            Route("/health", health),
            *probe_routes(service.waits_for, version),
        ]
    )
    return InternalAuth(app, tokens, OPEN_PATHS)
