"""`/batch`: many commands in one request, a line of JSON each; the answers come as lines in the same order."""

import asyncio
from collections import deque
from collections.abc import Coroutine
from typing import Final

import msgspec
import structlog
from starlette.types import Receive, Scope, Send

from daytrader.auth.role import Caller
from daytrader.transaction.message import Request
from daytrader.web import metrics
from daytrader.web.api import problems
from daytrader.web.api.batch_line import NDJSON, BatchAnswer, BatchLine
from daytrader.web.api.desk import Desk, command_of
from daytrader.web.api.endpoints import check_media_type
from daytrader.web.api.lines import LARGEST_BATCH, LONGEST_LINE, BatchTooLargeError, Line, Lines
from daytrader.web.api.operations import OF_COMMAND, Operation
from daytrader.web.api.problems import Kind, ProblemError
from daytrader.web.api.respond import encode, refuse
from daytrader.web.dump import CLIENT_SECONDS
from daytrader.web.parameters import UnreadableError

PATH: Final = "/batch"

MOST_BATCHES: Final = 8
"""Batches under way at a time; above that 429. Each keeps at most its body and `MOST_UNSENT` in memory."""

MOST_AT_ONCE: Final = 1_000
"""Lines of a batch that are begun and whose answers are not sent yet."""

MOST_UNSENT: Final = 1024 * 1024
"""Bytes of answers that wait for the client to take them; above that only the line whose turn it is is decided."""

BATCH_SECONDS: Final = 60.0
"""How long the body of a batch may take to arrive."""

_decode = msgspec.json.Decoder(BatchLine).decode
_log = structlog.get_logger(__name__)


class _Slot:
    """A line that is begun, in its place among the answers."""

    __slots__ = ("answer", "line", "operation", "request")

    def __init__(self, line: int) -> None:
        self.line = line
        self.answer: bytes | None = None
        """The line to send, None while the command is under way."""
        self.request: Request | None = None
        self.operation: Operation | None = None


class BatchEndpoint:
    """An ASGI app that takes batches."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one batch."""
        headers: dict[bytes, bytes] = dict(scope["headers"])
        try:
            await self._desk.caller(scope, metrics.UNKNOWN_COMMAND)
            check_media_type(headers, NDJSON)
            declared = headers.get(b"content-length", b"")
            if declared.isdigit() and int(declared[:20]) > LARGEST_BATCH:
                raise ProblemError(problems.TOO_LARGE, f"A batch has at most {LARGEST_BATCH} bytes: send several")
            if self._under_way >= MOST_BATCHES:
                raise ProblemError(problems.BUSY, "Too many batches are under way")
        except ProblemError as error:
            await refuse(send, error)
            return
        self._under_way += 1
        try:
            await _Batch(self._desk, scope, send, headers.get(b"traceparent", b"").decode("latin-1")).run(receive)
        finally:
            self._under_way -= 1


class _Batch:
    """One batch: commands of different users side by side, those of one user each after the answer to the one before.

    The body is read to its end whatever becomes of the answers: a client may send all of it before it takes any.
    """

    def __init__(self, desk: Desk, scope: Scope, send: Send, parent: str) -> None:
        self._desk = desk
        self._scope = scope
        self._caller: Caller | None = None
        self._denied: ProblemError | None = None
        """What is said to one who may not go on: a token can be revoked, or expire, while its batch is under way."""
        self._send_message = send
        self._parent = parent
        self._lines: deque[Line] = deque()
        """Read, and not begun."""
        self._slots: deque[_Slot] = deque()
        """Begun, and not sent, in the order of the lines."""
        self._lanes: dict[str, deque[_Slot]] = {}
        """By user, what is under way or waits for it."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._ended: deque[asyncio.Task[None]] = deque()
        """Tasks that met a defect."""
        self._unsent = 0
        self._last: BatchAnswer | None = None
        """What is to be said at the end, where the body was not taken whole."""
        self._complete = False
        """Whether no further line comes."""
        self._gone = False
        """Whether the client has gone away."""
        self._started = False
        self._changed = asyncio.Event()
        self._taken = asyncio.Event()
        """Set when the client has taken answers, and it is another line's turn."""

    async def run(self, receive: Receive) -> None:
        """Take and answer the whole batch; returns without its end where the client does not take the answers."""
        self._start(self._read(receive), "batch's body")
        try:
            while not self._gone:
                await self._ask()
                self._begin()
                if answers := self._answered():
                    await self._send(answers, more=True)
                elif self._complete and not self._slots and not self._lines:
                    await self._send(b"" if self._last is None else _encode_line(self._last), more=False)
                    return
                else:
                    self._changed.clear()
                    await self._changed.wait()
                self._look()
        except TimeoutError:
            _log.warning("a batch broke off", reason=f"the client took nothing for {CLIENT_SECONDS} s")
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _ask(self) -> None:
        if self._denied is None:
            try:
                self._caller = await self._desk.caller(self._scope, metrics.UNKNOWN_COMMAND)
            except ProblemError as error:
                self._denied = error

    def _look(self) -> None:
        """Raise what ended a task before its time."""
        while self._ended:
            self._ended.popleft().result()

    def _start(self, work: Coroutine[None, None, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._ended.append(task)
            self._changed.set()

    # The body.

    async def _read(self, receive: Receive) -> None:
        lines = Lines()
        try:
            async with asyncio.timeout(BATCH_SECONDS):
                more = True
                while more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        self._gone = True
                        self._changed.set()
                        return
                    more = message.get("more_body", False)
                    self._lines.extend(lines.of(message.get("body", b"")))
                    self._changed.set()
            self._lines.extend(lines.end())
        except BatchTooLargeError as error:
            self._last = _failed(error.line, problems.TOO_LARGE, str(error))
        except TimeoutError:
            self._last = _failed(lines.next, problems.TOO_SLOW, f"The body did not arrive within {BATCH_SECONDS:.0f} s")
        self._complete = True
        self._changed.set()
        while (await receive())["type"] != "http.disconnect":
            pass
        self._gone = True
        self._changed.set()

    # The commands.

    def _begin(self) -> None:
        while self._lines and len(self._slots) < MOST_AT_ONCE and self._unsent < MOST_UNSENT:
            number, text = self._lines.popleft()
            slot = _Slot(number)
            self._slots.append(slot)
            try:
                user = self._understand(slot, text)
            except ProblemError as error:
                self._settle(slot, _failed(number, error.kind, error.detail))
                continue
            lane = self._lanes.get(user)
            if lane is None:
                self._lanes[user] = lane = deque((slot,))
                self._start(self._serve(user, lane), "batch's lane")
            else:
                lane.append(slot)

    def _understand(self, slot: _Slot, text: bytes | None) -> str:
        """Make the request of a line and return its user. Raises ProblemError."""
        if self._denied is not None:
            raise self._denied
        if text is None:
            raise ProblemError(problems.TOO_LARGE, f"The line is longer than {LONGEST_LINE} bytes")
        try:
            line = _decode(text)
            key = None if line.idempotency_key is None else line.idempotency_key.encode("utf-8", "surrogatepass")
            command = command_of(line.command, line.user, line.symbol or "", line.amount_cents)
            slot.request = self._desk.request(command, key, self._caller)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise ProblemError(problems.MALFORMED, f"The line is not as it should be: {error}") from None
        except UnreadableError as error:
            raise ProblemError(problems.MALFORMED, error.text) from None
        slot.operation = OF_COMMAND[line.command]
        return line.user

    async def _serve(self, user: str, lane: deque[_Slot]) -> None:
        """Decide the commands of one user, each when the one before is answered."""
        while lane:
            slot = lane[0]
            request, operation = slot.request, slot.operation
            if request is None or operation is None:
                raise AssertionError("a line stands in a lane that is no command")
            while self._unsent >= MOST_UNSENT and slot is not self._slots[0]:
                self._taken.clear()
                await self._taken.wait()
            reply = await self._desk.decide(request, operation.command, self._parent)
            if reply.status == 200:
                told = operation.answered(request, reply)
                self._settle(slot, BatchAnswer(slot.line, operation.status, request.id, told))
            else:
                problem = problems.of_reply(reply, request.id)
                self._settle(slot, BatchAnswer(slot.line, problem.status, request.id, problem=problem))
            lane.popleft()
        del self._lanes[user]

    # The answers.

    def _settle(self, slot: _Slot, answer: BatchAnswer) -> None:
        slot.answer = _encode_line(answer)
        self._unsent += len(slot.answer)
        self._changed.set()

    def _answered(self) -> bytes:
        """Return the answers that are there up to the first line that has none."""
        ready: list[bytes] = []
        slots = self._slots
        while slots and (answer := slots[0].answer) is not None:
            ready.append(answer)
            slots.popleft()
        answers = b"".join(ready)
        if ready:
            self._unsent -= len(answers)
            self._taken.set()
        return answers

    async def _send(self, body: bytes, *, more: bool) -> None:
        async with asyncio.timeout(CLIENT_SECONDS):
            if not self._started:
                self._started = True
                headers = [(b"content-type", NDJSON.encode()), (b"cache-control", b"no-store")]
                await self._send_message({"type": "http.response.start", "status": 200, "headers": headers})
            await self._send_message({"type": "http.response.body", "body": body, "more_body": more})


def _encode_line(answer: BatchAnswer) -> bytes:
    return encode(answer) + b"\n"


def _failed(line: int, kind: Kind, detail: str) -> BatchAnswer:
    return BatchAnswer(line, kind.status, problem=problems.problem(kind, detail))
