"""The cache of a single process."""

from daytrader.domain.quote import Quote
from daytrader.quotes.memory import MemoryQuoteCache
from daytrader.quotes.port import Claim, QuoteCache


async def test_a_single_process_always_asks_for_itself() -> None:
    """There is nobody to wait for, nothing to share, and nothing that could be down."""
    cache: QuoteCache = MemoryQuoteCache()
    claim = await cache.quote_or_claim("ABC")
    assert claim == Claim("ABC", "")
    await cache.put(Quote("ABC", 500, 1, 1), claim)
    assert await cache.quote_or_claim("ABC") == claim
    await cache.release(claim)
    await cache.check()
    assert (cache.available, cache.error) == (True, "")
    await cache.close()
