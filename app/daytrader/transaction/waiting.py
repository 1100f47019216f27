"""Commands that wait: for their decision first, then for the append that makes it durable."""

import asyncio
from typing import Final

from daytrader.domain.quote import Hit, Quote
from daytrader.transaction.message import Reply, Request

ACCEPTED: Final = Reply(200)


class Waiting:
    """A command under way at this replica."""

    __slots__ = (
        "also",
        "arrived",
        "batch",
        "decided",
        "hit",
        "index",
        "key",
        "no_quote",
        "quote",
        "reply",
        "request",
        "user",
    )

    def __init__(
        self, request: Request, user: str, key: tuple[object, ...], batch: "Batch", index: int, arrived: float
    ) -> None:
        self.request = request
        self.user = user
        """Empty where the command has no (valid) userid, or is a bare barrier."""
        self.key = key
        """What tells it from all other commands: those with the same key get the same answer."""
        self.batch = batch
        self.index = index
        self.arrived = arrived
        """Loop time in seconds."""
        self.decided = False
        self.reply: Reply = ACCEPTED
        """What to answer once it is durable."""
        self.quote: Quote | None = None
        """The quote that was fetched for it."""
        self.no_quote = False
        """Whether no quote was to be had."""
        self.hit: Hit | None = None
        """The hit on the quote server that it has to log, whatever becomes of it."""
        self.also: list[tuple[Batch, int]] | None = None
        """Others that sent the same request id, and wait for the same answer."""

    def settle(self, reply: Reply) -> None:
        """Give everybody who waits for it the final answer."""
        self.batch.settle(self.index, reply, self.decided)
        for batch, index in self.also or ():
            batch.settle(index, reply, self.decided)

    def mark_decided(self, decided: bool) -> None:
        """Say that it is decided and only waits for its append; or, after a conflict, that it is undecided again."""
        if decided is not self.decided:
            self.decided = decided
            change = -1 if decided else 1
            self.batch.undecided += change
            self.batch.look()
            for batch, _ in self.also or ():
                batch.undecided += change
                batch.look()


class Batch:
    """The answers to the commands that came in one request.

    What waits for something slow (a quote, an election) does not hold up the rest: the batch is then answered without
    it, and it is asked for again.
    """

    __slots__ = ("_complete", "_loop", "_polling", "_straggling", "open", "replies", "undecided")

    def __init__(self, size: int, loop: asyncio.AbstractEventLoop) -> None:
        self.replies: list[Reply | None] = [None] * size
        self.open = size
        self.undecided = size
        self._loop = loop
        self._complete: asyncio.Future[None] | None = None
        self._polling = False
        self._straggling = False

    def settle(self, index: int, reply: Reply, decided: bool) -> None:
        """Note the final answer of command `index`."""
        self.replies[index] = reply
        self.open -= 1
        if not decided:
            self.undecided -= 1
        self.look()

    def look(self) -> None:
        """Complete the batch where it is time to."""
        complete = self._complete
        if complete is None or complete.done():
            return
        answered = self.open < len(self.replies)
        nothing_appending = self.open == self.undecided
        if not self.open or (nothing_appending and (self._straggling or (self._polling and answered))):
            complete.set_result(None)

    def _straggle(self) -> None:
        self._straggling = True
        self.look()

    def _give_up(self) -> None:
        if self._complete is not None and not self._complete.done():
            self._complete.set_result(None)

    async def answers(self, *, polling: bool, stragglers: float = 0.02, limit: float = 1.0) -> list[Reply | None]:
        """Return the replies in order, None for those still under way.

        Waits until all are answered, but for the undecided ones no longer than `stragglers` seconds; when `polling`,
        until one is answered. At the most `limit` seconds.
        """
        if self.open:
            self._complete = self._loop.create_future()
            self._polling = polling
            timers = [self._loop.call_later(limit, self._give_up)]
            if polling:
                self.look()
            else:
                timers.append(self._loop.call_later(stragglers, self._straggle))
            try:
                await self._complete
            finally:
                for timer in timers:
                    timer.cancel()
        return self.replies
