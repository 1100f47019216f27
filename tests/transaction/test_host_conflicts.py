"""The host beside another one: conflicts, lost appends, and what the other appended."""

import asyncio

from daytrader.domain.event import Added, BuyPlaced
from daytrader.journal.entry import partition_of
from daytrader.transaction.partitions import LOOK_EVERY
from tests.transaction.stage import ACCEPTED, PARTITIONS, Actor, Stage


async def two(stage: Stage) -> tuple[Actor, Actor]:
    """Two replicas that have both decided commands of alice; the second is up to date, the first does not know it."""
    one = await stage.started("one")
    other = stage.actor("two", owned=lambda: ())
    await stage.accepted(one, "ADD,100.00")
    await stage.accepted(other, "ADD,100.00 ADD,100.00")
    return one, other


async def test_after_a_conflict_commands_are_decided_again_in_order(stage: Stage) -> None:
    """What was decided on old state is thrown away, and decided on the newer one, in the order of arrival."""
    one, _ = await two(stage)
    lines = ["BUY,A,200.00", "COMMIT_BUY", "CANCEL_BUY", "SELL,A,100.00", "COMMIT_SELL"]
    await asyncio.gather(*(one.host.submit(stage.request("QUOTE,A", "bob")) for _ in range(2)))
    replies = await asyncio.gather(*(one.host.submit(stage.request(line)) for line in lines))
    assert [reply.status for reply in replies] == [200, 200, 400, 200, 200]
    numbers = [record.command.name for record in stage.records() if record.command and record.account == "alice"]
    assert numbers == ["ADD"] * 3 + [line.split(",")[0] for line in lines]
    home = partition_of("alice", PARTITIONS)
    assert [entry.n for entry in stage.entries() if entry.partition == home] == [1, 2, 3, 4]


async def test_after_a_conflict_those_that_waited_come_after_those_that_were_decided(stage: Stage) -> None:
    """The commands behind one that is decided again stay behind it."""
    one, other = await two(stage)
    one.journal.hold()
    await asyncio.sleep(LOOK_EVERY)
    await stage.accepted(other, "ADD,1.00")
    first = one.send(stage.request("ADD,2.00"))
    stage.quotes.go_on.clear()
    second = one.send(stage.request("BUY,A,5.00"))
    third = one.send(stage.request("ADD,4.00"))
    await asyncio.sleep(0.1)
    one.journal.let_go()
    await asyncio.sleep(0.1)
    stage.quotes.go_on.set()
    assert {(await task).status for task in (first, second, third)} == {200}
    assert stage.events()[-3:] == [Added(200), BuyPlaced("A", 500, 1, 500), Added(400)]


async def test_an_append_whose_answer_was_lost_is_settled(stage: Stage) -> None:
    """The same entry is inserted again until it is known what became of it: it takes effect once in any case."""
    actor = await stage.started()
    actor.journal.answers = ["answer lost", "", "lost", "lost", ""]
    await stage.accepted(actor, "ADD,1.00 ADD,2.00")
    assert stage.events() == [Added(100), Added(200)]
    assert len({entry.batch for append in actor.journal.appends for entry in append}) == 2


async def test_a_slow_replica_learns_that_its_unsettled_append_is_lost(stage: Stage) -> None:
    """Another replica appended at the place meanwhile: the commands are decided again after its entry."""
    one, other = await two(stage)
    await asyncio.sleep(LOOK_EVERY)
    one.journal.answers = ["lost"]
    one.journal.hold()
    answer = one.send(stage.request("ADD,8.00"))
    await asyncio.sleep(0.1)
    await stage.accepted(other, "ADD,4.00")
    one.journal.let_go()
    assert await answer == ACCEPTED
    assert stage.events()[-2:] == [Added(400), Added(800)]


async def test_a_hit_of_a_lost_append_is_logged_once(stage: Stage) -> None:
    """It was paid for: it is logged with the command that is decided again, or by itself."""
    one, _ = await two(stage)
    await asyncio.gather(one.host.submit(stage.request("BUY,A,5.00")), one.host.submit(stage.request("QUOTE,B")))
    assert sorted(hit.cryptokey for hit in stage.hits()) == sorted(hit.cryptokey for hit in stage.quotes.paid)
    assert len(stage.quotes.paid) == 2


async def test_a_stray_hit_of_a_lost_append_is_logged_once(stage: Stage) -> None:
    """No command carries it, and it is not forgotten all the same."""
    one, _ = await two(stage)
    answer = await stage.quotes.ask("A", "alice", lambda: None)
    one.host.stray(answer.hit)
    await asyncio.sleep(1)
    assert stage.hits() == [answer.hit]


async def test_a_replica_learns_of_others_appends_without_traffic(stage: Stage) -> None:
    """It looks every 2 s, so that it knows the triggers that were armed elsewhere."""
    one, other = await two(stage)
    await stage.accepted(other, "SET_BUY_AMOUNT,A,10.00 SET_BUY_TRIGGER,A,9.00")
    await asyncio.sleep(LOOK_EVERY + 0.5)
    (partition,) = [p for p in one.host._partitions if p.number == partition_of("alice", PARTITIONS)]
    assert partition.armed.symbols() == [("A", "alice")]
