"""A simulated quote server: prices that change with time, answers that cost money, and answers that do not come."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from daytrader.domain.quote import Hit, Quote
from daytrader.quotes.port import Answer, Clock, OnStrayHit, QuoteUnavailable
from tests.simulation.loop import Process, SimulatedLoop


@dataclass
class Paid:
    """One answer that was paid for."""

    hit: Hit
    process: Process
    """Who asked."""


class QuoteMarket:
    """The quote server as all replicas know it."""

    def __init__(self, loop: SimulatedLoop, random: Random, *, fixed: bool) -> None:
        self.loop = loop
        self.random = random
        self.process = Process("quote server")
        self.paid: dict[str, Paid] = {}
        self.closed = False
        self.failing = 0.0
        self.slow = 0.0
        self._fixed = fixed
        self._start = random.randrange(1_000_000)

    def price(self, symbol: str) -> int:
        """Return the price of now in cents."""
        if self._fixed:
            return 500
        return 300 + (hash_of(symbol) * 7 + (int(self.loop.time() / 5) + self._start) * 7919) % 400

    def pay(self, symbol: str, user: str, process: Process, price: int) -> Hit:
        """Answer, and remember that it cost money."""
        key = f"key{len(self.paid)}"
        hit = Hit(symbol, user, price, int(self.loop.time() * 1000), key)
        self.paid[key] = Paid(hit, process)
        return hit


def hash_of(text: str) -> int:
    """Return a number that is the same in every run."""
    return sum(ord(letter) * 31**place for place, letter in enumerate(text))


class SimulatedQuoteServer:
    """The quote server as one replica reaches it."""

    error = ""

    def __init__(self, market: QuoteMarket, process: Process, clock: Clock, on_stray_hit: OnStrayHit) -> None:
        self._market = market
        self._process = process
        self._clock = clock
        self._on_stray_hit = on_stray_hit

    async def ask(self, symbol: str, user: str, on_sent: Callable[[], None]) -> Answer:
        """Buy a quote; sometimes it does not come, or comes too late, or is zero."""
        market = self._market
        random = market.random
        on_sent()
        asked_at = self._clock()
        slow = random.random() < market.slow
        await asyncio.sleep(random.uniform(0.5, 4) if slow else random.uniform(0.001, 0.03))
        if market.closed:
            raise QuoteUnavailable("the simulated quote server is closed")
        if random.random() >= market.failing:
            price = market.price(symbol)
            return Answer(
                Quote(symbol, price, asked_at, int(market.loop.time() * 1000)),
                market.pay(symbol, user, self._process, price),
            )
        way = random.choice(("zero", "late", "never"))
        if way == "zero":
            self._on_stray_hit(market.pay(symbol, user, self._process, 0))
        elif way == "late":
            hit = market.pay(symbol, user, self._process, market.price(symbol))
            market.loop.call_later(random.uniform(0.1, 3), self._on_stray_hit, hit)
        raise QuoteUnavailable("the simulated quote server gives none")

    async def close(self) -> None:
        """Do nothing."""
