"""The desk: where every command of the API, by itself or in a batch, becomes a request and is decided."""

from time import perf_counter

import msgspec
import structlog
from starlette.types import Scope

from daytrader.auth.guard import NOT_YOURS, Denied, Guard, authorization_of
from daytrader.auth.role import Caller, may
from daytrader.clock import Clock
from daytrader.domain.command import Command, CommandName, parse
from daytrader.domain.money import dollars
from daytrader.journal.entry import partition_of
from daytrader.tracing import Tracing
from daytrader.transaction.message import Reply, Request
from daytrader.web import metrics
from daytrader.web.api import problems
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
    """Every command of the API passes through `request`, where its caller must be one who may give it."""

    def __init__(
        self,
        transactions: Transactions,
        ids: RequestIds,
        *,
        partitions: int,
        clock: Clock,
        debug: bool = False,
        tracing: Tracing | None = None,
        guard: Guard | None = None,
    ) -> None:
        """`debug` writes one line a command to the log; `tracing` makes a span of each.

        `guard` tells who asks; None: everybody may do everything.
        """
        self.under_way = 0
        self._transactions = transactions
        self._ids = ids
        self._partitions = partitions
        self._clock = clock
        self._debug = debug
        self._tracing = tracing
        self._guard = guard

    async def caller(self, scope: Scope, name: str) -> Caller | None:
        """Return who asks for the command `name`; None: it does not matter.

        Raises ProblemError where it matters and nobody knows; nothing else of the request need be looked at then.
        """
        if self._guard is None:
            return None
        found = await self._guard.caller(authorization_of(scope))
        if isinstance(found, Denied):
            metrics.COMMANDS.answered(name, found.status, 0.0)
            raise problems.denied(found)
        return found

    def request(self, command: Command, key: bytes | None, caller: Caller | None) -> Request:
        """Return the request for `command` under the client's Idempotency-Key, None: under an id of our own.

        Raises ProblemError where `caller` may not give the command, UnreadableError for a key that is none.
        """
        if caller is not None and not may(caller, command):
            metrics.COMMANDS.answered(command.name, NOT_YOURS.status, 0.0)
            raise problems.denied(NOT_YOURS)
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
