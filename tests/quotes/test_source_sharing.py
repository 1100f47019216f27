"""The quote source beside other replicas: what they share costs nothing."""

import asyncio

import pytest

from daytrader.domain.quote import Hit, Quote
from daytrader.quotes.flight import Fetched
from daytrader.quotes.legacy import LegacyQuoteServer
from daytrader.quotes.memory import MemoryQuoteCache
from daytrader.quotes.port import Claim, QuoteUnavailable
from daytrader.quotes.source import QuoteSource
from tests.quotes.conftest import Sample
from tests.quotes.scripted import ScriptedQuoteServer, TurnedClock


class _SharedCache(MemoryQuoteCache):
    """A cache in which another replica has put a quote, and which notes what happens to its claims."""

    def __init__(self, shared: Quote | None) -> None:
        super().__init__()
        self.shared = shared
        self.notes: list[str] = []

    async def quote_or_claim(self, symbol: str) -> Quote | Claim:
        return self.shared or Claim(symbol, "token")

    async def put(self, quote: Quote, claim: Claim | None) -> None:
        self.notes.append(f"put {quote.price} {claim and claim.token}")

    async def release(self, claim: Claim) -> None:
        self.notes.append(f"release {claim.token}")


def _sharing(cache: _SharedCache, scripted: ScriptedQuoteServer, clock: TurnedClock, strays: list[Hit]) -> QuoteSource:
    server = LegacyQuoteServer(*scripted.address, clock=clock, on_stray_hit=strays.append)
    return QuoteSource(server, cache, clock=clock, on_stray_hit=strays.append)


async def test_a_shared_quote_costs_nothing(
    clock: TurnedClock, scripted: ScriptedQuoteServer, strays: list[Hit], gained: Sample
) -> None:
    """What another replica learnt is used and remembered, without a hit."""
    shared = Quote("ABC", 700, clock.now - 5, 1)
    source = _sharing(_SharedCache(shared), scripted, clock, strays)
    assert await source.fetch("ABC", "alice") == Fetched(shared, None)
    assert source.newest("ABC") == shared
    assert gained("daytrader_quote_requests_total", result="shared") == 1
    assert scripted.questions == []


@pytest.mark.parametrize(
    ("fresh", "price", "note"),
    [(False, "5.00", "put 500 token"), (True, "5.00", "put 500 None"), (False, "0.00", "release token")],
)
async def test_the_other_replicas_hear_of_it(
    clock: TurnedClock, scripted: ScriptedQuoteServer, strays: list[Hit], *, fresh: bool, price: str, note: str
) -> None:
    """A quote is shared, fresh or not, and the right to ask is given back whatever came of it."""
    cache = _SharedCache(None)
    source = _sharing(cache, scripted, clock, strays)
    fetching = asyncio.create_task(source.fetch("ABC", "alice", fresh=fresh))
    (await scripted.question(0)).answer(price)
    await asyncio.wait([fetching])
    assert isinstance(fetching.exception(), QuoteUnavailable) == (price == "0.00")
    await source.close()
    assert cache.notes == [note]
