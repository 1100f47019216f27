"""A time limit that is set anew all the time."""

import asyncio

import pytest

from daytrader.web.alarm import Alarm


async def test_it_rings_when_the_time_that_was_set_last_is_over() -> None:
    """A time set before does not count, be it earlier or later; one timer does for all of them."""
    loop = asyncio.get_running_loop()
    alarm = Alarm()
    for seconds in (0.02, 10.0, 0.05):
        alarm.within(seconds)
    began = loop.time()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.sleep(5)
    assert alarm.rang()
    assert 0.04 < loop.time() - began < 2
    alarm.within(0.02)
    alarm.within(0.1)
    await asyncio.sleep(0.05)  # the first is over, and was put off
    with pytest.raises(asyncio.CancelledError):
        await asyncio.sleep(5)
    assert alarm.rang()
    alarm.close()


async def test_it_does_not_ring_when_off_or_closed() -> None:
    """Whoever is in time is not disturbed later."""
    alarm = Alarm()
    alarm.within(0.01)
    alarm.off()
    await asyncio.sleep(0.03)
    alarm.within(0.01)
    alarm.close()
    await asyncio.sleep(0.03)
    assert not alarm.rang()


@pytest.mark.parametrize("rings", [False, True])
async def test_somebody_elses_cancelling_is_not_taken_for_its_own(rings: bool) -> None:
    """Also where it rings in the same moment."""
    alarms: list[Alarm] = []

    async def sleeps() -> None:
        alarms.append(Alarm())
        alarms[0].within(0.0 if rings else 10.0)
        try:
            await asyncio.sleep(5)
        except asyncio.CancelledError:
            if not alarms[0].rang():
                raise

    task = asyncio.create_task(sleeps())
    await asyncio.sleep(0)
    if rings:
        alarms[0]._look()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    alarms[0].close()
