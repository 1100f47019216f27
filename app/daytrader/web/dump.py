"""DUMPLOG: a barrier in every partition that the dump is of, then the log up to there, streamed."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Final, Protocol

import aiohttp
import msgspec
import structlog
from starlette.types import Message, Receive, Send

from daytrader.session import InternalSession
from daytrader.transaction.message import Reply, Request
from daytrader.web import metrics
from daytrader.web.dispatch import RequestIds, Transactions

MOST_DUMPS: Final = 8
"""Dumps under way at a time; above that 429."""

CHUNK_SECONDS: Final = 30.0
"""Longest wait for the next chunk; before the first one the audit store catches up with the barriers."""

CLIENT_SECONDS: Final = 60.0
"""Longest wait for a client to take a chunk."""

BROKEN: Final = 503
"""How a dump that ended midway is counted."""

_BUSY: Final = Reply(429, b"Too many dumps are under way")
_START: Final[Message] = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"application/xml")],
}

_log = structlog.get_logger(__name__)
_encode = msgspec.msgpack.Encoder().encode


class AuditUnavailableError(Exception):
    """The log cannot be had, or broke off; the text says why."""


class AuditLog(Protocol):
    """Where the log is kept."""

    def dump(self, user: str | None, places: Mapping[int, int]) -> AsyncGenerator[bytes, None]:
        """Yield the XML log of `user` (None: of all) up to entry n of each partition in `places` (partition -> n).

        Raises AuditUnavailableError, before the first chunk or midway.
        """


class RemoteAuditLog:
    """The audit service at `url`."""

    def __init__(self, url: str, session: InternalSession) -> None:
        self._url = f"{url.rstrip('/')}/dump"
        self._session = session
        self._timeout = aiohttp.ClientTimeout(total=None, sock_connect=2, sock_read=CHUNK_SECONDS)

    async def dump(self, user: str | None, places: Mapping[int, int]) -> AsyncGenerator[bytes, None]:
        """Yield the XML log as it comes. Raises AuditUnavailableError, before the first chunk or midway."""
        body = _encode([user, places])
        try:
            async with self._session.post(self._url, body, self._timeout) as response:
                if response.status != 200:
                    says = (await response.read())[:200].decode(errors="replace")
                    raise AuditUnavailableError(f"the audit service answers {response.status}: {says}")
                async for chunk in response.content.iter_any():
                    yield chunk
        except TimeoutError as error:
            raise AuditUnavailableError("the audit service is silent") from error
        except (aiohttp.ClientError, OSError) as error:
            raise AuditUnavailableError(f"the audit service cannot be reached: {error}") from error


class Dumps:
    """Answers DUMPLOG: everything acknowledged before it was asked for is in the dump."""

    def __init__(self, transactions: Transactions, audit: AuditLog, ids: RequestIds, partitions: int) -> None:
        self._transactions = transactions
        self._audit = audit
        self._ids = ids
        self._partitions = partitions
        self._under_way = 0

    async def answer(self, request: Request, receive: Receive, send: Send) -> Reply | int:
        """Stream the dump that `request` asks for and return the status to count, or return the refusal to answer."""
        if self._under_way >= MOST_DUMPS:
            return _BUSY
        self._under_way += 1
        try:
            places = await self._barriers(request)
            if isinstance(places, Reply):
                return places
            user = request.command.user if request.command is not None else ""
            async with aclosing(self._audit.dump(user or None, places)) as chunks:
                return await _stream(chunks, receive, send)
        finally:
            self._under_way -= 1

    async def _barriers(self, request: Request) -> dict[int, int] | Reply:
        """Put the command, and bare barriers where the dump is of all users, into the journal."""
        requests = [request]
        command = request.command
        if command is not None and not command.user and not command.faults:
            others = set(range(self._partitions)) - {request.partition}
            requests += [Request(self._ids.new(), other, None, request.first_sent) for other in sorted(others)]
        replies = await asyncio.gather(*map(self._transactions.submit, requests))
        for reply in replies:
            if reply.status != 200:
                return reply
        return {one.partition: reply.place for one, reply in zip(requests, replies, strict=True)}


async def _stream(chunks: AsyncGenerator[bytes, None], receive: Receive, send: Send) -> Reply | int:
    try:
        chunk = await _next(chunks)
    except AuditUnavailableError as error:
        _log.warning("no dump", reason=str(error))
        return Reply(503, f"Log unavailable: {error}".encode())
    gone = asyncio.create_task(_disconnected(receive), name="dump's client")
    result = "broken"
    try:
        await send(_START)
        while chunk is not None and not gone.done():
            async with asyncio.timeout(CLIENT_SECONDS):
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            chunk = await _next(chunks)
        result = "abandoned" if gone.done() else "complete"
        if result == "complete":
            await send({"type": "http.response.body", "body": b""})
    except AuditUnavailableError as error:
        _log.error("a dump broke off", reason=str(error))
    except TimeoutError:
        _log.warning("a dump broke off", reason=f"the client took nothing for {CLIENT_SECONDS} s")
    finally:
        gone.cancel()
        metrics.DUMPS.labels(result).inc()
    # Without its end, the server closes the connection, by which the client sees that the dump is incomplete.
    return 200 if result == "complete" else BROKEN


async def _next(chunks: AsyncGenerator[bytes, None]) -> bytes | None:
    """Return the next chunk, None at the end."""
    try:
        async with asyncio.timeout(CHUNK_SECONDS):
            return await anext(chunks, None)
    except TimeoutError:
        raise AuditUnavailableError(f"nothing came for {CHUNK_SECONDS} s") from None


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
