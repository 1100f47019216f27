"""The closed loop: each connection sends its users' commands in file order, the next after the answer to the last."""

from array import array
from collections.abc import Callable, Iterator, Sequence

from daytrader.workload.loop import Lane, Share


class ClosedLoop:
    """Gives every lane the commands of the users that belong to it."""

    def __init__(self, lanes: Sequence[Lane], finished: Callable[[], None]) -> None:
        """`lanes` may be filled later. `finished` is called when the last command of a share has its outcome."""
        self._lanes = lanes
        self._finished = finished
        self._queues: list[Iterator[int]] = []
        self._active = 0

    def begin(self, share: Share) -> None:
        """Send these commands."""
        queues = [array("I") for _ in self._lanes]
        for position, user in zip(share.positions, share.users, strict=True):
            queues[user % len(queues)].append(position)
        self._queues = [iter(queue) for queue in queues]
        self._active = len(self._lanes)
        for lane in self._lanes:
            self.settled(lane, share.start)

    def settled(self, lane: Lane, now: float) -> None:
        """The lane's command has its outcome (or it had none yet): give it the next."""
        position = next(self._queues[lane.number], None)
        if position is not None:
            lane.run(position, now, now)
            return
        self._active -= 1
        if not self._active:
            self._finished()

    def stop(self) -> None:
        """Give out no more commands."""
        self._queues = [iter(()) for _ in self._lanes]
