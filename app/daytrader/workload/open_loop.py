"""The open loop: commands are due at a fixed rate, whether or not the system keeps up.

A command is sent when it is due, its user's earlier commands have their outcome, and a connection is free. Its latency
counts from when it was due, so waiting in the generator is in it.
"""

import asyncio
from array import array
from collections import deque
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Final

from daytrader.workload.loop import Lane, Share

BACKLOG: Final = 100_000
"""So many due commands are held waiting; later ones stay in the file, due when they were due."""
_TICK: Final = 0.001
"""Seconds between looks at what is due."""


class OpenLoop:
    """Gives free lanes the commands that are due."""

    def __init__(self, lanes: Sequence[Lane], finished: Callable[[], None], rate: float) -> None:
        """`lanes` may be filled later. `finished` is called when the last command of a share has its outcome.

        `rate`: commands a second of the whole run, this process's and the others'.
        """
        self._lanes = lanes
        self._finished = finished
        self._interval = 1 / rate
        self._free: deque[Lane] = deque()
        self._share = Share(array("I"), array("I"), 0, 0.0)
        self._next = self._end = 0  # places in the share
        self._ready: deque[tuple[int, int]] = deque()  # position and user of commands that wait for a lane only
        self._behind: dict[int, deque[int]] = {}  # for users with a command ready or under way: what waits behind it
        self.waiting = 0
        """Commands that are due and wait, for a lane or behind another of their user."""
        self._user_of_lane: list[int] = []
        self._under_way = 0

    def begin(self, share: Share) -> None:
        """Send these commands: the one at position p is due at `share.start` + (p - `share.first`) / rate."""
        self._share = share
        self._next, self._end = 0, len(share.positions)
        self._free = deque(self._lanes)
        self._user_of_lane = [0] * len(self._lanes)
        self._tick()

    def settled(self, lane: Lane, now: float) -> None:
        """The lane's command has its outcome: its user's next is ready, and the lane takes what is ready longest."""
        user = self._user_of_lane[lane.number]
        self._under_way -= 1
        behind = self._behind[user]
        if behind:
            self._ready.append((behind.popleft(), user))
        else:
            del self._behind[user]
        if self._ready:
            self._give(lane, now)
        else:
            self._free.append(lane)
            self._check_end()

    def stop(self) -> None:
        """Give out no more commands, not even those that are due."""
        self._end = self._next
        self._ready.clear()
        for behind in self._behind.values():
            behind.clear()
        self.waiting = 0
        self._check_end()

    def _tick(self) -> None:
        """Take up what has become due, and come again for the rest."""
        now = monotonic()
        while self._next < self._end and self._due(self._next) <= now and self.waiting < BACKLOG:
            self._take_up()
        while self._ready and self._free:
            self._give(self._free.popleft(), now)
        if self._next < self._end:
            asyncio.get_running_loop().call_later(max(_TICK, self._due(self._next) - now), self._tick)
        else:
            self._check_end()

    def _due(self, place: int) -> float:
        return self._share.start + (self._share.positions[place] - self._share.first) * self._interval

    def _take_up(self) -> None:
        position, user = self._share.positions[self._next], self._share.users[self._next]
        self._next += 1
        self.waiting += 1
        behind = self._behind.get(user)
        if behind is None:
            self._behind[user] = deque()
            self._ready.append((position, user))
        else:
            behind.append(position)

    def _give(self, lane: Lane, now: float) -> None:
        position, user = self._ready.popleft()
        self._user_of_lane[lane.number] = user
        self.waiting -= 1
        self._under_way += 1
        lane.run(position, self._share.start + (position - self._share.first) * self._interval, now)

    def _check_end(self) -> None:
        if self._next == self._end and not self.waiting and not self._under_way:
            self._finished()
