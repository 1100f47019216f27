"""The quote source: who asks, who shares, who gets the hit."""

import asyncio
from collections.abc import Callable

import pytest

from daytrader.domain.quote import VALID_MS, Hit
from daytrader.quotes.flight import Fetched
from daytrader.quotes.legacy import LegacyQuoteServer
from daytrader.quotes.memory import MemoryQuoteCache
from daytrader.quotes.mock import MockQuoteServer
from daytrader.quotes.port import Answer, QuoteUnavailable
from daytrader.quotes.source import QuoteSource
from tests.quotes.conftest import Sample
from tests.quotes.scripted import ScriptedQuoteServer, TurnedClock, turns

SourceOf = Callable[..., QuoteSource]
Fetching = asyncio.Task[Fetched]


@pytest.fixture
def source_of(clock: TurnedClock, strays: list[Hit]) -> SourceOf:
    """Makes a source that buys from the server at an address and shares with nobody."""

    def make(address: tuple[str, int], max_waiting: int = 4_096, max_connections: int = 128) -> QuoteSource:
        server = LegacyQuoteServer(*address, clock=clock, on_stray_hit=strays.append, max_connections=max_connections)
        cache = MemoryQuoteCache()
        return QuoteSource(server, cache, clock=clock, on_stray_hit=strays.append, max_waiting=max_waiting)

    return make


def start(source: QuoteSource, symbol: str = "ABC", user: str = "alice", *, fresh: bool = False) -> Fetching:
    """Fetch in a task of its own."""
    return asyncio.create_task(source.fetch(symbol, user, fresh=fresh))


async def test_nothing_is_known_at_first(source_of: SourceOf, scripted: ScriptedQuoteServer) -> None:
    """A symbol never asked for has no newest quote."""
    assert source_of(scripted.address).newest("ABC") is None


async def test_a_bought_quote_is_remembered(source_of: SourceOf, clock: TurnedClock, gained: Sample) -> None:
    """The first fetch pays, the next ones find the quote in memory for 60 s."""
    async with MockQuoteServer() as mock:
        source = source_of(mock.address)
        bought = await source.fetch("ABC", "alice")
        assert bought.hit is not None
        assert source.newest("ABC") == bought.quote
        clock.now += VALID_MS - 1
        assert await source.fetch("ABC", "bob") == Fetched(bought.quote, None)
        assert mock.answered == 1
        await source.close()
    assert gained("daytrader_quote_requests_total", result="server") == 1
    assert gained("daytrader_quote_requests_total", result="memory") == 1


async def test_an_expired_quote_is_bought_anew(source_of: SourceOf, clock: TurnedClock) -> None:
    """After 60 s the quote is still the newest known, but fetch asks the server."""
    async with MockQuoteServer() as mock:
        source = source_of(mock.address)
        old = await source.fetch("ABC", "alice")
        clock.now += VALID_MS
        assert source.newest("ABC") == old.quote
        mock.price = 700
        new = await source.fetch("ABC", "alice")
        await source.close()
    assert (new.quote.price, new.quote.asked_at) == (700, clock.now)
    assert source.newest("ABC") == new.quote
    assert mock.answered == 2


async def test_commands_that_need_the_same_quote_share_one_request(
    source_of: SourceOf, scripted: ScriptedQuoteServer, strays: list[Hit], gained: Sample
) -> None:
    """Any number of waiters cost one request, and exactly the one it was made for gets the hit."""
    source = source_of(scripted.address)
    fetches = [start(source, user=user) for user in ("alice", "bob", "alice", "carol")]
    key = (await scripted.question(0)).answer()
    results = await asyncio.gather(*fetches)
    await source.close()
    assert [fetched.hit and fetched.hit.cryptokey for fetched in results] == [key, None, None, None]
    assert len({fetched.quote for fetched in results}) == 1
    assert (len(scripted.questions), strays) == (1, [])
    assert gained("daytrader_quote_requests_total", result="server") == 1
    assert gained("daytrader_quote_requests_total", result="joined") == 3


async def test_different_symbols_do_not_wait_for_each_other(source_of: SourceOf, scripted: ScriptedQuoteServer) -> None:
    """Each symbol has its own request."""
    source = source_of(scripted.address)
    slow, fast = start(source, "A"), start(source, "B")
    await scripted.question(1)
    next(question for question in scripted.questions if question.symbol == "B").answer()
    assert (await fast).quote.symbol == "B"
    assert not slow.done()
    scripted.waiting()[0].answer()
    await slow


async def test_every_waiter_is_told_of_the_failure_and_the_next_tries_again(
    source_of: SourceOf, scripted: ScriptedQuoteServer, strays: list[Hit], gained: Sample
) -> None:
    """A failed request is no quote for all who waited, and is not remembered."""
    source = source_of(scripted.address)
    fetches = [start(source, user=user) for user in ("alice", "bob")]
    (await scripted.question(0)).answer("0.00")
    for fetching in fetches:
        with pytest.raises(QuoteUnavailable, match="zero"):
            await fetching
    assert [hit.price for hit in strays] == [0]
    assert source.newest("ABC") is None
    again = start(source)
    (await scripted.question(1)).answer()
    assert (await again).hit is not None
    await source.close()
    assert gained("daytrader_quote_requests_total", result="unavailable") == 2


async def test_the_hit_of_one_who_went_away_is_stray(
    source_of: SourceOf, scripted: ScriptedQuoteServer, strays: list[Hit], gained: Sample
) -> None:
    """A hit in alice's name goes into no other user's record; the quote serves the others all the same."""
    source = source_of(scripted.address)
    alice, bob = start(source, user="alice"), start(source, user="bob")
    question = await scripted.question(0)
    alice.cancel()
    await asyncio.wait([alice])
    key = question.answer()
    assert (await bob).hit is None
    assert [(hit.user, hit.cryptokey) for hit in strays] == [("alice", key)]
    await source.close()
    assert gained("daytrader_quote_requests_total", result="abandoned") == 1


async def test_another_command_of_the_same_user_takes_the_hit(
    source_of: SourceOf, scripted: ScriptedQuoteServer, strays: list[Hit]
) -> None:
    """Where the asker went away, a waiting command of the same user logs the hit."""
    source = source_of(scripted.address)
    first, second = start(source), start(source)
    question = await scripted.question(0)
    first.cancel()
    await asyncio.wait([first])
    key = question.answer()
    hit = (await second).hit
    assert hit is not None
    assert (hit.cryptokey, strays) == (key, [])


async def test_a_request_without_waiters_still_fills_the_memory(
    source_of: SourceOf, scripted: ScriptedQuoteServer, strays: list[Hit]
) -> None:
    """What was paid for is remembered, whoever is left to hear it."""
    source = source_of(scripted.address)
    fetching = start(source)
    question = await scripted.question(0)
    fetching.cancel()
    question.answer("6.00")
    await source.close()
    newest = source.newest("ABC")
    assert newest is not None
    assert (newest.price, len(strays)) == (600, 1)


async def test_no_moment_of_cancelling_loses_the_hit(
    source_of: SourceOf, clock: TurnedClock, scripted: ScriptedQuoteServer, strays: list[Hit]
) -> None:
    """Whichever turn of the event loop a command is cancelled in, its hit comes out once."""
    source = source_of(scripted.address)
    returned: list[Hit | None] = []
    for turn in range(14):
        fetching = start(source)
        (await scripted.question(turn)).answer()
        await turns(turn)
        fetching.cancel()
        await asyncio.wait([fetching])
        if not fetching.cancelled():
            returned.append(fetching.result().hit)
        clock.now += VALID_MS
        await until_idle(source)
    await source.close()
    assert returned
    assert strays
    assert sorted(hit.cryptokey for hit in [*returned, *strays] if hit) == scripted.paid


async def until_idle(source: QuoteSource) -> None:
    """Wait until no request of the source is under way."""
    async with asyncio.timeout(10):
        while source._tasks:
            await asyncio.wait(source._tasks)


async def test_fresh_always_asks_the_server(source_of: SourceOf, scripted: ScriptedQuoteServer) -> None:
    """A valid quote in memory does not do for a fresh one, and the fresh one replaces it."""
    source = source_of(scripted.address)
    known = start(source)
    (await scripted.question(0)).answer("5.00")
    await known
    fresh = start(source, fresh=True)
    (await scripted.question(1)).answer("6.00")
    fetched = await fresh
    assert fetched.quote.price == 600
    assert fetched.hit is not None
    assert source.newest("ABC") == fetched.quote


async def test_fresh_does_not_join_a_request_already_sent(source_of: SourceOf, scripted: ScriptedQuoteServer) -> None:
    """A quote asked for before the call is not fresh."""
    source = source_of(scripted.address)
    ordinary = start(source)
    first = await scripted.question(0)
    fresh = start(source, fresh=True)
    second = await scripted.question(1)
    another = start(source, fresh=True)
    third = await scripted.question(2)
    for question, price in ((first, "1.00"), (second, "2.00"), (third, "3.00")):
        question.answer(price)
    assert [(await fetching).quote.price for fetching in (ordinary, fresh, another)] == [100, 200, 300]
    newest = source.newest("ABC")
    assert newest is not None
    assert newest.price == 300


async def test_fresh_commands_at_the_same_moment_share_one_request(
    source_of: SourceOf, scripted: ScriptedQuoteServer
) -> None:
    """A request that has not left yet is fresh for all who came before it leaves."""
    source = source_of(scripted.address)
    fetches = [start(source, user=user, fresh=True) for user in ("alice", "bob", "carol")]
    (await scripted.question(0)).answer()
    hits = [(await fetching).hit for fetching in fetches]
    assert [hit is None for hit in hits] == [False, True, True]
    await source.close()
    assert len(scripted.questions) == 1


async def test_fresh_joins_an_ordinary_request_that_waits_for_a_connection(
    source_of: SourceOf, scripted: ScriptedQuoteServer
) -> None:
    """It is not when a request was made that matters but when it is sent."""
    source = source_of(scripted.address, max_connections=1)
    blocker = start(source, "X")
    question = await scripted.question(0)
    ordinary = start(source)
    await turns(5)
    fresh = start(source, user="bob", fresh=True)
    await turns(5)
    question.answer()
    (await scripted.question(1)).answer()
    assert (await ordinary).quote == (await fresh).quote
    await blocker
    await source.close()
    assert len(scripted.questions) == 2


async def test_an_ordinary_command_joins_a_fresh_request(source_of: SourceOf, scripted: ScriptedQuoteServer) -> None:
    """What serves a fresh quote serves an ordinary one too."""
    source = source_of(scripted.address)
    fresh = start(source, fresh=True)
    question = await scripted.question(0)
    ordinary = start(source, user="bob")
    await turns(5)
    question.answer()
    assert (await fresh).quote == (await ordinary).quote
    assert len(scripted.questions) == 1


async def test_an_older_quote_does_not_replace_a_newer_one(
    source_of: SourceOf, clock: TurnedClock, scripted: ScriptedQuoteServer
) -> None:
    """Answers that overtake each other leave the quote that was asked for last."""
    source = source_of(scripted.address)
    ordinary = start(source)
    old = await scripted.question(0)
    clock.now += 10
    fresh = start(source, fresh=True)
    (await scripted.question(1)).answer("2.00")
    await fresh
    old.answer("1.00")
    assert (await ordinary).quote.price == 100
    newest = source.newest("ABC")
    assert newest is not None
    assert newest.price == 200


async def test_too_many_waiters_are_refused_at_once(source_of: SourceOf, scripted: ScriptedQuoteServer) -> None:
    """What is over the bound is told so without waiting."""
    source = source_of(scripted.address, max_waiting=2)
    fetches = [start(source, symbol) for symbol in ("A", "B")]
    await scripted.question(1)
    with pytest.raises(QuoteUnavailable, match="2 commands are waiting for quotes already"):
        await source.fetch("A", "carol")
    for question in scripted.waiting():
        question.answer()
    await asyncio.gather(*fetches)
    assert (await source.fetch("A", "carol")).hit is None


async def test_abandoned_requests_are_bounded_too(source_of: SourceOf, scripted: ScriptedQuoteServer) -> None:
    """Commands that come and go do not pile up requests behind them."""
    source = source_of(scripted.address, max_waiting=2)
    for number, symbol in enumerate(("A", "B")):
        fetching = start(source, symbol)
        await scripted.question(number)
        fetching.cancel()
        await asyncio.wait([fetching])
    with pytest.raises(QuoteUnavailable, match="2 commands are waiting"):
        await source.fetch("C", "carol")
    for question in scripted.waiting():
        question.answer()
    await source.close()


async def test_closing_answers_who_waits_and_refuses_who_comes(
    source_of: SourceOf, scripted: ScriptedQuoteServer
) -> None:
    """Close lets the request under way end, with its hit in the command that asked."""
    source = source_of(scripted.address)
    fetching = start(source)
    question = await scripted.question(0)
    closing = asyncio.create_task(source.close())
    await turns(3)
    with pytest.raises(QuoteUnavailable, match="closed"):
        await source.fetch("XYZ", "bob")
    question.answer()
    await closing
    assert (await fetching).hit is not None


async def test_the_parts_complaints_are_its_status(source_of: SourceOf) -> None:
    """Status names what is wrong with the quote server and the cache, until it is right again."""
    async with MockQuoteServer() as mock:
        source = source_of(mock.address)
        mock.fail = "close"
        with pytest.raises(QuoteUnavailable):
            await source.fetch("ABC", "alice")
        await source.check()
        status = source.status()
        assert "closed the connection" in status.server_error
        assert (status.cache_available, status.cache_error) == (True, "")
        mock.fail = None
        await source.fetch("ABC", "alice")
        assert source.status().server_error == ""
        await source.close()


class _BrokenServer:
    """A quote server's client with a defect."""

    error = ""

    async def ask(self, symbol: str, user: str, on_sent: Callable[[], None]) -> Answer:  # noqa: ARG002
        raise ZeroDivisionError("a defect")

    async def close(self) -> None:
        pass


async def test_a_defect_reaches_who_waits(clock: TurnedClock, strays: list[Hit]) -> None:
    """A defect is not mistaken for a missing quote, and leaves nobody waiting."""
    source = QuoteSource(_BrokenServer(), MemoryQuoteCache(), clock=clock, on_stray_hit=strays.append)
    with pytest.raises(ZeroDivisionError):
        await source.fetch("ABC", "alice")
    await source.close()
