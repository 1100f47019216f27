"""The transaction service over HTTP, for web replicas only: batches of commands, and how it is."""

import asyncio

import msgspec
import structlog
from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from daytrader.internal import InternalAuth, Tokens
from daytrader.probes import OPEN_PATHS, probe_routes
from daytrader.tracing import Tracing
from daytrader.transaction import metrics
from daytrader.transaction.message import Reply, Request, decode_requests, encode_replies
from daytrader.transaction.service import TransactionService
from daytrader.transaction.waiting import Batch
from daytrader.transaction.watch_app import watch_routes

_log = structlog.get_logger()


def create_app(
    service: TransactionService, tokens: Tokens, version: str, *, debug: bool = False, tracing: Tracing | None = None
) -> InternalAuth:
    """Return the ASGI app of `service`, build `version`; every request but the probes carries one of `tokens`.

    `debug` writes one line a command to the log; `tracing` makes a span of each that is traced.
    """
    told = _Told(debug, tracing)

    async def batch(http: HttpRequest) -> Response:
        if refuses := service.refuses():
            return PlainTextResponse(refuses, 503, {"Retry-After": "1"})
        try:
            requests = decode_requests(await http.body())
        except msgspec.MsgspecError as error:
            return PlainTextResponse(f"this is no batch of requests: {error}", 400)
        replies = await told.answers(service, requests)
        return Response(encode_replies(replies), media_type="application/msgpack")

    async def health(_: HttpRequest) -> Response:
        return Response(msgspec.json.encode(await service.health()), media_type="application/json")

    app = Starlette(
        routes=[
            Route("/batch", batch, methods=["POST"]),
            Route("/health", health),
            *watch_routes(service.host.watchings, service.refuses),
            *probe_routes(service.waits_for, version),
        ]
    )
    return InternalAuth(app, tokens, OPEN_PATHS)


class _Told:
    """Has batches decided, and tells of each command what the settings ask for; by default nothing."""

    def __init__(self, debug: bool, tracing: Tracing | None) -> None:
        self._debug = debug
        self._tracing = tracing

    async def answers(self, service: TransactionService, requests: list[Request]) -> list[Reply | None]:
        """Return the replies in order."""
        if self._tracing is None:
            replies = await _answers(service, requests)
        else:
            start = self._tracing.start
            spans = [start("decide and append", one.trace, {"request": one.id}) for one in requests if one.trace]
            replies = await _answers(service, requests)
            for span in spans:
                span.end()
        if self._debug:
            for request, reply in zip(requests, replies, strict=True):
                status = reply.status if reply is not None else "under way"
                _log.debug("decided", request=request.id, partition=request.partition, status=status)
        return replies


async def _answers(service: TransactionService, requests: list[Request]) -> list[Reply | None]:
    loop = asyncio.get_running_loop()
    arrived = loop.time()
    batch = Batch(len(requests), loop)
    take = service.host.take
    for index, request in enumerate(requests):
        take(request, batch, index)
    metrics.DECIDE_SECONDS.observe(loop.time() - arrived)
    replies = await batch.answers(polling=all(request.attempt for request in requests))
    metrics.QUEUE_SECONDS.observe(loop.time() - arrived)
    return replies
