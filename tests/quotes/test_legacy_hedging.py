"""Hedging: a second request to the legacy quote server where the first is slow, and what both bring."""

import asyncio

import pytest

from daytrader.domain.quote import Hit
from daytrader.quotes.port import QuoteUnavailable
from tests.quotes.asking import ClientOf, ask
from tests.quotes.conftest import Sample
from tests.quotes.scripted import ScriptedQuoteServer, TurnedClock, turns


async def test_without_hedging_one_request_is_sent(client_of: ClientOf, scripted: ScriptedQuoteServer) -> None:
    """A slow answer is waited for, and costs once."""
    client = client_of(scripted.address)
    asking = ask(client)
    question = await scripted.question(0)
    await turns(20)
    question.answer()
    await asking
    await client.close()
    assert len(scripted.questions) == 1


async def test_a_hedged_request_takes_the_first_answer_and_reports_the_other(
    client_of: ClientOf, scripted: ScriptedQuoteServer, strays: list[Hit], gained: Sample
) -> None:
    """The second request's answer wins, the first's is a stray hit when it comes."""
    client = client_of(scripted.address, hedge_after_ms=1)
    asking = ask(client)
    first, second = await scripted.question(0), await scripted.question(1)
    fast = second.answer("6.00")
    assert (await asking).hit.cryptokey == fast
    slow = first.answer("7.00")
    await client.close()
    assert [(hit.cryptokey, hit.price) for hit in strays] == [(slow, 700)]
    assert gained("daytrader_quote_hedges_total") == 1
    assert gained("daytrader_quote_cost_dollars_total") == pytest.approx(0.10)


async def test_a_hedged_requests_age_counts_from_its_own_sending(
    client_of: ClientOf, clock: TurnedClock, scripted: ScriptedQuoteServer
) -> None:
    """The winner's age counts from when the winner was sent, not from the first request."""
    client = client_of(scripted.address, hedge_after_ms=1)
    asking = ask(client)
    first, second = await scripted.question(0), await scripted.question(1)
    clock.now += 500
    first.answer()
    assert (await asking).quote.asked_at == clock.now - 500
    second.close()
    await client.close()


async def test_one_bad_answer_of_two_is_no_failure(
    client_of: ClientOf, scripted: ScriptedQuoteServer, strays: list[Hit]
) -> None:
    """While the other request may still be answered, a bad answer decides nothing."""
    client = client_of(scripted.address, hedge_after_ms=1)
    asking = ask(client)
    first, second = await scripted.question(0), await scripted.question(1)
    zero = first.answer("0.00")
    await turns(20)
    assert not asking.done()
    good = second.answer()
    assert (await asking).hit.cryptokey == good
    assert [hit.cryptokey for hit in strays] == [zero]


async def test_two_bad_answers_are_a_failure(
    client_of: ClientOf, scripted: ScriptedQuoteServer, strays: list[Hit]
) -> None:
    """When both requests came to nothing there is no need to wait for the time limit."""
    client = client_of(scripted.address, hedge_after_ms=1)
    asking = ask(client)
    first, second = await scripted.question(0), await scripted.question(1)
    first.close()
    await turns(20)
    second.answer("0.00")
    with pytest.raises(QuoteUnavailable, match="price of zero"):
        await asking
    assert len(strays) == 1


async def test_a_hedge_never_waits_for_a_connection(client_of: ClientOf, scripted: ScriptedQuoteServer) -> None:
    """With no connection free at its moment the second request is not sent, nor later when one is."""
    client = client_of(scripted.address, hedge_after_ms=0, max_connections=2)
    asking = [ask(client, "A"), ask(client, "B")]
    first, second = await scripted.question(0), await scripted.question(1)
    await turns(20)
    first.answer()
    await turns(20)
    second.answer()
    await asyncio.gather(*asking)
    await client.close()
    assert len(scripted.questions) == 2
