"""Lanes: the commands of one user that wait for something, in the order of their arrival."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

from daytrader.transaction import metrics
from daytrader.transaction.message import Reply
from daytrader.transaction.partition import Need, Partition
from daytrader.transaction.waiting import Waiting
from daytrader.transaction.window import OUTCOME_UNKNOWN

DEADLINE: Final = 10.0
"""Seconds after which a command that is still undecided is dropped."""

DEFECT: Final = Reply(500, b"Internal error")
TOO_LATE: Final = Reply(503, b"The command could not be decided in time; nothing was changed")


class Lanes:
    """A lane exists while something in it waits; whoever comes meanwhile stands behind it. No lane waits for another.

    Commands without a user share a lane for each partition.
    """

    def __init__(
        self,
        advance: Callable[[Partition, Waiting], Need | None],
        provide: Callable[[Partition, Waiting, Need], Awaitable[None]],
        finish: Callable[[Waiting, Reply], None],
        defect: Callable[[asyncio.Task[None]], None],
    ) -> None:
        """`advance` decides a command or returns what is missing, `provide` waits for that, `finish` answers a command
        undecided, `defect` looks at a task that has ended.
        """
        self._advance = advance
        self._provide = provide
        self._finish = finish
        self._defect = defect
        self._loop = asyncio.get_running_loop()
        self._lanes: dict[str | int, deque[Waiting]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._lanes)

    def stands_behind(self, partition: Partition, waiting: Waiting) -> bool:
        """Let a command stand behind those of its user that wait, if there are any."""
        lane = self._lanes.get(waiting.user or partition.number)
        if lane is None:
            return False
        lane.append(waiting)
        return True

    def put(self, partition: Partition, commands: list[Waiting]) -> None:
        """Let commands, in their order, stand in front of those of the same users that wait already."""
        by_lane: dict[str | int, list[Waiting]] = {}
        for waiting in commands:
            by_lane.setdefault(waiting.user or partition.number, []).append(waiting)
        for key, theirs in by_lane.items():
            lane = self._lanes.get(key)
            if lane is not None:
                lane.extendleft(reversed(theirs))
                continue
            self._lanes[key] = deque(theirs)
            task = self._loop.create_task(self._serve(partition, key, self._lanes[key]), name=f"lane of {key}")
            self._tasks.add(task)
            task.add_done_callback(self._done)

    async def close(self) -> None:
        """Answer everybody who waits that nobody knows the outcome."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._defect(task)

    async def _serve(self, partition: Partition, key: str | int, lane: deque[Waiting]) -> None:
        left = DEFECT
        try:
            while lane:
                waiting = lane[0]
                if self._loop.time() - waiting.arrived >= DEADLINE:
                    lane.popleft()
                    metrics.DROPPED.inc()
                    self._finish(waiting, OUTCOME_UNKNOWN if waiting.request.attempt else TOO_LATE)
                else:
                    need = self._advance(partition, waiting)
                    if need is None:
                        lane.popleft()
                    else:
                        await self._provide(partition, waiting, need)
        except asyncio.CancelledError:
            left = OUTCOME_UNKNOWN
            raise
        finally:
            del self._lanes[key]
            for waiting in lane:  # only where something ended the lane before its time: nobody may wait for ever
                self._finish(waiting, left)
