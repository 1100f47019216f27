"""Waiting a moment for the commands that the answers to a batch bring back."""

import asyncio
from collections.abc import Sized
from typing import Final

FEW: Final = 4
"""So few commands in a batch are not worth a wait."""

SHARE: Final = 0.95
"""The part of the expected commands that is waited for: one slow client must not hold up all others."""

SECONDS_EACH: Final = 0.0001
"""A wait takes 1 ms, and this for each command that is missing, at the most."""

MANY: Final = 300
"""Where so many are missing, batches are large enough, and what a wait would gain is less than it costs."""

EVERY: Final = 16
"""Where nothing promises that a wait would pay, one in so many batches tries it."""


class Gathering:
    """Decides after each batch whether the next one waits, and for how many commands.

    Clients that send a command when they have the answer to the one before fall into step with the batches. The first
    of them to be back would make a batch of one, and all others wait for its append; from then on two halves take
    turns, each waiting for the other's append. Waiting until all are back makes half as many batches, and the costs of
    an append are shared by twice as many commands.
    """

    def __init__(self) -> None:
        self._passed_over = 0
        self._wanted = 0
        self._enough: asyncio.Future[None] | None = None

    def wanted(self, answered: int, queued: int) -> int:
        """Return for how many commands the next batch should wait, 0 where it should go as it is.

        `answered` were in the last batch, `queued` came while it was under way. Where many came, either commands come
        whether or not others are answered, or two halves take turns: which of them, only a try can tell.
        """
        if answered < FEW:
            return 0
        if 3 * queued > answered or self._passed_over:
            self._passed_over = (self._passed_over + 1) % EVERY
            if self._passed_over:
                return 0
        wanted = int(SHARE * (answered + queued))
        return wanted if wanted - queued < MANY else 0

    async def wait(self, wanted: int, queue: Sized) -> None:
        """Wait until `wanted` commands are in the queue, which `arrived` tells; not for long."""
        before = len(queue)
        missing = wanted - before
        if missing <= 0:
            return
        self._wanted = wanted
        loop = asyncio.get_running_loop()
        self._enough = loop.create_future()
        timer = loop.call_later(0.001 + SECONDS_EACH * missing, self._go)
        try:
            await self._enough
        finally:
            timer.cancel()
            self._enough = None
        if 2 * (len(queue) - before) < missing:
            self._passed_over = 1

    def arrived(self, queued: int) -> None:
        """Note that a command has come, and that `queued` are in the queue now."""
        if self._enough is not None and queued >= self._wanted:
            self._go()

    def _go(self) -> None:
        if self._enough is not None and not self._enough.done():
            self._enough.set_result(None)
