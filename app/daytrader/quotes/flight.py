"""One quote under way, and the commands that wait for it."""

import asyncio
from typing import NamedTuple

from daytrader.domain.quote import Hit, Quote
from daytrader.quotes import metrics
from daytrader.quotes.port import OnStrayHit


class Fetched(NamedTuple):
    """A quote, and the paid hit that this command has to log; None where there was none or another command logs it."""

    quote: Quote
    hit: Hit | None


class Flight:
    """Every waiter gets the quote; at most one, of the user in whose name it was bought, gets the hit."""

    def __init__(self, on_stray_hit: OnStrayHit) -> None:
        self.came_from = "shared"
        self._on_stray_hit = on_stray_hit
        self._waiters: dict[asyncio.Future[Fetched], str] = {}

    async def wait(self, user: str) -> Fetched:
        """Wait for the quote on behalf of `user`. Whoever is cancelled just then leaves no hit unreported."""
        waiter: asyncio.Future[Fetched] = asyncio.get_running_loop().create_future()
        self._waiters[waiter] = user
        try:
            return await waiter
        except asyncio.CancelledError:
            self._waiters.pop(waiter, None)
            if not waiter.cancelled() and waiter.done() and waiter.exception() is None:
                self._stray(waiter.result().hit)
            raise

    def land(self, quote: Quote, hit: Hit | None) -> None:
        """Give everybody the quote. A hit goes into the log of its own user, or is stray."""
        for waiter, user in self._waiters.items():
            if waiter.done():
                continue
            if hit is not None and hit.user == user:
                waiter.set_result(Fetched(quote, hit))
                hit = None
            else:
                waiter.set_result(Fetched(quote, None))
        self._stray(hit)

    def fail(self, error: Exception) -> None:
        """Tell everybody that there is no quote."""
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_exception(error)

    def _stray(self, hit: Hit | None) -> None:
        if hit is not None:
            metrics.STRAY_HITS.inc()
            self._on_stray_hit(hit)
