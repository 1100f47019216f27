"""A short time limit that is fair on a busy machine."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

SLICES: Final = 5


@asynccontextmanager
async def time_limit(seconds: float) -> AsyncIterator[None]:
    """Like `asyncio.timeout`, but a pause of the event loop itself, however long, counts as a fifth of the limit.

    A process may be off the CPU for longer than the limit. What it waits for then lies unread in the socket, and
    it would be wrong to say that the other side was silent.

    Raises:
        TimeoutError: the limit passed.
    """
    loop = asyncio.get_running_loop()
    timer: asyncio.TimerHandle
    async with asyncio.timeout(None) as limit:

        def count(left: int) -> None:
            nonlocal timer
            if left:
                timer = loop.call_later(seconds / SLICES, count, left - 1)
            else:
                limit.reschedule(loop.time())

        timer = loop.call_later(seconds / SLICES, count, SLICES - 1)
        try:
            yield
        finally:
            timer.cancel()
