"""Where the transaction service gets its quotes: from memory, the shared cache, or the quote server."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import structlog

from daytrader.domain.quote import Hit, Quote
from daytrader.quotes import metrics
from daytrader.quotes.flight import Fetched, Flight
from daytrader.quotes.port import Claim, Clock, OnStrayHit, QuoteCache, QuoteServer, QuoteUnavailable

CLOSE_LIMIT_S: Final = 10.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class QuotesStatus:
    """What is wrong with the parts that quotes come from; empty texts where nothing is."""

    server_error: str
    cache_available: bool
    cache_error: str


class QuoteSource:
    """Gives quotes; commands that need the same one at the same time share one request.

    Every hit on the quote server comes out exactly once: with the quote to a command of the user in whose name it
    was bought, or through `on_stray_hit` (give the same function to the quote server's client). At most
    `max_waiting` commands wait and at most as many requests are under way; what is over is refused at once. The
    newest quote of every symbol is remembered, expired or not: symbols have 1 to 3 capitals, so at most 18,278.

    `server` and `cache` become this source's own, to be closed by it.
    """

    def __init__(
        self,
        server: QuoteServer,
        cache: QuoteCache,
        *,
        clock: Clock,
        on_stray_hit: OnStrayHit,
        max_waiting: int = 4_096,
    ) -> None:
        self._server = server
        self._cache = cache
        self._clock = clock
        self._on_stray_hit = on_stray_hit
        self._max_waiting = max_waiting
        self._waiting = 0
        self._newest: dict[str, Quote] = {}
        self._flights: dict[str, Flight] = {}
        self._unsent: dict[str, Flight] = {}
        """Flights bound for the quote server whose request has not left: fresh for whoever comes until it does."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False
        self.newest: Callable[[str], Quote | None] = self._newest.get
        """The newest quote known of a symbol, or None; it may have expired, so check `quote.valid(now)`."""
        self.learned: Callable[[Quote], None] = lambda _: None
        """Is called with each quote that is the newest of its symbol; to be set by whoever wants to know. Must not
        raise.
        """

    async def fetch(self, symbol: str, user: str, *, fresh: bool = False) -> Fetched:
        """A valid quote of `symbol`, asked for in the name of `user` if it comes to that.

        With `fresh` the quote server's answer to a request sent after this call. Log the hit, if there is one, with
        the command that asked; if the call is cancelled its hit, if there is one, is stray.

        Raises:
            QuoteUnavailable: there is none to be had in time, or too many commands wait.
        """
        if not fresh:
            known = self._newest.get(symbol)
            if known is not None and known.valid(self._clock()):
                metrics.REQUESTS.labels("memory").inc()
                return Fetched(known, None)
        result = "unavailable"
        self._waiting += 1
        try:
            flight = (self._unsent if fresh else self._flights).get(symbol)
            joined = flight is not None
            self._check_room(needs_flight=not joined)
            if flight is None:
                flight = self._start(symbol, user, fresh=fresh)
            fetched = await flight.wait(user)
            result = "joined" if joined else flight.came_from
            return fetched
        except asyncio.CancelledError:
            result = "abandoned"
            raise
        finally:
            self._waiting -= 1
            metrics.REQUESTS.labels(result).inc()

    def status(self) -> QuotesStatus:
        """What is known of the quote server and the shared cache, as of their last use."""
        return QuotesStatus(self._server.error, self._cache.available, self._cache.error)

    async def check(self) -> None:
        """Find out whether the shared cache answers; asking the quote server would cost money."""
        await self._cache.check()

    async def close(self) -> None:
        """Refuse new commands, let the requests under way come to their end (10 s at most), and close the parts."""
        self._closed = True
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=CLOSE_LIMIT_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        await self._server.close()
        await self._cache.close()

    def _check_room(self, *, needs_flight: bool) -> None:
        if self._closed:
            raise QuoteUnavailable("the quote source is closed")
        if self._waiting > self._max_waiting or (needs_flight and len(self._tasks) >= self._max_waiting):
            raise QuoteUnavailable(f"{self._max_waiting} commands are waiting for quotes already; try again later")

    def _start(self, symbol: str, user: str, *, fresh: bool) -> Flight:
        flight = Flight(self._on_stray_hit)
        self._flights.setdefault(symbol, flight)
        if fresh:
            self._unsent[symbol] = flight
        task = asyncio.get_running_loop().create_task(self._fly(flight, symbol, user, fresh=fresh))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return flight

    async def _fly(self, flight: Flight, symbol: str, user: str, *, fresh: bool) -> None:
        claim: Claim | None = None
        bought: Quote | None = None
        try:
            found = None if fresh else await self._cache.quote_or_claim(symbol)
            if isinstance(found, Quote):
                self._land(flight, found, None)
                return
            claim = found
            bought, hit = await self._ask(flight, symbol, user)
            self._land(flight, bought, hit)
        except QuoteUnavailable as error:
            self._forget(flight, symbol)
            flight.fail(error)
        except asyncio.CancelledError:
            self._forget(flight, symbol)
            flight.fail(QuoteUnavailable("the quote source was closed before the quote came"))
            raise
        except Exception as defect:
            _log.exception("quote_flight_failed", symbol=symbol, user=user)
            self._forget(flight, symbol)
            flight.fail(defect)
        # The waiters have gone on with what they got; the other replicas come after them.
        if bought is not None:
            await self._cache.put(bought, claim)
        elif claim is not None:
            await self._cache.release(claim)

    async def _ask(self, flight: Flight, symbol: str, user: str) -> tuple[Quote, Hit]:
        flight.came_from = "server"
        self._unsent.setdefault(symbol, flight)

        def sent() -> None:
            if self._unsent.get(symbol) is flight:
                del self._unsent[symbol]

        return await self._server.ask(symbol, user, sent)

    def _land(self, flight: Flight, quote: Quote, hit: Hit | None) -> None:
        self._forget(flight, quote.symbol)
        known = self._newest.get(quote.symbol)
        if known is None or known.asked_at <= quote.asked_at:
            self._newest[quote.symbol] = quote
            self.learned(quote)
        flight.land(quote, hit)

    def _forget(self, flight: Flight, symbol: str) -> None:
        """Let nobody join `flight` any more."""
        for flights in (self._flights, self._unsent):
            if flights.get(symbol) is flight:
                del flights[symbol]
