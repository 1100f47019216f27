"""`/command/{COMMAND}`: the interface that the original's clients speak, and the hot path of the web service."""

from time import perf_counter
from typing import Final

import msgspec
import structlog
from starlette.types import Message, Receive, Scope, Send

from daytrader.auth.guard import NOT_YOURS, Denied, Guard, authorization_of
from daytrader.auth.role import may
from daytrader.clock import Clock
from daytrader.domain import refusal
from daytrader.domain.command import COMMAND_NAMES, CommandName, parse
from daytrader.journal.entry import partition_of
from daytrader.tracing import Tracing
from daytrader.transaction.message import Reply, Request
from daytrader.web import metrics, parameters
from daytrader.web.dispatch import FULL, RequestIds, Transactions
from daytrader.web.dump import Dumps
from daytrader.web.idempotency import request_id

PREFIX: Final = "/command/"

CALLER: Final = "daytrader.caller"
"""Where in the ASGI scope of a request its `Caller` stands, once the guard has found who it is."""

MOST_UNDER_WAY: Final = 12_000
"""Commands between arrival and answer; above that 429."""

_TEXT: Final = (b"content-type", b"text/plain; charset=utf-8")
_JSON: Final = (b"content-type", b"application/json")
_RETRY: Final = (b"retry-after", b"1")
_ACCEPTED: Final[Message] = {
    "type": "http.response.start",
    "status": 200,
    "headers": [_TEXT, (b"content-length", b"0")],
}
_EMPTY: Final[Message] = {"type": "http.response.body", "body": b""}

_log = structlog.get_logger(__name__)


class CommandEndpoint:
    """An ASGI app that answers every request below `PREFIX`.

    It stands below no router and no middleware: those would cost as much as the rest of it.
    """

    def __init__(
        self,
        transactions: Transactions,
        dumps: Dumps,
        ids: RequestIds,
        *,
        partitions: int,
        clock: Clock,
        debug: bool = False,
        tracing: Tracing | None = None,
        guard: Guard | None = None,
    ) -> None:
        """`debug` writes one line a command to the log; `tracing` makes a span of each.

        `guard` tells who sends a command; None: everybody may send each. What is not wanted costs a command nothing:
        its way is laid here.
        """
        self.under_way = 0
        self._transactions = transactions
        self._dumps = dumps
        self._partitions = partitions
        self._clock = clock
        self._debug = debug
        self._tracing = tracing
        self._ids = ids
        self._guard = guard
        self._begin = self._answer if guard is None else self._guarded
        self._admitted = self._decide if tracing is None else self._traced
        self._go_on = self._admitted if guard is None else self._permitted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one command."""
        began = perf_counter()
        name = COMMAND_NAMES.get(scope["path"][len(PREFIX) :])
        self.under_way += 1
        status = 500
        try:
            status = await self._begin(name, scope, receive, send)
        finally:
            self.under_way -= 1
            metrics.COMMANDS.answered(name or metrics.UNKNOWN_COMMAND, status, perf_counter() - began)

    async def _answer(self, name: CommandName | None, scope: Scope, receive: Receive, send: Send) -> int:
        """Answer, and return the status."""
        if name is None:
            return await _respond(send, Reply(400, refusal.INVALID_COMMAND.encode()))
        if self.under_way > MOST_UNDER_WAY:
            return await _respond(send, FULL)
        headers: dict[bytes, bytes] = dict(scope["headers"])
        try:
            found = parameters.of_query(scope["query_string"])
            if parameters.has_body(headers):
                found = await parameters.of_body(headers, receive) | found
            identifier = request_id(headers.get(b"idempotency-key"), self._ids)
        except parameters.UnreadableError as error:
            return await _respond(send, Reply(error.status, error.text.encode()))
        command = parse(
            name,
            found.get("userid", ""),
            found.get("stockSymbol", ""),
            found.get("amount", ""),
            found.get("filename", ""),
        )
        request = Request(identifier, partition_of(command.user, self._partitions), command, self._clock())
        return await self._go_on(name, request, scope, receive, send)

    async def _guarded(self, name: CommandName | None, scope: Scope, receive: Receive, send: Send) -> int:
        """Answer those who show a token that is good; nothing of what others send is looked at."""
        assert self._guard is not None  # noqa: S101  for the type checker
        caller = await self._guard.caller(authorization_of(scope))
        if isinstance(caller, Denied):
            return await _deny(send, caller)
        scope[CALLER] = caller
        return await self._answer(name, scope, receive, send)

    async def _permitted(self, name: CommandName, request: Request, scope: Scope, receive: Receive, send: Send) -> int:
        """Go on with what the caller may have decided."""
        if request.command is None or not may(scope[CALLER], request.command):
            return await _deny(send, NOT_YOURS)
        return await self._admitted(name, request, scope, receive, send)

    async def _decide(self, name: CommandName, request: Request, _: Scope, receive: Receive, send: Send) -> int:
        if name == "DUMPLOG":
            answer = await self._dumps.answer(request, receive, send)
            if isinstance(answer, int):
                return answer
            reply = answer
        else:
            reply = await self._transactions.submit(request)
        if self._debug:
            _log.debug("command", request=request.id, command=request.command, status=reply.status)
        return await _respond(send, reply, request.id, name == "DISPLAY_SUMMARY")

    async def _traced(self, name: CommandName, request: Request, scope: Scope, receive: Receive, send: Send) -> int:
        assert self._tracing is not None  # noqa: S101  for the type checker
        tracing, headers = self._tracing, dict(scope["headers"])
        parent = headers.get(b"traceparent", b"").decode("latin-1")
        span = tracing.start(f"command {name}", parent, {"daytrader.request": request.id})
        try:
            traced = msgspec.structs.replace(request, trace=tracing.traceparent(span))
            status = await self._decide(name, traced, scope, receive, send)
            span.set_attribute("http.response.status_code", status)
            return status
        finally:
            span.end()


async def _respond(send: Send, reply: Reply, identifier: str = "", is_json: bool = False) -> int:
    status, body = reply.status, reply.body
    if status == 200 and not body:
        await send(_ACCEPTED)
        await send(_EMPTY)
        return 200
    headers = [_JSON if is_json and status == 200 else _TEXT, (b"content-length", b"%d" % len(body))]
    if status not in (200, 400):
        if status in (429, 503):
            headers.append(_RETRY)
        if identifier:
            headers.append((b"x-request-id", identifier.encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
    return status


async def _deny(send: Send, denied: Denied) -> int:
    text = denied.text.encode()
    headers = [_TEXT, (b"content-length", b"%d" % len(text))]
    if denied.challenge:
        headers.append((b"www-authenticate", denied.challenge.encode()))
    if denied.status in (429, 503):
        headers.append(_RETRY)
    await send({"type": "http.response.start", "status": denied.status, "headers": headers})
    await send({"type": "http.response.body", "body": text})
    return denied.status
