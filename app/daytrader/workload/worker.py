"""One process's part of a run: it sends the commands of its share of the users."""

import asyncio
import contextlib
import resource
from array import array
from time import monotonic, process_time
from typing import Final

import msgspec

from daytrader.changing_files import LOOK_EVERY
from daytrader.workload.closed_loop import ClosedLoop
from daytrader.workload.file import Segment, Workload
from daytrader.workload.history import HistoryWriter
from daytrader.workload.lane import Job, Lane
from daytrader.workload.loop import Loop, Share
from daytrader.workload.open_loop import OpenLoop
from daytrader.workload.options import Options
from daytrader.workload.quiet import Spell
from daytrader.workload.request import Endpoint, RequestBuilder
from daytrader.workload.tally import Tally

_SWEEP: Final = 0.1
"""Seconds between looks for answers that take too long."""
_CONNECTING_AT_ONCE: Final = 64
_SPARE_FILES: Final = 64
"""File descriptors beside the connections."""


class Part(msgspec.Struct, frozen=True):
    """Which users a process has, and with how many connections it serves them."""

    number: int
    """Counts from 0."""
    of: int
    connections: int


class SegmentResult(msgspec.Struct, frozen=True):
    """When a process had its acknowledgements in a segment, in seconds of the monotonic clock."""

    spells: list[Spell]
    """When there were none."""
    last: float
    """The last acknowledgement."""
    end: float
    """When the last command had its outcome."""


class Progress(msgspec.Struct, frozen=True):
    """How far a process is."""

    done: int
    """Commands with an outcome."""
    refused: int
    failed: int
    retried: int


class Worker:
    """Runs segments one after the other. Everything runs in the event loop that `prepare` was called in."""

    def __init__(self, workload: Workload, url: str, options: Options, part: Part, run_id: str) -> None:
        """`run_id` begins every Idempotency-Key of the run. Raises ValueError (URL), OSError (token, history)."""
        endpoint = Endpoint.parse(url, options.ca)
        builder = RequestBuilder(endpoint, run_id if options.retry else None, options.bearer.token())
        history = None if options.history is None else HistoryWriter(options.history)
        self._job = Job(workload, endpoint, builder, options, history, self._broken)
        self._part = part
        self._lanes: list[Lane] = []
        self._loop: Loop
        if options.rate is None:
            self._loop = ClosedLoop(self._lanes, self._finished)
        else:
            self._loop = OpenLoop(self._lanes, self._finished, options.rate)
        self._segment: asyncio.Future[None] | None = None
        self._sweeping: asyncio.TimerHandle | None = None
        self._stopped = False
        self._next_look = monotonic() + LOOK_EVERY

    async def prepare(self) -> None:
        """Make the connections, those that can be made."""
        allow_connections(self._part.connections)
        self._lanes += [Lane(number, self._job, self._loop) for number in range(self._part.connections)]
        gate = asyncio.Semaphore(_CONNECTING_AT_ONCE)

        async def connect(lane: Lane) -> None:
            async with gate:
                await lane.connect()

        await asyncio.gather(*(connect(lane) for lane in self._lanes))
        self._sweep()

    async def run(self, segment: Segment, start: float) -> SegmentResult:
        """Run this process's share of a segment; it begins at `start`, seconds of the monotonic clock.

        Returns when every command given out has its outcome, or `abort` was called. Raises what went wrong in the
        generator itself.
        """
        share = self._share(segment, start)
        self._segment = asyncio.get_running_loop().create_future()
        await asyncio.sleep(start - monotonic())
        cpu = process_time()
        self._job.quiet.begin(start)
        if not self._stopped:
            self._loop.begin(share)
            await self._segment
        self._job.tally.sending_cpu_s += process_time() - cpu
        return SegmentResult(self._job.quiet.spells(), self._job.quiet.last, monotonic())

    def stop(self) -> None:
        """Send no more commands; those under way go on."""
        self._stopped = True
        self._loop.stop()

    def abort(self) -> None:
        """Wait no longer for those under way: their outcome stays unknown."""
        self.stop()
        for lane in self._lanes:
            lane.close()
        self._finished()

    def progress(self) -> Progress:
        tally = self._job.tally
        return Progress(tally.done, sum(tally.refused), sum(tally.failed), tally.retried)

    async def close(self) -> Tally:
        """End the connections and the history. Raises OSError when the history could not be written."""
        if self._sweeping is not None:
            self._sweeping.cancel()
        for lane in self._lanes:
            lane.close()
        if self._job.history is not None:
            self._job.history.close()
        return self._job.tally

    def _share(self, segment: Segment, start: float) -> Share:
        index, number, of = self._job.workload.index, self._part.number, self._part.of
        positions, users = array("I"), array("I")
        for position in range(segment.first, segment.end):
            if index.users[position] % of == number:
                positions.append(position)
                users.append(index.users[position] // of)
        return Share(positions, users, segment.first, start)

    def _sweep(self) -> None:
        now = monotonic()
        try:
            for lane in self._lanes:
                lane.check(now)
            if now >= self._next_look:
                self._next_look = now + LOOK_EVERY
                self._look_at_token()
        except Exception as error:  # the loop would only log it
            self._broken(error)
        self._sweeping = asyncio.get_running_loop().call_later(_SWEEP, self._sweep)

    def _look_at_token(self) -> None:
        """Show the token that its file holds by now; one that is just being written is left until the next look."""
        with contextlib.suppress(OSError):
            self._job.builder.show(self._job.options.bearer.token())

    def _finished(self) -> None:
        if self._segment is not None and not self._segment.done():
            self._segment.set_result(None)

    def _broken(self, error: Exception) -> None:
        if self._segment is not None and not self._segment.done():
            self._segment.set_exception(error)


def allow_connections(count: int) -> None:
    """Raise this process's limit of open files so that `count` connections fit. Raises OSError where they do not."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = count + _SPARE_FILES
    if soft != resource.RLIM_INFINITY and soft < needed:
        if hard != resource.RLIM_INFINITY and hard < needed:
            raise OSError(f"{count} connections need {needed} open files, {hard} are allowed: raise `ulimit -n`")
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
