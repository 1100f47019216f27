"""The desk: where every command of the API, by itself or in a batch, becomes a request and is decided."""

from time import perf_counter

import msgspec
import structlog

from daytrader.clock import Clock
from daytrader.domain.command import Command, CommandName, parse
from daytrader.domain.money import dollars
from daytrader.journal.entry import partition_of
from daytrader.tracing import Tracing
from daytrader.transaction.message import Reply, Request
from daytrader.web import metrics
from daytrader.web.command import MOST_UNDER_WAY
from daytrader.web.dispatch import FULL, RequestIds, Transactions
from daytrader.web.idempotency import request_id

_log = structlog.get_logger(__name__)


def command_of(name: CommandName, user: str, symbol: str = "", cents: int | None = None) -> Command:
    """Return the command with checked fields, as if `cents` had come as dollars; what fails its check stands in it."""
    if cents is None:
        return parse(name, user, symbol)
    return parse(name, user, symbol, dollars(cents) if cents >= 0 else f"-{dollars(-cents)}")


class Desk:
    """Every command of the API passes through `request`, which is the place to ask whether its caller may give it."""

    def __init__(
        self,
        transactions: Transactions,
        ids: RequestIds,
        *,
        partitions: int,
        clock: Clock,
        debug: bool = False,
        tracing: Tracing | None = None,
    ) -> None:
        """`debug` writes one line a command to the log; `tracing` makes a span of each."""
        self.under_way = 0
        self._transactions = transactions
        self._ids = ids
        self._partitions = partitions
        self._clock = clock
        self._debug = debug
        self._tracing = tracing

    def request(self, command: Command, key: bytes | None) -> Request:
        """Return the request for `command` under the client's Idempotency-Key, None: under an id of our own.

        Raises UnreadableError for a key that is none.
        """
        identifier = request_id(key, self._ids)
        return Request(identifier, partition_of(command.user, self._partitions), command, self._clock())

    async def decide(self, request: Request, name: CommandName, parent: str = "") -> Reply:
        """Return the answer to a request for the command `name`, once it is durable.

        `parent` is the traceparent of whoever asks.
        """
        if self.under_way >= MOST_UNDER_WAY:
            metrics.COMMANDS.answered(name, FULL.status, 0.0)
            return FULL
        began = perf_counter()
        self.under_way += 1
        status = 500
        try:
            if self._tracing is None:
                reply = await self._transactions.submit(request)
            else:
                reply = await self._traced(self._tracing, request, name, parent)
            status = reply.status
        finally:
            self.under_way -= 1
            metrics.COMMANDS.answered(name, status, perf_counter() - began)
        if self._debug:
            _log.debug("command", request=request.id, command=request.command, status=status)
        return reply

    async def _traced(self, tracing: Tracing, request: Request, name: CommandName, parent: str) -> Reply:
        span = tracing.start(f"command {name}", parent, {"daytrader.request": request.id})
        try:
            traced = msgspec.structs.replace(request, trace=tracing.traceparent(span))
            reply = await self._transactions.submit(traced)
            span.set_attribute("http.response.status_code", reply.status)
            return reply
        finally:
            span.end()
