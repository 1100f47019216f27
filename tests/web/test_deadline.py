"""A deadline that is put off all the time."""

import asyncio

import pytest

from daytrader.web.deadline import Deadline


async def test_it_expires_when_the_time_that_was_set_last_is_over() -> None:
    """A time set before does not count, be it earlier or later; one timer does for all of them."""
    loop = asyncio.get_running_loop()
    deadline = Deadline()
    for seconds in (2.0, 1_000.0, 5.0):
        deadline.within(seconds)
    began = loop.time()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.sleep(5_000)
    assert deadline.expired()
    assert loop.time() - began == pytest.approx(5)
    deadline.within(2)
    deadline.within(10)
    await asyncio.sleep(5)  # the first is over, and was put off
    with pytest.raises(asyncio.CancelledError):
        await asyncio.sleep(5_000)
    assert deadline.expired()
    deadline.close()


async def test_it_does_not_expire_when_off_or_closed() -> None:
    """Whoever is in time is not disturbed later."""
    deadline = Deadline()
    deadline.within(1)
    deadline.off()
    await asyncio.sleep(3)
    deadline.within(1)
    deadline.close()
    await asyncio.sleep(3)
    assert not deadline.expired()


@pytest.mark.parametrize("expires", [False, True])
async def test_somebody_elses_cancelling_is_not_taken_for_its_own(expires: bool) -> None:
    """Also where it expires in the same moment."""
    deadlines: list[Deadline] = []

    async def sleeps() -> None:
        deadlines.append(Deadline())
        deadlines[0].within(0.0 if expires else 10.0)
        try:
            await asyncio.sleep(5_000)
        except asyncio.CancelledError:
            if not deadlines[0].expired():
                raise

    task = asyncio.create_task(sleeps())
    await asyncio.sleep(0)
    if expires:
        deadlines[0]._look()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    deadlines[0].close()
