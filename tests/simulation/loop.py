"""An event loop whose time jumps to the next thing that happens, and processes on it that can be frozen and killed."""

import asyncio
import contextlib
import contextvars
import functools
import heapq
import itertools
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from typing import Any, Final, TypeVar, TypeVarTuple

T = TypeVar("T")
Arguments = TypeVarTuple("Arguments")

MOST_TURNS: Final = 200_000
"""Callbacks without any time going by after which the simulation is taken to spin."""

PROCESS: Final[contextvars.ContextVar["Process | None"]] = contextvars.ContextVar("process", default=None)


class Process:
    """What runs in `context`: a frozen process gets no turns until it is let go, a dead one never again."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.frozen = False
        self.dead = False
        self.slept = False
        """Whether it was ever frozen for longer than the journal keeps entries."""
        self.stopped: list[_Turn] = []
        """What would have run while it was frozen, in order."""
        self.context = contextvars.copy_context()
        self.context.run(PROCESS.set, self)

    def __repr__(self) -> str:
        return self.name


class _Turn:
    __slots__ = ("call", "context", "handle")

    def __init__(self, handle: asyncio.Handle, call: Callable[[], object], context: contextvars.Context) -> None:
        self.handle = handle
        self.call = call
        self.context = context


class SimulatedLoop(asyncio.BaseEventLoop):
    """Runs callbacks as asyncio does, first come first served; there is no I/O, and no time goes by but by jumping."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 1_000.0
        self._turns: deque[_Turn] = deque()
        self._timers: list[tuple[float, int, _Turn]] = []
        self._numbers = itertools.count()
        self._turns_without_time = 0
        self._tasks: list[asyncio.Task[Any]] = []
        self.defects: list[dict[str, Any]] = []
        """What asyncio would have logged: exceptions that nobody took."""

    def time(self) -> float:
        """Return the simulated seconds."""
        return self._now

    def call_soon(
        self,
        callback: Callable[[*Arguments], object],
        *args: *Arguments,
        context: contextvars.Context | None = None,
    ) -> asyncio.Handle:
        """Run `callback` in the next turn."""
        context = context or contextvars.copy_context()
        handle = asyncio.Handle(callback, args, self, context)
        self._turns.append(_Turn(handle, functools.partial(callback, *args), context))
        return handle

    call_soon_threadsafe = call_soon

    def call_at(
        self,
        when: float,
        callback: Callable[[*Arguments], object],
        *args: *Arguments,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        """Run `callback` when the simulated time has come."""
        context = context or contextvars.copy_context()
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        turn = _Turn(handle, functools.partial(callback, *args), context)
        heapq.heappush(self._timers, (when, next(self._numbers), turn))
        return handle

    def call_later(
        self,
        delay: float,
        callback: Callable[[*Arguments], object],
        *args: *Arguments,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        """Run `callback` after `delay` simulated seconds."""
        return self.call_at(self._now + delay, callback, *args, context=context)

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Take note of nothing: a cancelled timer is skipped when its time comes."""

    def create_task(
        self,
        coro: Generator[Any, None, T] | Coroutine[Any, Any, T],
        *,
        name: object = None,
        context: contextvars.Context | None = None,
    ) -> asyncio.Task[T]:
        """Start a task; without a context of its own it belongs to the process that started it."""
        task = super().create_task(coro, name=name, context=context)
        self._tasks.append(task)
        if len(self._tasks) > 1_000:
            self._tasks = [task for task in self._tasks if not task.done()]
        return task

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Keep what nobody took, for the end."""
        self.defects.append(context)

    def freeze(self, process: Process) -> None:
        """Give `process` no more turns."""
        process.frozen = True

    def thaw(self, process: Process) -> None:
        """Let `process` go on: everything that came meanwhile happens at once."""
        process.frozen = False
        self._turns.extend(process.stopped)
        process.stopped = []

    def _run_once(self) -> None:
        """Let everything run that is ready, time going on only where nothing is."""
        timers = self._timers
        if self._turns:
            self._turns_without_time += len(self._turns)
            if self._turns_without_time > MOST_TURNS:
                raise AssertionError(f"the simulation spins at {self._now:.3f} s")
        else:
            while timers and timers[0][2].handle.cancelled():
                heapq.heappop(timers)
            if not timers:
                raise AssertionError("nothing is left that could ever happen: something waits without a time limit")
            if timers[0][0] > self._now:
                self._now = timers[0][0]
                self._turns_without_time = 0
        while timers and timers[0][0] <= self._now:
            self._turns.append(heapq.heappop(timers)[2])
        for _ in range(len(self._turns)):
            self._take_turn(self._turns.popleft())

    def _take_turn(self, turn: _Turn) -> None:
        if turn.handle.cancelled():
            return
        process = turn.context.get(PROCESS)
        if process is not None and process.dead:
            return
        if process is not None and process.frozen:
            process.stopped.append(turn)
            return
        try:
            turn.context.run(turn.call)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            self.call_exception_handler({"message": f"exception in {turn.call!r}", "exception": error})

    def close(self) -> None:
        """Let go of everything that has not ended, without a word."""
        for task in self._tasks:
            coroutine = task.get_coro()
            if not task.done() and coroutine is not None:
                task._log_destroy_pending = False  # type: ignore[attr-defined]
                with contextlib.suppress(BaseException):
                    coroutine.close()
        self._tasks.clear()
        self._turns.clear()
        self._timers.clear()
        super().close()
