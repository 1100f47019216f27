"""The endpoints of the API: one command each, or a log."""

from time import perf_counter
from typing import Final

import msgspec
from starlette.types import Receive, Scope, Send

from daytrader.domain.command import Command
from daytrader.web import metrics
from daytrader.web.api import problems
from daytrader.web.api.bodies import Body, symbol_and_cents
from daytrader.web.api.desk import Desk, command_of
from daytrader.web.api.operations import LogOperation, Operation
from daytrader.web.api.problems import ProblemError
from daytrader.web.api.respond import refuse, send_json, send_problem
from daytrader.web.dump import Dumps
from daytrader.web.parameters import UnreadableError, read_body

JSON: Final = "application/json"


def check_media_type(headers: dict[bytes, bytes], expected: str) -> None:
    """Raise ProblemError where a request's body is not said to be of the type `expected`."""
    given = headers.get(b"content-type", b"").decode("latin-1").partition(";")[0].strip().lower()
    if given != expected:
        raise ProblemError(problems.NOT_JSON, f"The body must be {expected}, and its Content-Type must say so")


class OperationEndpoint:
    """An ASGI app that does one operation."""

    def __init__(self, operation: Operation, desk: Desk) -> None:
        self._operation = operation
        self._desk = desk
        self._decode = None if operation.body is None else msgspec.json.Decoder(operation.body).decode

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        operation = self._operation
        headers: dict[bytes, bytes] = dict(scope["headers"])
        try:
            caller = await self._desk.caller(scope, operation.command)
            command = await self._command(scope, headers, receive)
            request = self._desk.request(command, headers.get(b"idempotency-key"), caller)
        except (ProblemError, UnreadableError) as error:
            await refuse(send, error)
            return
        parent = headers.get(b"traceparent", b"").decode("latin-1")
        reply = await self._desk.decide(request, operation.command, parent)
        if reply.status == 200:
            await send_json(send, operation.status, operation.answered(request, reply), request.id)
        else:
            await send_problem(send, problems.of_reply(reply, request.id))

    async def _command(self, scope: Scope, headers: dict[bytes, bytes], receive: Receive) -> Command:
        path = scope["path_params"]
        symbol, cents = "", None
        if self._decode is not None:
            check_media_type(headers, JSON)
            body = await read_body(headers, receive)
            try:
                document: Body = self._decode(body)
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                raise ProblemError(problems.MALFORMED, f"The body is not as it should be: {error}") from None
            symbol, cents = symbol_and_cents(document)
        return command_of(self._operation.command, path["user"], path.get("symbol", symbol), cents)


class LogEndpoint:
    """An ASGI app that streams a log."""

    def __init__(self, _: LogOperation, desk: Desk, dumps: Dumps) -> None:
        self._desk = desk
        self._dumps = dumps

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        headers: dict[bytes, bytes] = dict(scope["headers"])
        command = command_of("DUMPLOG", scope["path_params"].get("user", ""))
        try:
            caller = await self._desk.caller(scope, "DUMPLOG")
            request = self._desk.request(command, headers.get(b"idempotency-key"), caller)
        except (ProblemError, UnreadableError) as error:
            await refuse(send, error)
            return
        began = perf_counter()
        status = 500
        try:
            answer = await self._dumps.answer(request, receive, send)
            if isinstance(answer, int):
                status = answer
            else:
                status = answer.status
                await send_problem(send, problems.of_reply(answer, request.id))
        finally:
            metrics.COMMANDS.answered("DUMPLOG", status, perf_counter() - began)
