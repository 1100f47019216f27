"""Running a workload file through the desk: each user's commands in order, the users side by side, DUMPLOG alone."""

import asyncio
import secrets
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

from daytrader.auth.role import Caller
from daytrader.domain.command import COMMAND_NAMES, CommandName, parse
from daytrader.transaction.message import Reply, Request
from daytrader.web.api.desk import Desk
from daytrader.web.api.problems import ProblemError
from daytrader.web.page.workloads.report import Report
from daytrader.workload.file import Segment, Workload
from daytrader.workload.request import FORMS

AT_ONCE: Final = 128
"""Commands of the file that are read ahead or under way: one a user, so that other clients have their turn."""

TRIES: Final = 6
"""How many times a command is sent where nobody takes it, always under the same id, so that it takes effect once."""

FIRST_PAUSE: Final = 0.1
"""Seconds before the second try; each further pause is twice as long."""

_AGAIN: Final = frozenset({429, 503})

Dump = Callable[[Request], Awaitable[Reply]]
"""Has a log made and kept; answers 200, or why there is none."""


class WorkloadRun:
    """One run of one file."""

    def __init__(
        self,
        workload: Workload,
        report: Report,
        desk: Desk,
        caller: Caller | None,
        dump: Dump,
        *,
        at_once: int = AT_ONCE,
        first_pause: float = FIRST_PAUSE,
    ) -> None:
        """`caller` is who may, or may not, give each command; None: everybody may."""
        self._first_pause = first_pause
        self._workload = workload
        self._report = report
        self._desk = desk
        self._caller = caller
        self._dump = dump
        self._name = secrets.token_urlsafe(9)
        self._places = asyncio.Semaphore(at_once)
        self._lanes: dict[int, deque[int]] = {}
        """Positions that wait behind one that is under way, by the user's number."""

    async def run(self) -> None:
        """Run everything."""
        for segment in self._workload.segments():
            await self._segment(segment)
            if segment.dump is not None:
                await self._one(segment.dump)

    async def _segment(self, segment: Segment) -> None:
        async with asyncio.TaskGroup() as group:
            for position in range(segment.first, segment.end):
                await self._places.acquire()
                user = self._workload.index.users[position]
                waiting = self._lanes.get(user)
                if waiting is not None:
                    waiting.append(position)
                else:
                    self._lanes[user] = deque([position])
                    group.create_task(self._lane(user))

    async def _lane(self, user: int) -> None:
        """Run what there is of one user, in order, and end when there is nothing."""
        lane = self._lanes[user]
        while lane:
            try:
                await self._one(lane.popleft())
            finally:
                self._places.release()
        del self._lanes[user]

    async def _one(self, position: int) -> None:
        index = self._workload.index
        form = FORMS[index.codes[position]]
        given = self._workload.arguments(position).decode(errors="replace").split(",")
        found = dict(zip(form.parameters, given, strict=True))
        name = COMMAND_NAMES[form.name]
        command = parse(
            name,
            found.get("userid", ""),
            found.get("stockSymbol", ""),
            found.get("amount", ""),
            found.get("filename", ""),
        )
        line = index.lines[position]
        try:
            request = self._desk.request(command, f"{self._name}:{line}".encode(), self._caller)
        except ProblemError as error:
            self._report.count(line, name, error.kind.status, error.detail)
            return
        reply = await self._sent(request, name)
        self._report.count(line, name, reply.status, reply.body.decode(errors="replace") if reply.status != 200 else "")

    async def _sent(self, request: Request, name: CommandName) -> Reply:
        pause = self._first_pause
        for left in reversed(range(TRIES)):
            reply = await (self._dump(request) if name == "DUMPLOG" else self._desk.decide(request, name))
            if reply.status not in _AGAIN or not left:
                break
            self._report.retried += 1
            await asyncio.sleep(pause)
            pause *= 2
        return reply
