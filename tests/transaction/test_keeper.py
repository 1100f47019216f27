"""Keeping house: checkpoints, eviction, trimming."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from daytrader.journal.entry import partition_of
from daytrader.journal.port import JournalUnavailableError, Position, StoredAccount
from daytrader.transaction.keeper import TRIM_EVERY, laps
from daytrader.transaction.partition import Partition
from tests.transaction.stage import PARTITIONS, Actor, Stage, users_of

HOME = partition_of("alice", PARTITIONS)


def every_for(records: int) -> int:
    """The largest distance of checkpoints at which alice's partition has its first after so many records."""
    before, after = Position(1, records), Position(1, records + 1)
    return max(every for every in range(1, 1_000) if laps(HOME, before, every) < laps(HOME, after, every) == 1)


def partition_of_alice(actor: Actor) -> Partition:
    """The partition in which alice's account lives."""
    return actor.host._partitions[HOME]


async def test_a_checkpoint_is_made_after_so_many_records(stage: Stage) -> None:
    """Every account that changed is stored, then the checkpoint rises to where the journal was."""
    actor = await stage.started(checkpoint=every_for(10))
    users = users_of(HOME, 9)
    await actor.batch([stage.request("ADD,1.00", user) for user in users])
    await asyncio.sleep(2)
    assert HOME not in stage.data.checkpoints
    await stage.accepted(actor, "ADD,1.00", users[0])
    await asyncio.sleep(2)
    assert stage.data.checkpoints[HOME] == Position(2, 11, stage.entries()[-1].time)
    assert {user: stored.place for (_, user), stored in stage.data.accounts.items()} == {
        user: 2 if user == users[0] else 1 for user in users
    }


def test_partitions_have_their_checkpoints_in_turns() -> None:
    """Each has one every so many records; of partitions that grow alike few have theirs together, and tails differ."""
    every, partitions = 16_000, range(16)
    before, since = dict.fromkeys(partitions, 0), dict.fromkeys(partitions, 0)
    for records in range(0, 5 * every, 100):
        due = [one for one in partitions if laps(one, Position(1, 1 + records), every) > before[one]]
        assert len(due) <= 1
        for one in due:
            assert before[one] == 0 or every - 100 <= records - since[one] <= every + 100
            before[one], since[one] = laps(one, Position(1, 1 + records), every), records
        assert sum(records - since[one] for one in partitions) <= 0.56 * every * len(partitions)
    assert set(before.values()) <= {4, 5}


async def test_what_happens_during_a_checkpoint_is_not_in_it(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands go on being decided: what changes again stays to be stored, what is new is above the checkpoint."""
    monkeypatch.setattr("daytrader.transaction.keeper.CHUNK", 2)
    actor = await stage.started()
    users = users_of(HOME, 6)
    await actor.batch([stage.request("ADD,1.00", user) for user in users[:5]])
    checkpoint = asyncio.create_task(actor.host._keeper.checkpoint(partition_of_alice(actor)))
    await asyncio.sleep(0.001)
    await asyncio.gather(*(stage.accepted(actor, "ADD,1.00", user) for user in users))
    await checkpoint
    assert stage.data.checkpoints[HOME].n == 1
    assert {user for _, user in stage.data.accounts} == set(users[:5])
    assert set(partition_of_alice(actor).accounts.changed()) >= {users[0], users[5]}


async def test_a_checkpoint_waits_for_a_store_that_is_away(stage: Stage) -> None:
    """It is tried again, and does not rise over accounts that could not be stored."""
    actor = await stage.started(checkpoint=1)
    stage.data.faults.refused = 0.5
    for _ in range(10):
        await stage.run(actor, "ADD,1.00")
    stage.data.faults.refused = 0
    await asyncio.sleep(3)
    assert stage.data.accounts[HOME, "alice"].place >= stage.data.checkpoints[HOME].n > 0


async def test_a_partition_that_cannot_be_stored_holds_up_no_other(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Accounts that somebody else holds in the store are waited for; the other partitions' checkpoints rise."""
    actor = await stage.started(checkpoint=1)
    store = actor.host._keeper._store
    stores = type(store).store

    async def refusing(self: Any, partition: int, accounts: Sequence[StoredAccount]) -> None:
        if partition == 0:
            raise JournalUnavailableError("another transaction has it")
        await stores(self, partition, accounts)

    users = [users_of(partition, 1)[0] for partition in range(PARTITIONS)]
    with monkeypatch.context() as patched:
        patched.setattr(type(store), "store", refusing)
        await actor.batch([stage.request("ADD,1.00", user) for user in users])
        await asyncio.sleep(2)
        assert set(stage.data.checkpoints) == set(range(1, PARTITIONS))
    await asyncio.sleep(2)
    assert set(stage.data.checkpoints) == set(range(PARTITIONS))


async def test_memory_stays_within_its_limit(stage: Stage) -> None:
    """However many users come, those that were used least recently leave; what they did is in the store."""
    limit = 200_000
    actor = await stage.started(memory=limit)
    users = [f"user{number}" for number in range(500)]
    for start in range(0, 500, 50):
        await actor.batch([stage.request("ADD,1.00", user) for user in users[start : start + 50]])
        await asyncio.sleep(1)
        assert sum(partition.accounts.bytes for partition in actor.host._partitions) <= limit
    kept = sum(len(partition.accounts) for partition in actor.host._partitions)
    assert kept < 400
    assert len(stage.data.accounts) >= 500 - kept
    await asyncio.gather(*(stage.accepted(actor, "ADD,1.00", user) for user in users))
    assert len(stage.records()) == 1_000


async def test_armed_triggers_of_evicted_users_fire(stage: Stage) -> None:
    """Also after a restart, when nobody has asked for the user since."""
    actor = await stage.started(memory=0)
    await stage.accepted(actor, "ADD,100.00 SET_BUY_AMOUNT,A,50.00 SET_BUY_TRIGGER,A,4.00")
    await stage.accepted(actor, "ADD,1.00", users_of(HOME, 1)[0])
    await asyncio.sleep(2)
    assert "alice" not in partition_of_alice(actor).accounts
    await actor.host.drain(10)
    await actor.stop()
    stage.quotes.prices["A"] = 300
    await stage.started("two", memory=0, trigger_ms=1_000)
    await asyncio.sleep(3)
    assert type(stage.events()[-1]).__name__ == "BuyTriggerFired"


async def trimmable(stage: Stage) -> Actor:
    """A host whose entries need to be kept for 3 minutes, with five in alice's partition, checkpointed and audited."""
    actor = await stage.started(keep_ms=3 * TRIM_EVERY * 1_000, checkpoint=every_for(5))
    await stage.accepted(actor, "ADD,1.00 ADD,1.00 ADD,1.00 ADD,1.00 ADD,1.00")
    stage.data.audited[HOME] = 5
    return actor


async def test_entries_are_trimmed_when_they_are_old_enough(stage: Stage) -> None:
    """Old is what was there already so long ago, by a clock that nobody turns."""
    await trimmable(stage)
    stage.ahead_ms += 100 * TRIM_EVERY * 1_000
    await asyncio.sleep(3 * TRIM_EVERY)
    assert stage.data.marks == {}
    await asyncio.sleep(2 * TRIM_EVERY)
    assert stage.data.marks == {HOME: 5}


async def test_only_what_is_checkpointed_and_audited_is_trimmed(stage: Stage) -> None:
    """The audit store has the only other copy; and a partition opens from its checkpoint."""
    actor = await trimmable(stage)
    stage.data.audited[HOME] = 3
    await asyncio.sleep(6 * TRIM_EVERY)
    assert stage.data.marks == {HOME: 3}
    stage.data.audited[HOME] = 9
    await stage.accepted(actor, "ADD,1.00 ADD,1.00 ADD,1.00 ADD,1.00")
    await asyncio.sleep(6 * TRIM_EVERY)
    assert stage.data.marks == {HOME: 5}


async def test_nothing_is_trimmed_while_trimming_is_held(stage: Stage) -> None:
    """A backup holds it; when the hold is over, also because the backup died, housekeeping goes on."""
    await trimmable(stage)
    stage.data.held_until = asyncio.get_running_loop().time() + 10 * TRIM_EVERY
    await asyncio.sleep(9 * TRIM_EVERY)
    assert stage.data.marks == {}
    await asyncio.sleep(3 * TRIM_EVERY)
    assert stage.data.marks == {HOME: 5}


async def test_trimming_waits_for_a_store_that_is_away(stage: Stage) -> None:
    """Housekeeping goes on when the store is back."""
    await trimmable(stage)
    stage.data.down = True
    await asyncio.sleep(6 * TRIM_EVERY)
    stage.data.down = False
    await asyncio.sleep(5 * TRIM_EVERY)
    assert stage.data.marks == {HOME: 5}
