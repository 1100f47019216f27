"""The time limit that is fair on a busy machine."""

import asyncio
import time

import pytest

from daytrader.quotes.time_limit import time_limit
from tests.quotes.scripted import turns


async def test_silence_is_ended() -> None:
    """What never comes is given up after the limit."""
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        async with time_limit(0.05):
            await asyncio.Event().wait()
    assert time.monotonic() - began >= 0.045


async def test_what_comes_in_time_is_let_through() -> None:
    """An operation that ends leaves no timer behind that could end something else."""
    async with time_limit(0.01):
        await turns(2)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await asyncio.Event().wait()


async def test_a_pause_of_the_loop_is_no_silence() -> None:
    """When the process itself stood still, what had come meanwhile is still read."""
    async with time_limit(0.02):
        for _ in range(3):
            time.sleep(0.05)  # noqa: ASYNC251 - the pause
            await turns(2)


async def test_cancelling_is_not_mistaken_for_the_limit() -> None:
    """Who is cancelled from outside is cancelled, not out of time."""

    async def wait() -> None:
        async with time_limit(60):
            await asyncio.Event().wait()

    waiting = asyncio.create_task(wait())
    await turns(2)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
