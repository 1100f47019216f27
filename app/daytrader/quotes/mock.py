"""A mock of the legacy quote server: the same protocol, free of charge, and it misbehaves to order."""

import asyncio
import time
from typing import Final, Self, cast

from daytrader.domain.money import dollars
from daytrader.quotes.answer import LONGEST_LINE
from daytrader.quotes.mock_behaviour import SLOW_S, Draws, Failure, Latency, Mood
from daytrader.quotes.port import Clock

FIXED_PRICE: Final = 500
"""5.00, the price of all test cases, in cents."""
QUESTION_LIMIT_S: Final = 10.0


def wall_clock() -> int:
    """The time now, in ms since the epoch."""
    return time.time_ns() // 1_000_000


class MockQuoteServer:
    """Serves quotes at `host`:`port` (0: any free one) until closed.

    The price is `price` (cents), or, where that is None, a random walk per symbol from `walk_seed`. With latency
    "real" answers take as long as the real server's. A share of `failure_rate` of the answers goes wrong. Latency,
    failures and cryptokeys come from `seed`: the nth answer for a symbol is the same in every run.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        price: int | None = FIXED_PRICE,
        walk_seed: int = 0,
        latency: Latency = "none",
        failure_rate: float = 0.0,
        seed: int = 0,
        clock: Clock = wall_clock,
    ) -> None:
        self.price = price
        self.fail: Failure | None = None
        """Set, every answer fails this way."""
        self.mood: Mood = "well"
        """Set to another, everything is slow, or fails, until it is set back."""
        self.answered = 0
        """Answers given that cost money: those with a price, 0.00 included."""
        self.connections: set[asyncio.Transport] = set()
        self._host = host
        self._port = port
        self._walk_seed = walk_seed
        self._latency = latency
        self._failure_rate = failure_rate
        self._seed = seed
        self._clock = clock
        self._numbers: dict[str, int] = {}
        self._walks: dict[str, int] = {}
        self._server: asyncio.Server | None = None

    @property
    def address(self) -> tuple[str, int]:
        """Host and port it listens at, once started."""
        return self._host, self._port

    async def start(self) -> None:
        """Listen.

        Raises:
            OSError: the port is taken.
        """
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self), self._host, self._port, backlog=1024)
        self._port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop listening and drop the connections."""
        if self._server is not None:
            self._server.close()
            for connection in list(self.connections):
                connection.abort()
            await self._server.wait_closed()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def answer(self, symbol: str, user: str) -> tuple[bytes, float]:
        """The next answer, empty where there is to be none, and the seconds to let pass before it."""
        number = self._numbers.get(symbol, 0)
        self._numbers[symbol] = number + 1
        draws = Draws(self._seed, symbol, number)
        delay_s = draws.delay_s() if self._latency == "real" else 0.0
        if self.mood == "slow":
            delay_s += SLOW_S
        if self.mood == "failing":
            return b"", delay_s
        failure = self.fail or draws.failure(self._failure_rate)
        if failure == "close":
            return b"", delay_s
        if failure == "garbage":
            return f"ERROR,{draws.cryptokey()}\n".encode("ascii"), delay_s
        self.answered += 1
        price = 0 if failure == "zero" else self._price_of(symbol, number)
        line = f"{dollars(price)},{symbol},{user},{self._clock()},{draws.cryptokey()}\n"
        return line.encode("ascii"), delay_s

    def _price_of(self, symbol: str, number: int) -> int:
        if self.price is not None:
            return self.price
        draws = Draws(self._walk_seed, symbol, number)
        before = self._walks.get(symbol)
        price = draws.first_price() if before is None else draws.next_price(before)
        self._walks[symbol] = price
        return price


class _Connection(asyncio.Protocol):
    """One question, one answer."""

    def __init__(self, server: MockQuoteServer) -> None:
        self._server = server
        self._asked = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._server.connections.add(self._transport)
        self._timer = asyncio.get_running_loop().call_later(QUESTION_LIMIT_S, self._transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._timer.cancel()
        self._server.connections.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        self._asked += data
        if b"\n" not in self._asked and len(self._asked) <= LONGEST_LINE:
            return
        self._transport.pause_reading()
        self._timer.cancel()
        symbol, _, user = self._asked.partition(b"\n")[0].rstrip(b"\r ").partition(b",")
        if not (symbol.isalpha() and symbol.isupper() and len(symbol) <= 3 and user.isalnum() and len(user) <= 64):
            self._transport.close()
            return
        line, delay_s = self._server.answer(symbol.decode("ascii"), user.decode("ascii"))
        if delay_s:
            self._timer = asyncio.get_running_loop().call_later(delay_s, self._send, line)
        else:
            self._send(line)

    def _send(self, line: bytes) -> None:
        self._transport.write(line)
        self._transport.close()
