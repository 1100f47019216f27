"""Batches: when they are answered."""

import asyncio

import pytest

from daytrader.transaction.message import Reply, Request
from daytrader.transaction.waiting import Batch, Waiting

OK = Reply(200)


def waiting(batch: Batch, index: int) -> Waiting:
    """A command whose answer goes to place `index`."""
    loop = asyncio.get_running_loop()
    return Waiting(Request(f"w:{index}", 0, None, 0), "", (index,), batch, index, loop.time())


async def test_a_batch_that_is_answered_at_once_waits_for_nothing() -> None:
    """Where all replies are there already, not a turn of the loop is lost."""
    batch = Batch(1, asyncio.get_running_loop())
    batch.settle(0, OK, False)
    assert await batch.answers(polling=False) == [OK]


async def test_an_empty_batch_has_no_replies() -> None:
    """Nobody waits for nothing."""
    assert await Batch(0, asyncio.get_running_loop()).answers(polling=False) == []


async def test_a_batch_waits_for_its_last_answer() -> None:
    """As long as all undecided commands are decided within 20 ms."""
    loop = asyncio.get_running_loop()
    batch = Batch(2, loop)
    for index, seconds in ((0, 0.2), (1, 0.4)):
        one = waiting(batch, index)
        one.mark_decided(True)
        loop.call_later(seconds, one.settle, OK)
    started = loop.time()
    assert await batch.answers(polling=False) == [OK, OK]
    assert loop.time() == pytest.approx(started + 0.4)


async def test_a_poll_is_answered_with_the_first_answer() -> None:
    """It asks for commands that take long: each is told as soon as it is known."""
    loop = asyncio.get_running_loop()
    batch = Batch(3, loop)
    ones = [waiting(batch, index) for index in range(3)]
    loop.call_later(0.3, ones[1].settle, OK)
    started = loop.time()
    assert await batch.answers(polling=True) == [None, OK, None]
    assert loop.time() == pytest.approx(started + 0.3)


async def test_a_poll_waits_for_the_append_that_is_under_way() -> None:
    """What is decided is durable soon: it comes along with the first answer."""
    loop = asyncio.get_running_loop()
    batch = Batch(3, loop)
    ones = [waiting(batch, index) for index in range(3)]
    ones[2].mark_decided(True)
    loop.call_later(0.3, ones[1].settle, OK)
    loop.call_later(0.5, ones[2].settle, OK)
    assert await batch.answers(polling=True) == [None, OK, OK]


async def test_what_is_decided_again_is_undecided_meanwhile() -> None:
    """After a conflict a command may wait for something slow: it holds up its batch no longer."""
    loop = asyncio.get_running_loop()
    batch = Batch(2, loop)
    ones = [waiting(batch, index) for index in range(2)]
    for one in ones:
        one.mark_decided(True)
    loop.call_later(0.1, ones[0].mark_decided, False)
    loop.call_later(0.2, ones[1].settle, OK)
    started = loop.time()
    assert await batch.answers(polling=False) == [None, OK]
    assert loop.time() == pytest.approx(started + 0.2)


async def test_everybody_who_sent_the_same_gets_the_answer() -> None:
    """Also in a batch that came later."""
    loop = asyncio.get_running_loop()
    first, second = Batch(1, loop), Batch(1, loop)
    one = waiting(first, 0)
    one.also = [(second, 0)]
    one.mark_decided(True)
    one.settle(OK)
    assert await first.answers(polling=False) == await second.answers(polling=True) == [OK]


async def test_an_answer_after_the_end_is_nobodys_loss() -> None:
    """A batch that was given up takes late answers without complaint."""
    loop = asyncio.get_running_loop()
    batch = Batch(1, loop)
    one = waiting(batch, 0)
    assert await batch.answers(polling=False, limit=0.5) == [None]
    one.settle(OK)
    assert batch.replies == [OK]
