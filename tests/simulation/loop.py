"""An event loop whose time jumps to the next thing that happens, and processes on it that can be frozen and killed."""

import asyncio
import contextvars
import heapq
import itertools
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from typing import Any, Final, TypeVar

T = TypeVar("T")

MOST_TURNS: Final = 200_000
"""Callbacks without any time going by after which the simulation is taken to spin."""

PROCESS: Final[contextvars.ContextVar["Process | None"]] = contextvars.ContextVar("process", default=None)


class Process:
    """What runs in `context`: a frozen process gets no turns until it is let go, a dead one never again."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.frozen = False
        self.dead = False
        self.stopped: list[_Turn] = []
        """What would have run while it was frozen, in order."""
        self.context = contextvars.copy_context()
        self.context.run(PROCESS.set, self)

    def __repr__(self) -> str:
        return self.name


class _Turn:
    __slots__ = ("args", "callback", "context", "handle")

    def __init__(
        self, handle: asyncio.Handle, callback: Callable[..., object], args: tuple[Any, ...], context: contextvars.Context
    ) -> None:
        self.handle = handle
        self.callback = callback
        self.args = args
        self.context = context


class SimulatedLoop(asyncio.AbstractEventLoop):
    """Runs callbacks as asyncio does, first come first served; there is no I/O, and no time goes by but by jumping."""

    def __init__(self) -> None:
        self._now = 1_000.0
        self._ready: deque[_Turn] = deque()
        self._timers: list[tuple[float, int, _Turn]] = []
        self._numbers = itertools.count()
        self._tasks: list[asyncio.Task[Any]] = []
        self.defects: list[dict[str, Any]] = []
        """What would have been logged by asyncio: exceptions that nobody took."""

    def time(self) -> float:
        """Return the simulated seconds."""
        return self._now

    def call_soon(
        self, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.Handle:
        """Run `callback` in the next turn."""
        context = context or contextvars.copy_context()
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(_Turn(handle, callback, args, context))
        return handle

    def call_at(
        self, when: float, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.TimerHandle:
        """Run `callback` when the simulated time has come."""
        context = context or contextvars.copy_context()
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        heapq.heappush(self._timers, (when, next(self._numbers), _Turn(handle, callback, args, context)))
        return handle

    def call_later(
        self, delay: float, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.TimerHandle:
        """Run `callback` after `delay` simulated seconds."""
        return self.call_at(self._now + delay, callback, *args, context=context)

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Take note of nothing: a cancelled timer is skipped when its time comes."""

    def create_future(self) -> asyncio.Future[Any]:
        """Return a future of this loop."""
        return asyncio.Future(loop=self)

    def create_task(  # type: ignore[override]
        self, coro: Coroutine[Any, Any, T], *, name: str | None = None, context: contextvars.Context | None = None
    ) -> asyncio.Task[T]:
        """Start a task; a task without a context belongs to the process that started it."""
        task = asyncio.Task(coro, loop=self, name=name, context=context)
        self._tasks.append(task)
        if len(self._tasks) > 1_000:
            self._tasks = [task for task in self._tasks if not task.done()]
        return task

    def get_debug(self) -> bool:
        """Say no."""
        return False

    def is_running(self) -> bool:
        """Say yes: it is asked from inside only."""
        return True

    def is_closed(self) -> bool:
        """Say no."""
        return False

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Keep what went wrong unnoticed, for the end."""
        self.defects.append(context)

    def freeze(self, process: Process) -> None:
        """Give `process` no more turns."""
        process.frozen = True

    def thaw(self, process: Process) -> None:
        """Let `process` go on: everything that came meanwhile happens at once."""
        process.frozen = False
        self._ready.extend(process.stopped)
        process.stopped = []

    def run_until_complete(self, future: Generator[Any, None, T] | Coroutine[Any, Any, T]) -> T:  # type: ignore[override]
        """Run until the coroutine has returned."""
        asyncio._set_running_loop(self)
        try:
            task = self.create_task(future, name="simulation")  # type: ignore[arg-type]
            turns = 0
            before = self._now
            while not task.done():
                turns = turns + len(self._ready) if self._now == before else 0
                before = self._now
                if turns > MOST_TURNS:
                    raise AssertionError(f"the simulation spins at {self._now:.3f} s: {list(self._ready)[:5]}")
                self._turn()
            return task.result()
        finally:
            asyncio._set_running_loop(None)

    def _turn(self) -> None:
        timers = self._timers
        if not self._ready:
            while timers and timers[0][2].handle.cancelled():
                heapq.heappop(timers)
            if not timers:
                raise AssertionError("nothing is left that could ever happen: something waits without a time limit")
            self._now = max(self._now, timers[0][0])
        while timers and timers[0][0] <= self._now:
            self._ready.append(heapq.heappop(timers)[2])
        for _ in range(len(self._ready)):
            turn = self._ready.popleft()
            if turn.handle.cancelled():
                continue
            process = turn.context.get(PROCESS)
            if process is not None and (process.dead or process.frozen):
                if process.frozen and not process.dead:
                    process.stopped.append(turn)
                continue
            try:
                turn.context.run(turn.callback, *turn.args)
            except (SystemExit, KeyboardInterrupt):
                raise
            except BaseException as error:
                self.call_exception_handler({"message": f"exception in {turn.callback!r}", "exception": error})

    def close(self) -> None:
        """Let go of everything that has not ended, without a word."""
        asyncio._set_running_loop(self)
        try:
            for task in self._tasks:
                if not task.done():
                    task._log_destroy_pending = False  # type: ignore[attr-defined]
                    coroutine = task.get_coro()
                    if coroutine is not None:
                        try:
                            coroutine.close()  # type: ignore[union-attr]
                        except BaseException:
                            continue
        finally:
            asyncio._set_running_loop(None)
        self._tasks.clear()
        self._ready.clear()
        self._timers.clear()
