"""Triggers: when they are evaluated, what firing does, and that it happens once."""

import asyncio
from collections import Counter

import pytest

from daytrader.domain.event import BuyTriggerFired, Event, SellTriggerFired
from daytrader.domain.quote import Quote
from daytrader.journal.port import StoredAccount
from tests.transaction.stage import Stage, users_of

ARM_BUY = "ADD,100.00 SET_BUY_AMOUNT,A,50.00 SET_BUY_TRIGGER,A,4.00"
ARM_SELL = "ADD,100.00 BUY,A,60.00 COMMIT_BUY SET_SELL_AMOUNT,A,60.00 SET_SELL_TRIGGER,A,6.00"


def fired(stage: Stage) -> list[Event]:
    """The firings in the journal."""
    return [event for event in stage.events() if isinstance(event, BuyTriggerFired | SellTriggerFired)]


async def test_a_buy_trigger_buys_at_the_quote(stage: Stage) -> None:
    """As many whole shares as its amount pays for; what is left of it goes back to free cash."""
    actor = await stage.started(trigger_ms=1_000)
    await stage.accepted(actor, ARM_BUY)
    stage.quotes.prices["A"] = 390
    await asyncio.sleep(62)
    assert fired(stage) == [BuyTriggerFired("A", 390, 12, 4_680, 320)]
    assert stage.records()[-1].quote is not None
    (summary,) = await stage.run(actor, "DISPLAY_SUMMARY")
    assert b'"cents":5320,"investments":[{"stock":"A","amount":12}],"triggers":[]' in summary.body


async def test_a_sell_trigger_sells_its_shares_at_the_quote(stage: Stage) -> None:
    """The reserved shares, for what they bring now."""
    actor = await stage.started(trigger_ms=1_000)
    await stage.accepted(actor, ARM_SELL)
    stage.quotes.prices["A"] = 650
    await asyncio.sleep(62)
    assert fired(stage) == [SellTriggerFired("A", 650, 10, 6_500)]


async def test_a_price_that_is_just_met_fires(stage: Stage) -> None:
    """Buy at or below its price, sell at or above it; one cent away neither."""
    actor = await stage.started(trigger_ms=1_000)
    for user, script in zip(("alice", "bob"), (ARM_BUY, ARM_SELL), strict=True):
        await stage.accepted(actor, script, user)
    for price, number in ((401, 0), (599, 0), (400, 1), (600, 2)):
        stage.quotes.prices["A"] = price
        await asyncio.sleep(62)
        assert len(fired(stage)) == number


async def test_the_first_evaluation_comes_one_interval_after_the_start(stage: Stage) -> None:
    """With an interval of 60 s a trigger that could fire at once waits for it."""
    actor = await stage.started(trigger_ms=60_000)
    stage.quotes.prices["A"] = 300
    await stage.accepted(actor, ARM_BUY)
    await asyncio.sleep(59)
    assert fired(stage) == []
    await asyncio.sleep(2)
    assert len(fired(stage)) == 1


async def test_evaluations_follow_a_clock_that_is_turned(stage: Stage) -> None:
    """Who turns the clock by a minute need not wait for it."""
    actor = await stage.started(trigger_ms=60_000)
    stage.quotes.prices["A"] = 300
    await stage.accepted(actor, ARM_BUY)
    stage.ahead_ms += 60_000
    await asyncio.sleep(1)
    assert len(fired(stage)) == 1


async def test_a_trigger_fires_once(stage: Stage) -> None:
    """Many evaluations, two replicas that both take it for theirs, and appends whose answers are lost."""
    one = await stage.started("one", trigger_ms=100)
    two = await stage.started("two", trigger_ms=130)
    users = users_of(0, 3) + users_of(1, 3) + users_of(2, 3)
    for user in users:
        await stage.accepted(one, ARM_BUY, user)
    for actor in (one, two):
        actor.journal.answers = ["answer lost", "lost"] * 4
    stage.quotes.prices["A"] = 300
    await asyncio.sleep(70)
    assert Counter(record.account for record in stage.records() if record.event in fired(stage)) == Counter(users)
    assert {len(partition.armed) for actor in (one, two) for partition in actor.host._partitions} == {0}


async def test_expired_quotes_of_armed_symbols_are_refreshed(stage: Stage) -> None:
    """And no others: each costs money, and every hit is in the log."""
    actor = await stage.started(trigger_ms=1_000)
    await stage.accepted(actor, f"{ARM_BUY} QUOTE,A QUOTE,B SET_BUY_AMOUNT,C,5.00")
    assert stage.quotes.asked == ["A", "B"]
    await asyncio.sleep(125)
    assert stage.quotes.asked == ["A", "B", "A", "A"]
    assert stage.hits() == stage.quotes.paid


async def test_a_slow_quote_holds_up_no_other_symbol(stage: Stage) -> None:
    """The symbols whose quotes are known are evaluated every interval, the others when their quote comes."""
    actor = await stage.started(trigger_ms=1_000)
    await stage.accepted(actor, f"{ARM_BUY} SET_BUY_AMOUNT,B,10.00 SET_BUY_TRIGGER,B,5.00")
    stage.quotes.prices["A"] = 300
    stage.quotes.go_on.clear()
    await asyncio.sleep(5)
    stage.quotes.go_on.set()
    await asyncio.sleep(0.1)
    assert [event.symbol for event in fired(stage) if isinstance(event, BuyTriggerFired)] == ["A", "B"]
    stage.quotes.prices["B"] = 300
    await stage.accepted(actor, "SET_BUY_AMOUNT,A,10.00 SET_BUY_TRIGGER,A,3.00")
    await stage.accepted(actor, "SET_BUY_AMOUNT,C,9.00 SET_BUY_TRIGGER,C,1.00")
    stage.quotes.go_on.clear()
    await asyncio.sleep(2)
    assert len(fired(stage)) == 3
    stage.quotes.go_on.set()


async def test_without_a_quote_nothing_fires(stage: Stage) -> None:
    """It is asked for again at every evaluation."""
    actor = await stage.started(trigger_ms=1_000)
    await stage.accepted(actor, ARM_BUY)
    stage.quotes.prices["A"] = 0
    await asyncio.sleep(5)
    assert fired(stage) == []
    stage.quotes.prices["A"] = 300
    await asyncio.sleep(2)
    assert len(fired(stage)) == 1


async def test_a_quote_that_expires_while_an_account_is_loaded_fires_nothing(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It must be valid when the trigger fires, not only when the evaluation began."""
    actor = await stage.started(memory=0)
    user, neighbour = users_of(0, 2)
    partition = actor.host._partitions[0]
    await stage.accepted(actor, ARM_BUY, user)
    await stage.accepted(actor, "ADD,1.00", neighbour)
    await actor.host._keeper._store_changed(partition, [user, neighbour])
    partition.evict([user, neighbour])
    assert user not in partition.accounts
    load = actor.accounts.load

    async def slow(number: int, users: list[str]) -> dict[str, StoredAccount]:
        await asyncio.sleep(5)
        return await load(number, users)

    monkeypatch.setattr(actor.accounts, "load", slow)
    for age_ms, number in ((57_000, 0), (0, 1)):
        await actor.host._watcher._fire_all(Quote("A", 300, stage.clock() - age_ms, 0))
        await asyncio.sleep(1)
        assert len(fired(stage)) == number


async def test_a_replica_evaluates_only_its_own_partitions(stage: Stage) -> None:
    """One that has lost a partition stops, the new owner goes on."""
    owned: list[int] = [0, 1, 2, 3]
    one = stage.actor("one", owned=lambda: owned, trigger_ms=1_000)
    await one.ready()
    await stage.accepted(one, ARM_BUY)
    owned.clear()
    stage.quotes.prices["A"] = 300
    await asyncio.sleep(70)
    assert fired(stage) == []
    await stage.started("two", trigger_ms=1_000)
    await asyncio.sleep(3)
    assert len(fired(stage)) == 1


async def test_many_triggers_fire_with_commands_in_between(stage: Stage) -> None:
    """A price that many wait for does not keep commands waiting until all have fired."""
    actor = await stage.started(trigger_ms=1_000)
    users = users_of(0, 450)
    await asyncio.gather(*(stage.accepted(actor, ARM_BUY, user) for user in users))
    stage.quotes.prices["A"] = 300
    await asyncio.sleep(70)
    assert len(fired(stage)) == len(users)


async def test_a_sale_that_would_lift_the_balance_too_high_stays_armed(stage: Stage) -> None:
    """It fires when there is room again."""
    actor = await stage.started(trigger_ms=1_000)
    await stage.accepted(actor, f"{ARM_SELL} ADD,9999999999900.00")
    stage.quotes.prices["A"] = 1_100
    await asyncio.sleep(62)
    assert fired(stage) == []
    await stage.accepted(actor, "BUY,B,50.00 COMMIT_BUY")
    await asyncio.sleep(62)
    assert len(fired(stage)) == 1
