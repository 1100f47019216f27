"""The quote source in any order of events: no hit is lost or doubled."""

import asyncio
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from daytrader.domain.quote import VALID_MS, Hit
from daytrader.quotes.flight import Fetched
from daytrader.quotes.legacy import LegacyQuoteServer
from daytrader.quotes.memory import MemoryQuoteCache
from daytrader.quotes.port import QuoteUnavailable
from daytrader.quotes.source import QuoteSource
from tests.quotes.scripted import ScriptedQuoteServer, TurnedClock, turns

STEPS = st.one_of(
    st.tuples(st.just("fetch"), st.sampled_from("AB"), st.sampled_from(["alice", "bob"]), st.booleans()),
    st.tuples(st.just("cancel"), st.integers(0, 9)),
    st.tuples(st.just("answer"), st.integers(0, 9), st.sampled_from(["5.00", "0.00", "garbage", "close"])),
    st.tuples(st.just("turn"), st.integers(1, 8)),
    st.tuples(st.just("expire")),
)


class _Play:
    """Commands, cancellations and answers in any order, against one source."""

    def __init__(self, server: ScriptedQuoteServer, *, hedged: bool, max_connections: int) -> None:
        self.server = server
        self.clock = TurnedClock()
        self.strays: list[Hit] = []
        self.fetches: list[asyncio.Task[Fetched]] = []
        client = LegacyQuoteServer(
            *server.address,
            clock=self.clock,
            on_stray_hit=self.strays.append,
            hedge_after_ms=0 if hedged else None,
            max_connections=max_connections,
        )
        self.source = QuoteSource(client, MemoryQuoteCache(), clock=self.clock, on_stray_hit=self.strays.append)

    async def step(self, kind: str, *what: Any) -> None:
        match kind, what:
            case "fetch", (symbol, user, fresh):
                self.fetches.append(asyncio.create_task(self.source.fetch(symbol, user, fresh=fresh)))
            case "cancel", (number,) if self.fetches:
                self.fetches[number % len(self.fetches)].cancel()
            case "answer", (number, how) if self.server.waiting():
                waiting = self.server.waiting()
                self.answer(number % len(waiting), how)
            case "turn", (number,):
                await turns(number)
            case "expire", ():
                self.clock.now += VALID_MS

    def answer(self, number: int, how: str) -> None:
        question = self.server.waiting()[number]
        match how:
            case "garbage":
                question.send(b"what?\n")
            case "close":
                question.close()
            case price:
                question.answer(price)

    async def end(self) -> list[Hit]:
        """Answer what is open until nothing is, and give the hits that came with a quote."""
        closing = asyncio.create_task(self.source.close())
        async with asyncio.timeout(20):
            while not closing.done():
                for question in self.server.waiting():
                    question.answer()
                await turns(1)
            outcomes = await asyncio.gather(*self.fetches, return_exceptions=True)
        await closing
        for outcome in outcomes:
            assert isinstance(outcome, Fetched | QuoteUnavailable | asyncio.CancelledError), outcome
        return [outcome.hit for outcome in outcomes if isinstance(outcome, Fetched) and outcome.hit]


@settings(max_examples=250, deadline=None)
@given(st.lists(STEPS, max_size=40), st.booleans(), st.sampled_from([1, 2, 64]))
def test_every_hit_comes_out_exactly_once(steps: list[tuple[Any, ...]], hedged: bool, max_connections: int) -> None:
    """Whatever is cancelled, fails or is hedged: every paid answer is one command's or stray, never both."""

    async def play() -> None:
        async with ScriptedQuoteServer() as server:
            game = _Play(server, hedged=hedged, max_connections=max_connections)
            for step in steps:
                await game.step(*step)
            carried = await game.end()
            assert sorted(hit.cryptokey for hit in carried + game.strays) == sorted(server.paid)
            assert all(hit.price > 0 for hit in carried)

    asyncio.run(play())
