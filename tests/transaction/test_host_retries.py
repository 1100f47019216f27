"""The host, sent the same command again: one request id, one answer."""

import asyncio

import msgspec
import pytest

from daytrader.domain.command import parse
from daytrader.domain.event import Added, BuyPlaced
from daytrader.journal.entry import partition_of
from daytrader.transaction.message import Reply, Request
from daytrader.transaction.window import OTHER_COMMAND, OUTCOME_UNKNOWN
from tests.transaction.stage import ACCEPTED, PARTITIONS, Stage, again, users_of


async def test_the_same_command_under_way_is_decided_once(stage: Stage) -> None:
    """Whoever sends it again meanwhile waits for the same answer."""
    actor = await stage.started()
    actor.journal.hold()
    request = stage.request("ADD,10.00")
    first = actor.send(request)
    await asyncio.sleep(0.01)
    second = actor.send(again(request))
    other = actor.send(msgspec.structs.replace(again(request), command=parse("ADD", "alice", "", "99.00")))
    assert await other == OTHER_COMMAND
    actor.journal.let_go()
    assert [await first, await second] == [ACCEPTED, ACCEPTED]
    assert stage.events() == [Added(1000)]


async def test_a_retry_gets_the_first_answer_from_another_replica(stage: Stage) -> None:
    """The id is kept in the journal: any replica finds it, also after a restart."""
    one = await stage.started("one")
    await stage.accepted(one, "ADD,100.00")
    buy = stage.request("BUY,A,50.00", key="order-1")
    answer = await one.host.submit(buy)
    await one.stop()
    two = await stage.started("two")
    stage.quotes.prices["A"] = 700
    assert await two.host.submit(again(buy)) == answer
    assert await two.host.submit(stage.request("BUY,A,60.00", key="order-1")) == OTHER_COMMAND
    assert [type(event) for event in stage.events()] == [Added, BuyPlaced]


async def test_a_first_sending_is_not_decided_after_its_second_was(stage: Stage) -> None:
    """What was long on its way to a replica may have been sent again, and decided, there or elsewhere meanwhile."""
    one = await stage.started("one")
    two = await stage.started("two", owned=lambda: ())
    late_here, late_there = stage.request("ADD,1.00"), stage.request("ADD,2.00")
    await asyncio.sleep(3)
    await one.host.submit(again(late_here))
    assert await one.host.submit(late_here) == ACCEPTED
    await one.host.submit(again(late_there))
    await stage.accepted(two, "ADD,4.00")
    assert await two.host.submit(late_there) == ACCEPTED
    assert stage.events() == [Added(100), Added(200), Added(400)]


async def test_a_command_that_another_replica_decided_while_it_waited_is_not_decided_again(stage: Stage) -> None:
    """Web sent it to a second replica when the connection to the first broke; the first still has it in a lane."""
    one = await stage.started("one")
    two = stage.actor("two", owned=lambda: ())
    neighbour = users_of(partition_of("alice", PARTITIONS), 1)[0]
    await stage.accepted(one, "ADD,100.00")
    await stage.accepted(one, "ADD,100.00", neighbour)
    await stage.accepted(two, "QUOTE,A")
    await stage.accepted(one, "ADD,100.00", neighbour)
    stage.quotes.go_on.clear()
    request = stage.request("BUY,A,50.00")
    waits = one.send(request)
    await asyncio.sleep(0.01)
    decided = await two.host.submit(again(request))
    await stage.accepted(one, "ADD,100.00", neighbour)
    assert not waits.done()
    stage.quotes.go_on.set()
    assert await waits == decided
    assert stage.loop.time() < 1_001
    assert [type(event) for event in stage.events()].count(BuyPlaced) == 1


async def test_answers_from_the_window_change_nothing(stage: Stage) -> None:
    """QUOTE and DISPLAY_SUMMARY are answered anew, everything else as the first time; a 503 is not remembered."""
    actor = await stage.started()
    stage.quotes.prices["A"] = 0
    await stage.accepted(actor, "ADD,100.00")
    unavailable = await actor.host.submit(stage.request("BUY,A,50.00", key="buy"))
    assert unavailable == Reply(503, b"Quote unavailable")
    stage.quotes.prices["A"] = 400
    assert (await actor.host.submit(stage.request("BUY,A,50.00", key="buy"))).answer == (400, 12, 4800)
    assert (await actor.host.submit(stage.request("BUY,A,50.00", key="buy"))).answer == (400, 12, 4800)
    assert (await actor.host.submit(stage.request("QUOTE,A", key="quote"))).body == b"4.00"
    stage.quotes.prices["A"] = 600
    await asyncio.sleep(60)
    assert (await actor.host.submit(stage.request("QUOTE,A", key="quote"))).body == b"6.00"
    assert (await actor.host.submit(stage.request("QUOTE,B", key="quote"))) == OTHER_COMMAND
    refused = await actor.host.submit(stage.request("SELL,A,50.00", key="sell"))
    assert refused == Reply(400, b"Insufficient shares")
    assert await actor.host.submit(stage.request("SELL,A,50.00", key="sell")) == refused
    assert len(stage.records()) == 6


async def test_a_retry_that_the_window_does_not_reach_has_an_unknown_outcome(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the window has forgotten commands since the first sending, nobody can say; else it is decided."""
    monkeypatch.setattr("daytrader.domain.evolve.WINDOW", 3)
    actor = await stage.started()
    await stage.accepted(actor, "ADD,1.00")
    old = stage.request("ADD,64.00")
    await asyncio.sleep(10)
    await stage.accepted(actor, "ADD,2.00 ADD,4.00 ADD,8.00")
    young = stage.request("ADD,16.00")
    assert await actor.host.submit(again(old)) == OUTCOME_UNKNOWN
    await asyncio.sleep(3)
    assert await actor.host.submit(again(young)) == OUTCOME_UNKNOWN  # the clocks of two replicas differ a little
    later = stage.request("ADD,32.00")
    assert await actor.host.submit(again(later)) == ACCEPTED


async def test_strangers_may_use_the_same_key(stage: Stage) -> None:
    """Users who do not exist share one window, but not their keys."""
    actor = await stage.started()
    first, second = users_of(2, 2)
    for user in (first, second, first):
        reply = await actor.host.submit(stage.request("BUY,A,5.00", user, key="1"))
        assert reply == Reply(400, b"User does not exist")
    assert await actor.host.submit(stage.request("SELL,A,5.00", first, key="1")) == OTHER_COMMAND
    assert len(stage.records()) == 2


async def test_what_a_stranger_asked_is_remembered_after_the_first_add(stage: Stage) -> None:
    """A refusal that a user was given before the account existed is given again, though it could now be accepted."""
    actor = await stage.started()
    buy = stage.request("BUY,A,5.00", key="1")
    refused = await actor.host.submit(buy)
    await stage.accepted(actor, "ADD,100.00")
    assert await actor.host.submit(again(buy)) == refused
    assert len(stage.records()) == 2


async def test_commands_without_a_valid_userid_are_told_apart(stage: Stage) -> None:
    """Nobody can say that two are of the same user: neither gets the other's answer, nor is a key of theirs used up."""
    actor = await stage.started()
    invalid = [
        Request("k:1", partition_of("", PARTITIONS), parse(name, "!!", "A", "5.00"), stage.clock())
        for name in ("BUY", "SELL")
    ]
    refused = Reply(400, b"Invalid userid")
    assert await actor.batch([*invalid, *invalid]) == [refused] * 4
    assert await actor.batch(invalid) == [refused] * 2
    assert len(stage.records()) == 2
