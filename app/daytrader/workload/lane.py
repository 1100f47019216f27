"""A lane: one connection's place in the run, with the command under way on it, its sendings again and its outcome."""

import asyncio
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import Final

from daytrader.domain import refusal
from daytrader.workload.connection import Connection
from daytrader.workload.file import Workload
from daytrader.workload.history import HistoryWriter, Sent
from daytrader.workload.loop import Loop
from daytrader.workload.options import Options
from daytrader.workload.quiet import QuietSpells
from daytrader.workload.request import FORMS, Endpoint, RequestBuilder
from daytrader.workload.tally import Tally

TRY_AGAIN: Final = frozenset({429, 502, 503, 504})
"""Statuses that say "not now" (502 and 504 come from a proxy whose backend died)."""
FIRST_WAIT: Final = 0.05
LONGEST_WAIT: Final = 1.0
"""Seconds before the next sending: doubled from the first to the longest, unless Retry-After says something else."""


@dataclass(slots=True)
class Job:
    """What all lanes of a process share."""

    workload: Workload
    endpoint: Endpoint
    builder: RequestBuilder
    options: Options
    history: HistoryWriter | None
    broken: Callable[[Exception], None]
    """Called with an error of the generator's own; the run ends with it."""
    tally: Tally = field(default_factory=Tally)
    quiet: QuietSpells = field(default_factory=QuietSpells)
    tls: ssl.SSLContext | None = field(init=False)
    epoch: float = field(init=False)
    """What has to be added to the monotonic clock to get seconds since the epoch."""

    def __post_init__(self) -> None:
        self.tls = self.endpoint.tls_context()
        self.epoch = time.time() - monotonic()


class Lane:
    """Sends one command at a time, and sees to it that each gets exactly one outcome."""

    def __init__(self, number: int, job: Job, loop: Loop) -> None:
        self.number = number
        self.position = -1
        """The command under way; -1: none."""
        self._job = job
        self._loop = loop
        self._tally = job.tally
        self._history = job.history
        self._connection: Connection | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._pause: asyncio.TimerHandle | None = None
        limits = job.options
        self._limit = limits.answer_within_s if limits.retry else limits.give_up_after_s
        self._code = 0
        self._request = b""
        self._since = 0.0  # the latency counts from here
        self._first = 0.0  # the first sending
        self._sent = 0.0  # the last sending; 0.0 while no answer is waited for
        self._sends = 0
        self._troubles = 0
        self._sendings: list[float] = []  # all of them, where a history is kept

    def run(self, position: int, since: float, now: float) -> None:
        """Send the command at `position`; its latency counts from `since` (seconds of the monotonic clock)."""
        job = self._job
        index = job.workload.index
        self.position = position
        self._code = code = index.codes[position]
        self._request = job.builder.build(code, job.workload.arguments(position), index.lines[position])
        self._since = since
        self._first = now
        self._sends = self._troubles = 0
        if self._history is not None:
            self._sendings = []
        if self._connection is not None and self._connection.usable:
            self._send(self._connection, now)
        else:
            self._connect()

    def answered(self, status: int, body: bytes) -> None:
        """The connection has an answer."""
        now = monotonic()
        self._sent = 0.0
        code = self._code
        if status == 200:
            self._tally.accepted[code] += 1
        elif status == 400:
            self._tally.refuse(code, body)
        else:
            self._not_acknowledged(status, body, now)
            return
        self._tally.latencies[code].append(now - self._since)
        self._job.quiet.acknowledge(now)
        if self._history is not None:
            shown = body if status == 400 or FORMS[code].name == "QUOTE" else None
            self._record(self._history, now, status, shown)
        self.position = -1
        self._loop.settled(self, now)

    def lost(self, reason: str) -> None:
        """The connection is gone."""
        self._connection = None
        if self.position >= 0:
            self._trouble(reason)

    def broken(self, error: Exception) -> None:
        """The generator itself has failed."""
        self._job.broken(error)

    def check(self, now: float) -> None:
        """Notice that an answer takes too long; called a few times a second."""
        if self._sent and now - self._sent > self._limit:
            self._drop()
            self._trouble(f"no answer within {self._limit:g} s", wait=0.0)

    async def connect(self) -> None:
        """Connect ahead of the first command, where that is possible."""
        await self._open()

    def close(self) -> None:
        """Stop whatever is under way; a command that is has no known outcome."""
        self._drop()
        if self._connecting is not None:
            self._connecting.cancel()
        if self._pause is not None:
            self._pause.cancel()
        if self.position >= 0:
            self._tally.unanswered += 1
            if self._history is not None:
                self._record(self._history, None, 0, b"broken off while it was under way")
            self.position = -1

    def _send(self, connection: Connection, now: float) -> None:
        self._sent = now
        self._sends += 1
        if self._sends > 1:
            self._tally.retried += self._sends == 2
            self._tally.resent += 1
        if self._history is not None:
            self._sendings.append(now)
        connection.send(self._request)

    def _connect(self) -> None:
        self._connecting = asyncio.get_running_loop().create_task(self._open())
        self._connecting.add_done_callback(self._connected)

    def _connected(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and isinstance(error := task.exception(), Exception):
            self.broken(error)

    async def _open(self) -> None:
        endpoint, connection = self._job.endpoint, Connection(self)
        try:
            async with asyncio.timeout(self._limit):
                await asyncio.get_running_loop().create_connection(
                    lambda: connection, endpoint.host, endpoint.port, ssl=self._job.tls
                )
        except TimeoutError:
            connection.abandon()
            if self.position >= 0:  # a replica that is gone answers nothing; the next connection may lead to another
                self._trouble(f"cannot connect (no answer within {self._limit:g} s)", wait=0.0)
            return
        except OSError as error:
            connection.abandon()
            if self.position >= 0:
                self._trouble(f"cannot connect ({error})")
            return
        if not connection.usable:
            return  # lost already, and `lost` has seen to it
        self._connection = connection
        if self.position >= 0:
            self._send(connection, monotonic())

    def _drop(self) -> None:
        self._sent = 0.0
        if self._connection is not None:
            self._connection.abandon()
            self._connection = None

    def _not_acknowledged(self, status: int, body: bytes, now: float) -> None:
        text = body[:100].decode(errors="replace")
        if text == refusal.NO_QUOTE:
            self._job.quiet.acknowledge(now)  # decided and logged: the system is there, the quote server is not
        reason = f"answered {status} {text}".rstrip()
        if status in TRY_AGAIN and self._job.options.retry:
            wait = self._connection.retry_after if self._connection is not None else None
            self._drop()  # another connection may lead to another replica
            self._trouble(reason, wait, status, body)
        else:
            self._fail(reason, now, status, body)

    def _trouble(self, reason: str, wait: float | None = None, status: int = 0, body: bytes = b"") -> None:
        """Send again after `wait` seconds (None: after a back-off), or give up."""
        self._sent = 0.0
        limits, now = self._job.options, monotonic()
        if wait is None:
            wait = min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(self._troubles, 10))
        self._troubles += 1
        if not limits.retry:
            self._fail(reason, now, status, body)
        elif now + wait >= self._first + limits.give_up_after_s:
            self._fail(f"{reason}; given up after {limits.give_up_after_s:g} s", now, status, body)
        elif wait:
            self._pause = asyncio.get_running_loop().call_later(wait, self._connect)
        else:
            self._connect()

    def _fail(self, reason: str, now: float, status: int, body: bytes) -> None:
        line = self._job.workload.index.lines[self.position]
        defect = status >= 500 and status not in TRY_AGAIN
        self._tally.fail(self._code, line, reason, server_error=defect)
        if self._history is not None:
            self._record(self._history, now if status else None, status, body if status else reason.encode())
        self.position = -1
        self._loop.settled(self, now)

    def _record(self, history: HistoryWriter, answered: float | None, status: int, body: bytes | None) -> None:
        job, form = self._job, FORMS[self._code]
        args = job.workload.arguments(self.position).decode(errors="replace").split(",")
        line = job.workload.index.lines[self.position]
        epoch = job.epoch
        history.add(
            Sent(
                job.builder.key(line),
                args[0] if form.has_user else None,
                line,
                form.name,
                args,
                [int((sent + epoch) * 1000) for sent in self._sendings],
                None if answered is None else int((answered + epoch) * 1000),
                status,
                None if body is None else body.decode(errors="replace"),
            )
        )
