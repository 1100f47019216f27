"""Runs a workload: segments of commands side by side, DUMPLOGs alone between them and at the end."""

import asyncio
import ssl
from collections.abc import Callable, Coroutine, Iterable, Sequence
from time import monotonic
from typing import Any, Final, Protocol, TypeVar

import msgspec

from daytrader.workload.file import Segment, Workload
from daytrader.workload.lane import LONGEST_WAIT
from daytrader.workload.options import Options
from daytrader.workload.quiet import longest
from daytrader.workload.report import Ended
from daytrader.workload.request import Endpoint
from daytrader.workload.tally import Tally
from daytrader.workload.worker import Progress, SegmentResult

_LOOK: Final = 0.25
"""Seconds between looks at how far the run is."""
_GRACE: Final = 2.0
"""Seconds that a run which is broken off waits for the answers under way."""
_HEAD_START: Final = 0.05
"""Seconds from the order to the start of a segment, so that several processes start together."""
_CONNECT_WITHIN: Final = 5.0


class UnreachableError(OSError):
    """Nothing accepts connections at the URL."""


class AnyWorker(Protocol):
    """A share of the users, sent by this process or another one."""

    async def prepare(self) -> None: ...
    async def run(self, segment: Segment, start: float) -> SegmentResult: ...
    def stop(self) -> None: ...
    def abort(self) -> None: ...
    def progress(self) -> Progress: ...
    async def close(self) -> Tally: ...


class Snapshot(msgspec.Struct, frozen=True):
    """How far a run is."""

    phase: str
    """"connecting", "sending" or "DUMPLOG"."""
    seconds: float
    """Since the run began to send."""
    done: int
    total: int
    """Commands, DUMPLOGs included."""
    refused: int
    failed: int
    retried: int


T = TypeVar("T")
DumpOf = Callable[[int | None], Coroutine[Any, Any, None]]
"""Runs the DUMPLOG at a position of the file; None: one that is added at the end."""


class Runner:
    """Drives the workers through the segments, and breaks off what has to be broken off."""

    def __init__(
        self,
        *,
        workload: Workload,
        endpoint: Endpoint,
        options: Options,
        workers: Sequence[AnyWorker],
        dump: DumpOf,
        watch: Callable[[Snapshot], None] | None,
        interrupted: asyncio.Event | None,
    ) -> None:
        self._workload = workload
        self._endpoint = endpoint
        self._options = options
        self._workers = workers
        self._dump = dump
        self._watch = watch
        self._interrupted = interrupted or asyncio.Event()
        self._broken_off = asyncio.Event()
        self._abort_at = float("inf")
        self._phase = "connecting"
        self._dumps_done = 0
        self.ended: Ended = "complete"
        self.started = monotonic()
        self.sending_s = 0.0
        self.longest_gap_s = 0.0

    async def run(self) -> None:
        """Send everything. Raises UnreachableError, ProcessError and OSError (files)."""
        tasks = [asyncio.create_task(self._send_all()), asyncio.create_task(self._look_after())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, Exception):
                raise outcome

    async def _send_all(self) -> None:
        await self._unless_broken_off(self._reach())
        await self._unless_broken_off(_together(worker.prepare() for worker in self._workers))
        self.started = monotonic()
        segments = self._workload.segments()
        last = segments[-1].dump if segments else None
        for segment in segments:
            if self.ended == "complete":
                await self._send(segment)
            if self.ended == "complete" and segment.dump is not None:
                await self._run_dump(segment.dump)
        dump_is_missing = last is None or self.ended == "duration"
        if self._options.dump is not None and dump_is_missing:
            await self._run_dump(last)

    async def _send(self, segment: Segment) -> None:
        self._phase = "sending"
        start = monotonic() + (_HEAD_START if len(self._workers) > 1 else 0.0)
        results = await _together(worker.run(segment, start) for worker in self._workers)
        self.sending_s += max(result.end for result in results) - start
        gap = longest([(result.spells, result.last) for result in results])
        self.longest_gap_s = max(self.longest_gap_s, gap)

    async def _run_dump(self, position: int | None) -> None:
        self._phase = "DUMPLOG"
        await self._unless_broken_off(self._dump(position))
        self._dumps_done += position is not None

    async def _reach(self) -> None:
        """Make sure that somebody is there, or a wrong URL would fail command after command."""
        endpoint = self._endpoint
        until = monotonic() + (self._options.give_up_after_s if self._options.retry else 0.0)
        tls = endpoint.tls_context()
        while True:
            try:
                async with asyncio.timeout(_CONNECT_WITHIN):
                    _, writer = await asyncio.open_connection(endpoint.host, endpoint.port, ssl=tls)
            except ssl.SSLCertVerificationError as error:  # no waiting cures that
                raise UnreachableError(
                    f"the certificate of {endpoint.authority} is not accepted ({error.verify_message}): "
                    "give the CA that signed it, with --ca"
                ) from error
            except OSError as error:
                if monotonic() > until:
                    raise UnreachableError(
                        f"nothing answers at {endpoint.authority} ({error or 'no answer'}): is the system up there?"
                    ) from error
                await asyncio.sleep(LONGEST_WAIT)
            else:
                writer.close()
                return

    async def _unless_broken_off(self, work: Coroutine[Any, Any, Any]) -> None:
        """Do this, but no longer than until the run is broken off."""
        if self._broken_off.is_set():
            work.close()
            return
        tasks = [asyncio.ensure_future(work), asyncio.create_task(self._broken_off.wait())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            outcome, _ = await asyncio.gather(*tasks, return_exceptions=True)
        if isinstance(outcome, Exception):
            raise outcome

    async def _look_after(self) -> None:
        """Tell how far the run is, and end it when it has to end."""
        done, changed = -1, monotonic()
        while True:
            snapshot, now = self._snapshot(), monotonic()
            if self._watch is not None:
                self._watch(snapshot)
            acknowledged = snapshot.done - snapshot.failed
            if acknowledged != done or self._phase != "sending":
                done, changed = acknowledged, now
            self._end_if_due(now, now - changed)
            await asyncio.sleep(min(_LOOK, self._next_end(now)))

    def _snapshot(self) -> Snapshot:
        each = [worker.progress() for worker in self._workers]
        return Snapshot(
            phase=self._phase,
            seconds=monotonic() - self.started,
            done=sum(progress.done for progress in each) + self._dumps_done,
            total=len(self._workload),
            refused=sum(progress.refused for progress in each),
            failed=sum(progress.failed for progress in each),
            retried=sum(progress.retried for progress in each),
        )

    def _end_if_due(self, now: float, quiet: float) -> None:
        limits = self._options
        if self._interrupted.is_set():
            self._end("interrupted", now, _GRACE)
        elif self._phase == "connecting":
            return
        elif limits.limit_s is not None and now >= self.started + limits.limit_s:
            self._end("limit", now, _GRACE)
        elif quiet > limits.silence_limit_s:
            self._end("silence", now, 0.0)
        elif limits.duration_s is not None and now >= self.started + limits.duration_s and self._phase == "sending":
            self._end("duration", now, limits.give_up_after_s + _GRACE)
        if now >= self._abort_at:
            self._abort_at = float("inf")
            for worker in self._workers:
                worker.abort()

    def _next_end(self, now: float) -> float:
        """Seconds until the next time at which the run may have to end."""
        limits = self._options
        ends = [self._abort_at]
        if limits.limit_s is not None:
            ends.append(self.started + limits.limit_s)
        if limits.duration_s is not None:
            ends.append(self.started + limits.duration_s)
        return min((end - now for end in ends if end > now), default=float("inf"))

    def _end(self, why: Ended, now: float, grace: float) -> None:
        """Send no more; what is under way has `grace` seconds."""
        if self.ended == why or self.ended not in {"complete", "duration"}:
            return
        self.ended = why
        self._abort_at = min(self._abort_at, now + grace)
        for worker in self._workers:
            worker.stop()
        if why != "duration":
            self._broken_off.set()


async def _together(work: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """The results of all, or the first error; then the others are ended."""
    tasks = [asyncio.create_task(one) for one in work]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
