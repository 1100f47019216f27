"""The client of the legacy quote server: one TCP connection a quote, one line each way."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

import structlog

from daytrader.domain.quote import Hit, Quote
from daytrader.quotes import metrics
from daytrader.quotes.answer import LONGEST_LINE, read_answer, request_line
from daytrader.quotes.port import Answer, Clock, OnStrayHit, QuoteUnavailable

TIME_LIMIT_MS: Final = 4_500
"""The server's slowest honest answers take 4 s."""

_log = structlog.get_logger(__name__)


class _Race:
    """The requests (two where it is hedged) for one quote: the first good answer is the asker's, any other is stray."""

    def __init__(self, symbol: str, user: str, on_sent: Callable[[], None], on_stray_hit: OnStrayHit) -> None:
        self.symbol = symbol
        self.user = user
        self.request = request_line(symbol, user)
        self.on_sent = on_sent
        self.running = 0
        self.outcome: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._on_stray_hit = on_stray_hit

    def answered(self, answer: Answer) -> None:
        if self.outcome.done():
            self.stray(answer.hit)
        else:
            self.outcome.set_result(answer)

    def stray(self, hit: Hit) -> None:
        metrics.STRAY_HITS.inc()
        self._on_stray_hit(hit)

    def give_up(self, error: Exception) -> None:
        if not self.outcome.done():
            self.outcome.set_exception(error)

    def failed(self, error: Exception) -> None:
        """One request came to nothing; the race is lost when no other is running."""
        if self.running == 1:
            self.give_up(error)

    async def result(self) -> Answer:
        try:
            return await self.outcome
        except asyncio.CancelledError:
            # The answer may have come in the very moment in which its asker was cancelled.
            if not self.outcome.cancelled() and self.outcome.done() and self.outcome.exception() is None:
                self.stray(self.outcome.result().hit)
            raise


class LegacyQuoteServer:
    """Asks the quote server at `host`:`port` over at most `max_connections` connections.

    An answer is given up after `time_limit_ms`; what comes within twice that is still read, because it is paid for
    and belongs in the log. Where `hedge_after_ms` is given, a request that has no answer by then is sent a second
    time, if a connection is free, and the first good answer counts.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        clock: Clock,
        on_stray_hit: OnStrayHit,
        time_limit_ms: int = TIME_LIMIT_MS,
        hedge_after_ms: int | None = None,
        max_connections: int = 128,
    ) -> None:
        self.error = ""
        self._host = host
        self._port = port
        self._clock = clock
        self._on_stray_hit = on_stray_hit
        self._limit_s = time_limit_ms / 1000
        self._hedge_s = None if hedge_after_ms is None else hedge_after_ms / 1000
        self._max_connections = max_connections
        self._connections = asyncio.Semaphore(max_connections)
        self._requests: set[asyncio.Task[None]] = set()

    async def ask(self, symbol: str, user: str, on_sent: Callable[[], None]) -> Answer:
        """Buy a quote of `symbol` in the name of `user`; `on_sent` is called when the request leaves.

        The time limit counts from when a connection is free, for which it waits no longer than the same limit.

        Raises:
            QuoteUnavailable: no usable answer in time.
            ValueError: `symbol` or `user` is malformed.
        """
        race = _Race(symbol, user, on_sent, self._on_stray_hit)
        try:
            async with asyncio.timeout(self._limit_s):
                await self._connections.acquire()
        except TimeoutError:
            raise self._no_quote(
                "busy", f"all {self._max_connections} connections to the quote server were busy for {self._limit_s} s"
            ) from None
        self._start(race, self._request(race))
        loop = asyncio.get_running_loop()
        timers = [loop.call_later(self._limit_s, self._expire, race)]
        if self._hedge_s is not None:
            timers.append(loop.call_later(self._hedge_s, self._hedge, race))
        try:
            return await race.result()
        finally:
            for timer in timers:
                timer.cancel()

    async def close(self) -> None:
        """Wait for the answers under way, no longer than the time limit, and report them."""
        if self._requests:
            _, late = await asyncio.wait(self._requests, timeout=self._limit_s)
            for request in late:
                request.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _start(self, race: _Race, request: Coroutine[Any, Any, None]) -> None:
        race.running += 1
        task = asyncio.get_running_loop().create_task(request)
        self._requests.add(task)
        task.add_done_callback(self._requests.discard)

    def _expire(self, race: _Race) -> None:
        if not race.outcome.done():
            race.give_up(self._no_quote("silent", f"the quote server gave no answer in {self._limit_s} s"))

    def _hedge(self, race: _Race) -> None:
        if not race.outcome.done() and not self._connections.locked():
            self._start(race, self._second_request(race))

    async def _second_request(self, race: _Race) -> None:
        await self._connections.acquire()
        metrics.HEDGES.inc()
        await self._request(race)

    async def _request(self, race: _Race) -> None:
        """Send one request on a connection of its own, and give the race what comes of it."""
        try:
            async with asyncio.timeout(2 * self._limit_s):
                await self._exchange(race)
        except QuoteUnavailable as error:
            race.failed(error)
        except TimeoutError:
            race.failed(QuoteUnavailable(f"the quote server gave no answer in {2 * self._limit_s} s"))
        except asyncio.CancelledError:
            race.failed(QuoteUnavailable("the quote client was closed before the answer came"))
            raise
        except Exception as defect:
            _log.exception("quote_request_failed", symbol=race.symbol, user=race.user)
            race.failed(defect)
        finally:
            race.running -= 1
            self._connections.release()

    async def _exchange(self, race: _Race) -> None:
        try:
            reader, writer = await asyncio.open_connection(self._host, self._port, limit=LONGEST_LINE)
        except OSError as error:
            text = f"the quote server at {self._host}:{self._port} cannot be reached: {error}"
            raise self._no_quote("unreachable", text) from error
        try:
            if race.outcome.done():
                raise QuoteUnavailable("its asker had gone before the request was sent")
            asked_at = self._clock()
            started = asyncio.get_running_loop().time()
            writer.write(race.request)
            race.on_sent()
            line = await self._line(reader)
        finally:
            writer.close()
        self._take(race, line, asked_at, asyncio.get_running_loop().time() - started)

    async def _line(self, reader: asyncio.StreamReader) -> bytes:
        try:
            return await reader.readuntil(b"\n")
        except asyncio.IncompleteReadError as error:
            text = f"the quote server closed the connection after {len(error.partial)} bytes of an answer"
            raise self._no_quote("closed", text) from None
        except asyncio.LimitOverrunError:
            text = f"the quote server's answer does not end within {LONGEST_LINE} bytes"
            raise self._no_quote("garbled", text) from None
        except OSError as error:
            raise self._no_quote("closed", f"the connection to the quote server broke: {error}") from error

    def _take(self, race: _Race, line: bytes, asked_at: int, seconds: float) -> None:
        try:
            hit = read_answer(line, race.symbol, race.user)
        except ValueError as error:
            raise self._no_quote("garbled", f"the quote server gave no quote: {error}") from None
        metrics.count_hit(seconds)
        if hit.price == 0:
            race.stray(hit)
            raise self._no_quote("zero", f"the quote server gave a price of zero for {race.symbol}")
        if not race.outcome.done():
            self.error = ""
        race.answered(Answer(Quote(race.symbol, hit.price, asked_at, hit.server_time), hit))

    def _no_quote(self, reason: str, text: str) -> QuoteUnavailable:
        metrics.SERVER_FAILURES.labels(reason).inc()
        self.error = text
        return QuoteUnavailable(text)
