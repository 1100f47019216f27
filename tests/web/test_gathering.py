"""Waiting for the commands that answers bring back."""

import asyncio
from collections import deque

import pytest

from daytrader.web.gathering import EVERY, MANY, Gathering


def test_clients_in_step_are_waited_for() -> None:
    """Where nothing came while a batch was under way, nearly as many as it answered are expected back."""
    assert Gathering().wanted(answered=100, queued=0) == 95
    assert Gathering().wanted(answered=100, queued=20) == 114


def test_many_clients_are_not_waited_for() -> None:
    """Batches that are large as they are go at once."""
    assert Gathering().wanted(answered=MANY, queued=0) > 0
    assert Gathering().wanted(answered=2 * MANY, queued=0) == 0


def test_a_small_batch_waits_for_nobody() -> None:
    """A few clients are not worth a wait."""
    assert [Gathering().wanted(answered, 0) for answered in range(4)] == [0, 0, 0, 0]


def test_where_commands_come_anyway_a_wait_is_tried_now_and_then() -> None:
    """Where as many come as are answered, every 16th batch finds out whether they are two halves that take turns."""
    policy = Gathering()
    wanted = [policy.wanted(answered=50, queued=50) for _ in range(3 * EVERY)]
    assert wanted == ([0] * (EVERY - 1) + [95]) * 3


async def test_a_wait_ends_when_enough_are_there() -> None:
    """The batch goes as soon as the wanted number of commands has come."""
    policy, queue = Gathering(), deque[int]()
    waiting = asyncio.create_task(policy.wait(3, queue))
    for number in range(3):
        await asyncio.sleep(0)
        assert not waiting.done()
        queue.append(number)
        policy.arrived(len(queue))
    await asyncio.wait_for(waiting, 10)
    assert policy.wanted(answered=100, queued=0) == 95


async def test_a_wait_in_vain_is_not_repeated_soon() -> None:
    """Where hardly anybody came back in time, the next batches go at once."""
    policy = Gathering()
    await asyncio.wait_for(policy.wait(95, deque[int]()), 10)
    wanted = [policy.wanted(answered=100, queued=0) for _ in range(EVERY - 1)]
    assert wanted == [0] * (EVERY - 2) + [95]


async def test_enough_is_not_waited_for() -> None:
    """Where the wanted number is there already, nothing is waited for."""
    policy = Gathering()
    waiting = policy.wait(2, [1, 2])
    with pytest.raises(StopIteration):
        waiting.send(None)
