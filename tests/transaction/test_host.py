"""The host: answers, lanes, limits, batches, barriers, hits, draining."""

import asyncio
from math import isnan

import msgspec
import pytest
from prometheus_client import REGISTRY

from daytrader.domain.command import Command
from daytrader.domain.event import Added
from daytrader.journal.entry import partition_of
from daytrader.transaction import host as host_module
from daytrader.transaction.host import BUSY, MISPLACED, MOST_OF_A_USER
from daytrader.transaction.lanes import DEADLINE, DEFECT, TOO_LATE
from daytrader.transaction.message import Reply, Request
from daytrader.transaction.window import OUTCOME_UNKNOWN
from tests.transaction.stage import ACCEPTED, PARTITIONS, Stage, again, users_of


async def test_a_command_is_answered_when_it_is_durable(stage: Stage) -> None:
    """While the append is under way there is no answer, though the command is decided."""
    actor = await stage.started()
    actor.journal.hold()
    answer = actor.send(stage.request("ADD,10.00"))
    await asyncio.sleep(1)
    assert not answer.done()
    actor.journal.let_go()
    assert await answer == ACCEPTED
    assert stage.events() == [Added(1000)]


async def test_what_arrives_during_an_append_forms_the_next_one(stage: Stage) -> None:
    """While one append is under way, all that is decided waits for it, and goes into one more append together."""
    actor = await stage.started()
    actor.journal.hold()
    first = actor.send(stage.request("ADD,1.00"))
    await asyncio.sleep(0.01)
    others = [actor.send(stage.request("ADD,1.00", user)) for user in users_of(1, 20) + users_of(2, 20)]
    await asyncio.sleep(0.01)
    actor.journal.let_go()
    await asyncio.gather(first, *others)
    assert [sum(entry.count for entry in append) for append in actor.journal.appends] == [1, 40]
    assert len(actor.journal.appends[1]) == 2


async def test_metrics_tell_how_far_each_open_partition_is(stage: Stage) -> None:
    """Entries and records that are durable when somebody asks; a partition that is not open tells nothing."""

    def told(name: str) -> float | None:
        return REGISTRY.get_sample_value(f"daytrader_journal_head_{name}", {"partition": "1"})

    actor = stage.actor()
    assert isnan(told("entries") or 0.0)
    await actor.ready()
    assert (told("entries"), told("records")) == (0, 0)
    await actor.batch([stage.request("ADD,1.00", user) for user in users_of(1, 5)])
    assert (told("entries"), told("records")) == (1, 5)


async def test_without_batching_each_command_is_an_append_of_its_own(stage: Stage) -> None:
    """The measure of what batching gains: one record an entry, one entry an append, partitions side by side."""
    actor = stage.actor(batching=False)
    await actor.ready()
    users = [user for partition in range(PARTITIONS) for user in users_of(partition, 5)]
    await actor.batch([stage.request("ADD,1.00", user) for user in users])
    assert [len(append) for append in actor.journal.appends] == [1] * len(users)
    assert all(entry.count == 1 for entry in stage.entries())


async def test_a_partition_opens_when_its_first_command_comes(stage: Stage) -> None:
    """A replica decides commands in partitions that are not its own, too."""
    actor = stage.actor(owned=lambda: ())
    await asyncio.sleep(1)
    assert actor.host.open_count() == 0
    await stage.accepted(actor, "ADD,10.00")
    assert actor.host.open_count() == 1


# Lanes.


async def test_waiting_for_a_quote_holds_up_only_its_own_user(stage: Stage) -> None:
    """Others' commands are decided at once, the user's own in the order of arrival."""
    actor = await stage.started()
    await stage.accepted(actor, "ADD,100.00")
    stage.quotes.go_on.clear()
    buy = actor.send(stage.request("BUY,A,50.00"))
    commit = actor.send(stage.request("COMMIT_BUY"))
    assert await actor.send(stage.request("ADD,1.00", "bob")) == ACCEPTED
    assert not buy.done()
    assert not commit.done()
    stage.quotes.go_on.set()
    assert (await buy).answer == (500, 10, 5000)
    assert await commit == ACCEPTED


async def test_users_wait_for_the_same_quote_together(stage: Stage) -> None:
    """One request to the quote server serves all who need its symbol."""
    actor = await stage.started()
    users = users_of(0, 3) + users_of(1, 3)
    for user in users:
        await stage.accepted(actor, "ADD,100.00", user)
    stage.quotes.go_on.clear()
    buys = [actor.send(stage.request("BUY,A,50.00", user)) for user in users]
    await asyncio.sleep(0.01)
    stage.quotes.go_on.set()
    assert {reply.status for reply in await asyncio.gather(*buys)} == {200}
    assert stage.quotes.asked == ["A"]


async def test_more_than_128_commands_of_a_user_are_too_many(stage: Stage) -> None:
    """What is over is refused at once, for this user alone; of one that was sent before nobody knows."""
    actor = await stage.started()
    actor.journal.hold()
    under_way = [actor.send(stage.request("ADD,1.00")) for _ in range(MOST_OF_A_USER)]
    await asyncio.sleep(0.01)
    assert await actor.send(stage.request("ADD,1.00")) == BUSY
    assert await actor.send(stage.request("ADD,1.00", attempt=1)) == OUTCOME_UNKNOWN
    other = actor.send(stage.request("ADD,1.00", "bob"))
    await asyncio.sleep(0.01)
    actor.journal.let_go()
    assert await asyncio.gather(*under_way, other) == [ACCEPTED] * (MOST_OF_A_USER + 1)
    assert await actor.send(stage.request("ADD,1.00")) == ACCEPTED


async def test_too_many_commands_at_a_replica_are_refused(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The replica takes so many and no more, whoever sends them."""
    monkeypatch.setattr(host_module, "MOST_UNDER_WAY", 3)
    actor = await stage.started()
    actor.journal.hold()
    taken = [actor.send(stage.request("ADD,1.00", f"user{number}")) for number in range(3)]
    await asyncio.sleep(0.01)
    assert await actor.send(stage.request("ADD,1.00")) == BUSY
    actor.journal.let_go()
    await asyncio.gather(*taken)


async def test_a_command_past_its_deadline_is_dropped_undecided(stage: Stage) -> None:
    """A command that could not even be decided for 10 s is answered 503, and never takes effect."""
    actor = stage.actor()
    stage.data.down = True
    answer = actor.send(stage.request("ADD,10.00"))
    assert await answer == TOO_LATE
    assert stage.loop.time() == pytest.approx(1_000 + DEADLINE, abs=1.5)
    stage.data.down = False
    await actor.ready()
    assert (await stage.run(actor, "COMMIT_BUY"))[0].body == b"User does not exist"


async def test_of_a_dropped_command_that_was_sent_before_nobody_knows(stage: Stage) -> None:
    """Another replica may have decided it: to say that nothing was changed would be a guess."""
    actor = stage.actor()
    stage.data.down = True
    assert await actor.send(stage.request("ADD,10.00", attempt=1)) == OUTCOME_UNKNOWN


async def test_of_a_dropped_command_that_somebody_asked_for_again_nobody_knows(stage: Stage) -> None:
    """Between the two askings it may have been sent elsewhere: both are told the same."""
    actor = stage.actor()
    stage.data.down = True
    request = stage.request("ADD,10.00")
    first = actor.send(request)
    await asyncio.sleep(5)
    second = actor.send(again(request))
    assert [await first, await second] == [OUTCOME_UNKNOWN, OUTCOME_UNKNOWN]


async def test_a_defect_harms_nobody_else(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command that met it is answered 500, the replica says so, and nobody waits for ever."""
    actor = await stage.started()

    def defective(*_: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as broken:
        broken.setattr("daytrader.transaction.partition.decide", defective)
        assert await actor.send(stage.request("ADD,10.00")) == DEFECT  # in a lane: the account has to be loaded first
        assert await actor.send(stage.request("ADD,10.00")) == DEFECT
    assert "ZeroDivisionError" in actor.host.fault
    assert not actor.host.is_ready()
    await stage.accepted(actor, "ADD,10.00")
    actor.host.fault = ""


async def test_a_partition_that_is_not_the_users_is_refused(stage: Stage) -> None:
    """Where web counts other partitions, a user must not get a second account in another one."""
    actor = await stage.started()
    request = stage.request("ADD,10.00")
    elsewhere = msgspec.structs.replace(request, partition=(request.partition + 1) % PARTITIONS)
    beyond = Request("w:b", PARTITIONS, None, stage.clock())
    assert await actor.batch([elsewhere, beyond]) == [MISPLACED, MISPLACED]
    assert stage.records() == []


# Batches.


async def test_a_straggler_does_not_hold_up_its_batch(stage: Stage) -> None:
    """What waits for a quote is left open after 20 ms, the others are answered when they are durable."""
    actor = await stage.started()
    await stage.accepted(actor, "ADD,100.00")
    stage.quotes.go_on.clear()
    started = stage.loop.time()
    slow = stage.request("BUY,A,50.00")
    assert await actor.batch([slow, stage.request("ADD,1.00", "bob")]) == [None, ACCEPTED]
    assert stage.loop.time() == pytest.approx(started + 0.02, abs=0.001)
    poll = asyncio.create_task(actor.batch([again(slow)], polling=True))
    await asyncio.sleep(0.5)
    assert not poll.done()
    stage.quotes.go_on.set()
    assert await poll == [Reply(200, b"", 0, (500, 10, 5000))]
    assert len(stage.records()) == 3


async def test_decided_commands_are_waited_for_beyond_the_20_ms(stage: Stage) -> None:
    """An append under way is not broken off for a straggler: the batch is answered when it has landed."""
    actor = await stage.started()
    await stage.accepted(actor, "ADD,100.00")
    stage.quotes.go_on.clear()
    actor.journal.hold()
    batch = asyncio.create_task(actor.batch([stage.request("BUY,A,50.00"), stage.request("ADD,1.00", "bob")]))
    await asyncio.sleep(0.5)
    assert not batch.done()
    actor.journal.let_go()
    assert await batch == [None, ACCEPTED]
    stage.quotes.go_on.set()


async def test_nothing_is_waited_for_longer_than_a_second(stage: Stage) -> None:
    """A batch is answered after 1 s at the latest, before web takes the replica for dead."""
    actor = await stage.started()
    actor.journal.hold()
    started = stage.loop.time()
    assert await actor.batch([stage.request("ADD,1.00")]) == [None]
    assert stage.loop.time() == pytest.approx(started + 1)
    actor.journal.let_go()


# Barriers.


async def test_a_dump_tells_where_it_stands(stage: Stage) -> None:
    """DUMPLOG and bare barriers are answered with the number of the entry that holds them."""
    actor = await stage.started()
    await stage.accepted(actor, "ADD,1.00 ADD,1.00")
    (dump,) = await stage.run(actor, "DUMPLOG")
    assert (dump.status, dump.place) == (200, 3)
    (unknown,) = await stage.run(actor, "DUMPLOG", "stranger")
    assert (unknown.status, unknown.body) == (400, b"User does not exist")
    everything = [Request("w:all", 0, Command("DUMPLOG"), stage.clock())]
    everything += [Request("w:all", number, None, stage.clock()) for number in range(1, PARTITIONS)]
    replies = await actor.batch(everything)
    last = {entry.partition: entry.n for entry in stage.entries()}
    assert [reply.place for reply in replies if reply is not None] == [last[number] for number in range(PARTITIONS)]
    assert len(actor.journal.appends[-1]) == PARTITIONS


# Quotes and their hits.


async def test_a_hit_of_a_command_that_is_dropped_is_logged(stage: Stage) -> None:
    """Whatever becomes of the command, the quote server's answer was paid for."""
    actor = await stage.started()
    await stage.accepted(actor, "ADD,100.00")
    stage.quotes.seconds = DEADLINE + 0.5
    assert await actor.host.submit(stage.request("BUY,A,5.00")) == TOO_LATE
    await asyncio.sleep(1)
    assert stage.hits() == stage.quotes.paid


async def test_a_stray_hit_waits_until_its_partition_is_open(stage: Stage) -> None:
    """A hit that belongs to nobody is logged under a number of its own, if need be later."""
    actor = stage.actor(owned=lambda: ())
    stage.data.down = True
    quote = await stage.quotes.ask("A", "alice", lambda: None)
    actor.host.stray(quote.hit)
    await asyncio.sleep(5)
    stage.data.down = False
    await asyncio.sleep(5)
    assert stage.hits() == [quote.hit]


async def test_a_quote_that_has_expired_when_it_comes_is_none(stage: Stage) -> None:
    """It is not asked for again and again, which would cost money each time: the command is told that there is none."""
    actor = await stage.started()
    await stage.accepted(actor, "ADD,100.00")
    stage.quotes.go_on.clear()
    answer = actor.send(stage.request("BUY,A,5.00"))
    await asyncio.sleep(0.1)
    stage.ahead_ms += 60_000
    stage.quotes.go_on.set()
    assert await answer == Reply(503, b"Quote unavailable")
    assert len(stage.quotes.paid) == len(stage.hits()) == 1


async def test_orders_may_be_told_to_take_fresh_quotes_only(stage: Stage) -> None:
    """With the setting, BUY and SELL ask the quote server each time; QUOTE and SET_SELL_AMOUNT use what is known."""
    actor = stage.actor(fresh=True)
    await actor.ready()
    await stage.accepted(actor, "ADD,100.00 BUY,A,50.00 COMMIT_BUY BUY,A,5.00 SELL,A,5.00")
    await stage.accepted(actor, "QUOTE,A SET_SELL_AMOUNT,A,5.00")
    assert stage.quotes.asked == ["A", "A", "A"]


# The end.


async def test_draining_waits_for_what_is_under_way(stage: Stage) -> None:
    """Commands, then hits, then the append; and everything is stored, so that the next opening is quick."""
    actor = await stage.started()
    await stage.accepted(actor, "ADD,100.00")
    stage.quotes.seconds = 3
    buy = actor.send(stage.request("BUY,A,5.00"))
    fetch = asyncio.create_task(actor.host.quotes.fetch("B", "bob"))
    await asyncio.sleep(1)
    fetch.cancel()
    await actor.host.drain(10)
    assert (await buy).status == 200
    assert len(stage.hits()) == 2
    number = partition_of("alice", PARTITIONS)
    assert stage.data.checkpoints[number].n == max(n for partition, n in stage.data.history if partition == number)
    assert stage.data.accounts[number, "alice"].place == 2


async def test_draining_has_an_end(stage: Stage) -> None:
    """What does not come to its end within the limit is left behind."""
    actor = await stage.started()
    actor.journal.hold()
    answer = actor.send(stage.request("ADD,1.00"))
    await asyncio.sleep(0.1)
    started = stage.loop.time()
    await actor.host.drain(5)
    assert stage.loop.time() == pytest.approx(started + 5)
    actor.journal.let_go()
    assert await answer == ACCEPTED


async def test_when_it_ends_nothing_of_it_goes_on(stage: Stage) -> None:
    """Whoever still waits is told that nobody knows; no task is left that asks a store which may be closed by then."""
    actor = stage.actor()
    stage.data.down = True
    answer = actor.send(stage.request("ADD,1.00"))
    await asyncio.sleep(1)
    await actor.stop()
    assert await answer == OUTCOME_UNKNOWN
    assert asyncio.all_tasks() == {asyncio.current_task()}
