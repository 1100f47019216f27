"""The transaction service over HTTP, for web replicas only: batches of commands, and how it is."""

import asyncio

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from daytrader.internal import InternalAuth
from daytrader.transaction import metrics
from daytrader.transaction.message import Request, decode_requests, encode_replies
from daytrader.transaction.service import TransactionService
from daytrader.transaction.waiting import Batch

OPEN_PATHS = frozenset({"/ready", "/live"})
"""What answers without the internal credential: it tells a probe nothing but yes or no."""


def create_app(service: TransactionService, token: str) -> InternalAuth:
    """Return the ASGI app of `service`; every request but the probes carries `token`."""

    async def batch(http: HttpRequest) -> Response:
        if refuses := service.refuses():
            return PlainTextResponse(refuses, 503, {"Retry-After": "1"})
        try:
            requests = decode_requests(await http.body())
        except msgspec.MsgspecError as error:
            return PlainTextResponse(f"this is no batch of requests: {error}", 400)
        return Response(encode_replies(await _answers(service, requests)), media_type="application/msgpack")

    async def ready(_: HttpRequest) -> Response:
        waits_for = service.waits_for()
        return PlainTextResponse(waits_for or "ready", 503 if waits_for else 200)

    async def live(_: HttpRequest) -> Response:
        return PlainTextResponse("live")

    async def health(_: HttpRequest) -> Response:
        return Response(msgspec.json.encode(await service.health()), media_type="application/json")

    app = Starlette(
        routes=[
            Route("/batch", batch, methods=["POST"]),
            Route("/ready", ready),
            Route("/live", live),
            Route("/health", health),
        ]
    )
    return InternalAuth(app, token, OPEN_PATHS)


async def _answers(service: TransactionService, requests: list[Request]) -> list[object]:
    loop = asyncio.get_running_loop()
    arrived = loop.time()
    batch = Batch(len(requests), loop)
    take = service.host.take
    for index, request in enumerate(requests):
        take(request, batch, index)
    metrics.DECIDE_SECONDS.observe(loop.time() - arrived)
    replies = await batch.answers(polling=all(request.attempt for request in requests))
    metrics.QUEUE_SECONDS.observe(loop.time() - arrived)
    return list(replies)
