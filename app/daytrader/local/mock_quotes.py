"""How the mock quote server of an installation behaves, as `daytrader up` is told."""

from dataclasses import dataclass

from daytrader.domain.money import dollars
from daytrader.quotes.mock import MockQuoteServer
from daytrader.quotes.mock_behaviour import Latency


@dataclass(frozen=True, slots=True)
class MockQuotes:
    """A fixed price in cents, or (with a seed) prices that walk at random."""

    price: int = 500
    walk_seed: int | None = None
    latency: Latency = "none"

    def argv(self) -> tuple[str, ...]:
        """Return the options of `daytrader quotes mock`."""
        how = ("--price", dollars(self.price)) if self.walk_seed is None else ("--walk", str(self.walk_seed))
        return (*how, "--latency", self.latency)

    def server(self) -> MockQuoteServer:
        """Return the server for this process, on a free port."""
        if self.walk_seed is None:
            return MockQuoteServer(price=self.price, latency=self.latency)
        return MockQuoteServer(price=None, walk_seed=self.walk_seed, latency=self.latency)
