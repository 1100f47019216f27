"""The quote cache of a single process: there is nobody to share with."""

from daytrader.domain.quote import Quote
from daytrader.quotes import metrics
from daytrader.quotes.port import Claim


class MemoryQuoteCache:
    """Always lets its one process ask: what it learns stays in the quote source's own memory."""

    available = True
    error = ""

    def __init__(self) -> None:
        metrics.CACHE_UP.set(1)

    async def quote_or_claim(self, symbol: str) -> Quote | Claim:
        """Give the right to ask."""
        return Claim(symbol, "")

    async def put(self, quote: Quote, claim: Claim | None) -> None:
        """Do nothing: the quote source remembers it."""

    async def release(self, claim: Claim) -> None:
        """Do nothing: nobody else waits for it."""

    async def check(self) -> None:
        """Do nothing: it cannot fail."""

    async def close(self) -> None:
        """Do nothing."""
