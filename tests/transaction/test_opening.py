"""Opening partitions: from the checkpoint, after a conflict, after a long sleep, and accounts on demand."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest

from daytrader.domain.event import Added, BuyTriggerFired
from daytrader.domain.record import Record
from daytrader.journal.entry import Entry, encode_records, partition_of
from daytrader.journal.port import JournalUnavailableError, Position, StoredAccount
from daytrader.transaction.partition import Partition
from tests.transaction.stage import PARTITIONS, Actor, Stage, users_of

HOME = partition_of("alice", PARTITIONS)


def partition_of_alice(actor: Actor) -> Partition:
    """The partition in which alice's account lives."""
    return actor.host._partitions[HOME]


async def summary(stage: Stage, actor: Actor, user: str = "alice") -> dict[str, object]:
    """What the summary of a user says, without the history."""
    (reply,) = await stage.run(actor, "DISPLAY_SUMMARY", user)
    return {key: value for key, value in msgspec.json.decode(reply.body).items() if key != "history"}


async def test_opening_from_a_checkpoint_is_as_replaying_everything(stage: Stage) -> None:
    """What was stored on the way, at whatever place, changes nothing of the result."""
    one = await stage.started("one")
    users = users_of(HOME, 6)
    for round_number in range(6):
        for number, user in enumerate(users):
            await stage.accepted(one, f"ADD,10{number}.00 BUY,A,30.00 COMMIT_BUY", user)
            await stage.accepted(one, f"SET_BUY_AMOUNT,A,{round_number + 1}0.00 SET_BUY_TRIGGER,A,4.00", user)
        if round_number == 2:
            await one.host._keeper.checkpoint(partition_of_alice(one))
        if round_number == 4:
            await one.host._keeper._store_changed(partition_of_alice(one), users[:3])
    says = [await summary(stage, one, user) for user in users]
    checkpoint = stage.data.checkpoints[HOME]
    assert 0 < checkpoint.n < stage.data.accounts[HOME, users[0]].place
    two = await stage.started("two")
    assert partition_of_alice(two).checkpoint == checkpoint
    assert [await summary(stage, two, user) for user in users] == says
    stage.data.checkpoints.clear()
    stage.data.accounts.clear()
    three = await stage.started("three")
    assert [await summary(stage, three, user) for user in users] == says
    assert partition_of_alice(two).armed._prices == partition_of_alice(three).armed._prices


async def test_a_crash_between_any_two_steps_of_a_checkpoint_harms_nothing(stage: Stage) -> None:
    """Some accounts stored, all stored, the checkpoint raised: the next opening comes to the same accounts."""
    one = await stage.started("one")
    users = users_of(HOME, 5)
    for user in users:
        await stage.accepted(one, "ADD,100.00 SET_BUY_AMOUNT,A,50.00 SET_BUY_TRIGGER,A,4.00", user)
    says = [await summary(stage, one, user) for user in users]
    partition = partition_of_alice(one)
    everything = partition.accounts.to_store(partition.accounts.changed())
    head = partition.head
    for steps in range(len(everything) + 2):
        stage.data.accounts = {(HOME, account.user): account for account in everything[:steps]}
        stage.data.checkpoints = {HOME: head} if steps > len(everything) else {}
        two = await stage.started(f"two-{steps}")
        assert partition_of_alice(two).armed._prices == partition.armed._prices
        assert [await summary(stage, two, user) for user in users] == says
        await two.stop()


async def test_more_new_users_than_stay_unpacked_can_be_followed(stage: Stage) -> None:
    """Users who are known not to exist are not forgotten while the entries are applied that create them."""
    one = await stage.started("one")
    users = users_of(HOME, 300)
    await one.batch([stage.request("ADD,1.00", user) for user in users])
    two = await stage.started("two", memory=0)
    assert partition_of_alice(two).head == partition_of_alice(one).head
    assert (await summary(stage, two, users[0]))["cents"] == 100


async def test_an_evicted_account_comes_back_as_it_was(stage: Stage) -> None:
    """With room for nobody, every command loads its account again."""
    actor = await stage.started(memory=0)
    for cents in range(1, 4):
        for user in ("alice", "bob", "carol"):
            await stage.accepted(actor, f"ADD,{cents}.00", user)
        await asyncio.sleep(2)
        assert "alice" not in partition_of_alice(actor).accounts
    assert [(await summary(stage, actor, user))["cents"] for user in ("alice", "bob", "carol")] == [600] * 3


async def test_accounts_wanted_at_the_same_time_are_loaded_together(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One query for all, not one for each."""
    actor = await stage.started()
    loads: list[list[str]] = []
    load = actor.accounts.load

    async def counted(partition: int, users: list[str]) -> dict[str, StoredAccount]:
        loads.append(list(users))
        return await load(partition, users)

    monkeypatch.setattr(actor.accounts, "load", counted)
    users = users_of(HOME, 50)
    await actor.batch([stage.request("ADD,1.00", user) for user in users])
    assert sorted(loads[0]) == sorted(users)
    assert len(loads) == 1


async def test_a_store_that_is_away_is_asked_until_it_is_back(stage: Stage) -> None:
    """Opening and loading wait; nothing is taken for empty because it could not be read."""
    one = await stage.started("one")
    await stage.accepted(one, "ADD,5.00")
    stage.data.down = True
    two = stage.actor("two")
    await asyncio.sleep(20)
    assert two.host.open_count() == 0
    stage.data.down = False
    await two.ready()
    stage.data.down = True
    answer = two.send(stage.request("ADD,1.00", "newcomer"))
    await asyncio.sleep(5)
    stage.data.down = False
    assert (await answer).status == 200
    assert (await summary(stage, two))["cents"] == 500


async def test_a_start_that_fails_midway_is_made_again(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the list of armed triggers broke off, the next try does not go on without the rest of it."""
    monkeypatch.setattr("daytrader.transaction.opening.STARTING_OVER_PAYS", 1)
    one = await stage.started("one")
    two = await stage.started("two", owned=lambda: ())
    await stage.accepted(two, "ADD,1.00")
    for user in users_of(HOME, 4):
        await stage.accepted(one, "ADD,100.00 SET_BUY_AMOUNT,A,50.00 SET_BUY_TRIGGER,A,4.00", user)
    await one.host._keeper.checkpoint(partition_of_alice(one))
    armed, failures = two.accounts.armed, 3

    async def failing(partition: int) -> AsyncIterator[StoredAccount]:
        nonlocal failures
        async for stored in armed(partition):
            yield stored
            if failures:
                failures -= 1
                raise JournalUnavailableError("the test wants it so")

    monkeypatch.setattr(two.accounts, "armed", failing)
    await stage.accepted(two, "ADD,1.00")
    assert failures == 0
    assert len(partition_of_alice(two).armed) == 4


async def test_a_replica_that_slept_past_the_trim_mark_starts_over(stage: Stage) -> None:
    """The entries it missed are gone: it takes the accounts as they were stored, and forgets its own."""
    one = await stage.started("one")
    two = await stage.started("two", owned=lambda: (), keep_ms=10_000)
    await stage.accepted(two, "ADD,1.00")
    await asyncio.sleep(6)
    await stage.accepted(one, "ADD,2.00 ADD,4.00 SET_BUY_AMOUNT,A,3.00 SET_BUY_TRIGGER,A,2.00")
    await one.host._keeper.checkpoint(partition_of_alice(one))
    stage.data.audited[HOME] = stage.data.checkpoints[HOME].n
    stage.data.trim(HOME, stage.data.checkpoints[HOME].n)
    stage.data.clear_below_marks()
    assert (await summary(stage, two))["cents"] == 400
    assert [entry.n for entry in stage.data.ghosts] == [2]
    assert len(partition_of_alice(two).armed) == 1


async def test_what_stands_at_a_trimmed_place_is_not_followed(stage: Stage) -> None:
    """A replica that slept put an entry where one had been trimmed away; a follower that was behind reads it first."""
    one = await stage.started("one")
    await stage.accepted(one, "ADD,1.00")
    two = await stage.started("two", owned=lambda: ())
    await stage.accepted(two, "ADD,2.00")
    await stage.accepted(one, "ADD,4.00 ADD,8.00")
    await one.host._keeper.checkpoint(partition_of_alice(one))
    fired = Record(stage.clock(), "alice", event=BuyTriggerFired("A", 500, 1, 500, 0))
    ghost = Entry(HOME, 3, "ghost", 3, 1, fired.time, "ghost", encode_records([fired]))
    stage.data.marks[HOME] = 3
    stage.data.entries[HOME, 3] = ghost
    assert (await summary(stage, two))["cents"] == 1500


async def test_far_behind_it_starts_from_the_checkpoint(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """To replay everything that was missed would take longer than to load the accounts that are asked for."""
    monkeypatch.setattr("daytrader.transaction.opening.STARTING_OVER_PAYS", 10)
    one = await stage.started("one")
    two = await stage.started("two", owned=lambda: ())
    await stage.accepted(two, "ADD,1.00")
    for _ in range(12):
        await stage.accepted(one, "ADD,1.00", "bob" if partition_of("bob", PARTITIONS) == HOME else "alice")
    await one.host._keeper.checkpoint(partition_of_alice(one))
    reads: list[int] = []
    read = two.journal.read

    async def noted(partition: int, after: int, limit: int) -> list[Entry]:
        reads.append(after)
        return await read(partition, after, limit)

    monkeypatch.setattr(two.journal, "read", noted)
    await stage.accepted(two, "ADD,1.00")
    assert reads[0] == stage.data.checkpoints[HOME].n


async def test_an_unknown_format_keeps_the_replica_from_being_ready(stage: Stage) -> None:
    """An entry that a newer build wrote must not be skipped: the partition stays closed, and the reason is said."""
    one = await stage.started("one")
    await stage.accepted(one, "ADD,1.00")
    entry = stage.data.entries[HOME, 1]
    stage.data.entries[HOME, 1] = msgspec.structs.replace(entry, format=99)
    two = stage.actor("two")
    await asyncio.sleep(3)
    assert not two.host.is_ready()
    assert "format 99" in two.host.fault
    two.host.fault = ""


async def test_an_account_that_is_stored_while_the_partition_opens_keeps_its_triggers(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The armed triggers were listed before it was stored, and its records are skipped: they are noted all the same."""
    one = await stage.started("one")
    await stage.accepted(one, "ADD,100.00")
    await one.host._keeper.checkpoint(partition_of_alice(one))
    await stage.accepted(one, "SET_BUY_AMOUNT,A,50.00 SET_BUY_TRIGGER,A,4.00")
    two = stage.actor("two")
    load = two.accounts.load

    async def after_being_stored(partition: int, users: list[str]) -> dict[str, StoredAccount]:
        await one.host._keeper._store_changed(partition_of_alice(one), ["alice"])
        return await load(partition, users)

    monkeypatch.setattr(two.accounts, "load", after_being_stored)
    await two.ready()
    assert stage.data.accounts[HOME, "alice"].place == 3
    assert partition_of_alice(two).armed.symbols() == [("A", "alice")]


async def test_the_head_is_confirmed_by_a_majority(stage: Stage) -> None:
    """A primary that was cut off still answers reads; a partition that only it knows does not open on its word."""
    one = await stage.started("one")
    await stage.accepted(one, "ADD,1.00")
    two = stage.actor("two")
    stage.data.cut_off(two.process)
    await stage.accepted(one, "ADD,2.00")
    await asyncio.sleep(5)
    assert two.host.open_count() == 0
    stage.data.rejoin(two.process)
    await two.ready()
    assert stage.events() == [Added(100), Added(200)]
    assert partition_of_alice(two).head == Position(2, 3, stage.entries()[-1].time)
