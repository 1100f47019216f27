"""Which command is sent when, and by which lane: the closed and the open loop, with lanes that the test answers for."""

import asyncio
from array import array
from time import monotonic

import pytest

from daytrader.workload import open_loop
from daytrader.workload.closed_loop import ClosedLoop
from daytrader.workload.loop import Loop, Share
from daytrader.workload.open_loop import OpenLoop


class Desk:
    """Lanes that keep what they were given until the test says that it has its outcome."""

    class Lane:
        def __init__(self, number: int, desk: "Desk") -> None:
            self.number = number
            self._desk = desk

        def run(self, position: int, since: float, now: float) -> None:
            assert self.number not in self._desk.under_way
            assert since <= now
            self._desk.under_way[self.number] = position
            self._desk.sent.append(position)
            self._desk.since[position] = since
            self._desk.sent_something.set()

    def __init__(self, lanes: int) -> None:
        self.under_way: dict[int, int] = {}
        self.sent: list[int] = []
        self.since: dict[int, float] = {}
        self.finished = 0
        self.sent_something = asyncio.Event()
        self.lanes = [self.Lane(number, self) for number in range(lanes)]
        self.loop: Loop

    def finish(self) -> None:
        self.finished += 1

    def settle(self, position: int) -> None:
        """The command at `position` has its outcome."""
        (lane,) = [number for number, its in self.under_way.items() if its == position]
        del self.under_way[lane]
        self.loop.settled(self.lanes[lane], 5.0)


def share(*users: int, first: int = 0, start: float = 1.0) -> Share:
    """Commands at consecutive positions, by user."""
    return Share(array("I", range(first, first + len(users))), array("I", users), first, start)


def closed(desk: Desk) -> Desk:
    """The desk with a closed loop."""
    desk.loop = ClosedLoop(desk.lanes, desk.finish)
    return desk


def opened(desk: Desk, rate: float = 1e9) -> Desk:
    """The desk with an open loop in which (without a rate) everything is due at once."""
    desk.loop = OpenLoop(desk.lanes, desk.finish, rate)
    return desk


def test_closed_each_lane_sends_its_users_commands_in_order() -> None:
    """With fewer lanes than users, a lane's users share it in the order of the file."""
    desk = closed(Desk(2))
    desk.loop.begin(share(0, 1, 2, 0, 1))  # lane 0 has users 0 and 2
    assert desk.under_way == {0: 0, 1: 1}
    desk.settle(0)
    assert desk.under_way == {0: 2, 1: 1}
    desk.settle(2)
    desk.settle(1)
    assert desk.under_way == {0: 3, 1: 4}
    assert desk.since[0] == 1.0
    assert desk.since[4] == 5.0
    desk.settle(4)
    assert desk.finished == 0
    desk.settle(3)
    assert desk.finished == 1


def test_closed_nothing_to_send_is_finished_at_once() -> None:
    """A process without commands in a segment has no part in it."""
    desk = closed(Desk(3))
    desk.loop.begin(share())
    assert desk.finished == 1


def test_closed_stop_lets_what_is_under_way_end() -> None:
    """After stop the lanes get nothing new, and the share ends with the last outcome."""
    desk = closed(Desk(2))
    desk.loop.begin(share(0, 1, 0, 1))
    desk.loop.stop()
    desk.settle(1)
    assert desk.finished == 0
    desk.settle(0)
    assert (desk.sent, desk.finished) == ([0, 1], 1)


async def test_open_keeps_the_order_of_each_user() -> None:
    """A user's next command waits for the outcome of the one before, whichever lane is free."""
    desk = opened(Desk(3))
    desk.loop.begin(share(0, 0, 0, 1))
    assert desk.sent == [0, 3]
    desk.settle(3)
    assert desk.sent == [0, 3]
    desk.settle(0)
    desk.settle(1)
    assert desk.sent == [0, 3, 1, 2]
    desk.settle(2)
    assert desk.finished == 1


async def test_open_waits_for_a_free_lane() -> None:
    """With all lanes taken, what is due waits, the oldest first."""
    desk = opened(Desk(1))
    desk.loop.begin(share(0, 1, 2))
    for position in (0, 1, 2):
        assert desk.under_way == {0: position}
        desk.settle(position)
    assert desk.finished == 1


async def test_open_latency_counts_from_when_a_command_is_due() -> None:
    """The planned time of a command is its place in the segment divided by the rate, also when it is sent late."""
    desk = opened(Desk(4), rate=100.0)
    desk.loop.begin(share(0, 1, 2, first=10, start=1.0))
    assert [desk.since[position] for position in (10, 11, 12)] == pytest.approx([1.0, 1.01, 1.02])


async def test_open_sends_nothing_before_it_is_due() -> None:
    """At ten a second, the second command is sent a tenth of a second after the first."""
    desk = opened(Desk(2), rate=10.0)
    start = monotonic()
    desk.loop.begin(share(0, 1, start=start))
    assert desk.sent == [0]
    desk.sent_something.clear()
    async with asyncio.timeout(5):
        await desk.sent_something.wait()
    assert desk.sent == [0, 1]
    assert monotonic() >= start + 0.1


async def test_open_stop_drops_what_waits_and_what_is_to_come() -> None:
    """After stop only what is under way ends, and then the share; also when nothing is under way."""
    desk = opened(Desk(1))
    desk.loop.begin(share(0, 0, 1))
    desk.loop.stop()
    assert desk.finished == 0
    desk.settle(0)
    assert (desk.sent, desk.finished) == ([0], 1)
    idle = opened(Desk(1), rate=0.001)
    idle.loop.begin(share(0, 0, start=monotonic()))
    idle.settle(0)
    idle.loop.stop()
    assert (idle.sent, idle.finished) == ([0], 1)


async def test_open_takes_up_no_more_than_the_backlog(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the system does not keep up, what waits in memory is bounded, and due times stay what they were."""
    monkeypatch.setattr(open_loop, "BACKLOG", 10)
    desk = opened(Desk(1), rate=1_000.0)
    desk.loop.begin(share(*range(50), start=1.0))
    assert isinstance(desk.loop, OpenLoop)
    assert desk.loop.waiting <= 10
    async with asyncio.timeout(5):
        while not desk.finished:
            if desk.under_way:
                desk.settle(desk.under_way[0])
            assert desk.loop.waiting <= 10
            await asyncio.sleep(0)
    assert desk.sent == list(range(50))
    assert desk.since[49] == pytest.approx(1.049)
