"""A task's deadline that is put off all the time, at next to no cost."""

import asyncio
from typing import Final

_NEVER: Final = float("inf")


class Deadline:
    """Cancels the task that made it when the time that was set last is over; close it before the task ends.

    Setting it is an assignment as a rule, where `asyncio.timeout` makes a timer and cancels it each time (a quarter of
    what an event of a stream costs): one timer runs, and looks, when it is over, whether it was put off meanwhile.
    Whoever is cancelled asks `expired()` whether it was by this.
    """

    __slots__ = ("_at", "_expired", "_loop", "_task", "_timer")

    def __init__(self) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a deadline is of a task")
        self._task = task
        self._loop = asyncio.get_running_loop()
        self._at = _NEVER
        self._timer: asyncio.TimerHandle | None = None
        self._expired = False

    def within(self, seconds: float) -> None:
        """Expire in so many seconds from now, and not at any time set before."""
        self._at = at = self._loop.time() + seconds
        if self._timer is None:
            self._timer = self._loop.call_at(at, self._look)
        elif at < self._timer.when():
            self._timer.cancel()
            self._timer = self._loop.call_at(at, self._look)

    def off(self) -> None:
        """Expire at no time."""
        self._at = _NEVER

    def expired(self) -> bool:
        """Return whether it was this, and nobody else, that cancelled the task; the task goes on then."""
        if not self._expired:
            return False
        self._expired = False
        return self._task.uncancel() == 0

    def close(self) -> None:
        """Let go of the timer."""
        self.off()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = None
        if self._at == _NEVER:
            return
        if self._at > self._loop.time():
            self._timer = self._loop.call_at(self._at, self._look)
        else:
            self.off()
            self._expired = True
            self._task.cancel()
