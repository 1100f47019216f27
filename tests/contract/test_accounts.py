"""The account store's contract: only over older places, ranges by partition, armed triggers, checkpoints."""

import asyncio

from daytrader.domain.account import STRANGERS
from daytrader.journal.port import AccountStore, Position
from tests.contract.conftest import AnyJournal, Replica
from tests.journal.stores import PARTITIONS, account


async def test_account_is_loaded_as_it_was_stored(accounts: AccountStore) -> None:
    """User, place, state and armed triggers survive the store."""
    stored = account("alice", 7, state=bytes(range(256)), armed=3)
    await accounts.store(2, [stored])
    assert await accounts.load(2, ["alice"]) == {"alice": stored}


async def test_unknown_users_are_left_out(accounts: AccountStore) -> None:
    """Loading gives those who are stored, and says nothing of the others."""
    await accounts.store(0, [account("alice", 1), account("bob", 1)])
    assert set(await accounts.load(0, ["bob", "carol", "alice", "Alice", ""])) == {"alice", "bob"}
    assert await accounts.load(0, []) == {}


async def test_newer_place_replaces_an_older_one(accounts: AccountStore) -> None:
    """An account as of a later place goes over an earlier one, its triggers included."""
    await accounts.store(0, [account("alice", 5, armed=2)])
    newer = account("alice", 6)
    await accounts.store(0, [newer])
    assert await accounts.load(0, ["alice"]) == {"alice": newer}
    assert [each async for each in accounts.armed(0)] == []


async def test_older_place_never_replaces_a_newer_one(accounts: AccountStore, other_accounts: AccountStore) -> None:
    """A replica that fell behind cannot undo what another has stored, and the rest of its store succeeds."""
    newest = account("alice", 9, armed=1)
    await accounts.store(0, [newest])
    bob = account("bob", 4)
    await other_accounts.store(0, [account("alice", 8), bob])
    await other_accounts.store(0, [account("alice", 9, state=b"same place")])
    assert await accounts.load(0, ["alice", "bob"]) == {"alice": newest, "bob": bob}


async def test_replicas_that_store_at_once_leave_the_newest(
    accounts: AccountStore, other_accounts: AccountStore
) -> None:
    """However the stores of two replicas mix, the latest place of each user remains."""
    users = [f"user{number}" for number in range(50)]
    await asyncio.gather(
        *(
            store.store(0, [account(user, 2 * round_ + first) for user in users])
            for round_ in range(10)
            for first, store in enumerate((accounts, other_accounts))
        )
    )
    assert {stored.place for stored in (await accounts.load(0, users)).values()} == {19}


async def test_partitions_are_apart(accounts: AccountStore) -> None:
    """The same user in two partitions is two accounts, as the strangers' account is in every one."""
    strangers = [account(STRANGERS, 10 + partition) for partition in range(PARTITIONS)]
    for partition in range(PARTITIONS):
        await accounts.store(partition, [strangers[partition]])
    for partition in range(PARTITIONS):
        assert await accounts.load(partition, [STRANGERS]) == {STRANGERS: strangers[partition]}


async def test_armed_accounts_are_found_without_the_others(accounts: AccountStore) -> None:
    """Accounts with armed triggers are listed by partition, with user, place and triggers."""
    await accounts.store(1, [account(f"quiet{number}", 1) for number in range(20)])
    await accounts.store(1, [account("alice", 3, armed=2), account("bob", 4, armed=1)])
    await accounts.store(2, [account("carol", 5, armed=1)])
    found = {each.user: (each.place, each.armed) async for each in accounts.armed(1)}
    assert found == {"alice": (3, (("BUY", False, 500), ("SEL", True, 500))), "bob": (4, (("BUY", False, 500),))}
    assert [each.user async for each in accounts.armed(0)] == []


async def test_many_armed_accounts_are_all_found(accounts: AccountStore) -> None:
    """Each of thousands of armed accounts is yielded once."""
    users = {f"user{number}" for number in range(4_500)}
    await accounts.store(0, [account(user, 1, armed=1) for user in users])
    found = [each.user async for each in accounts.armed(0)]
    assert len(found) == 4_500
    assert set(found) == users


async def test_users_are_those_of_the_partition(accounts: AccountStore) -> None:
    """Every user with a stored account is listed, for its partition alone."""
    await accounts.store(1, [account(user, 1) for user in ("zoe", "Adam", "0", STRANGERS)])
    await accounts.store(0, [account("before", 1)])
    await accounts.store(2, [account("behind", 1)])
    assert sorted(await accounts.users(1)) == ["", "0", "Adam", "zoe"]
    assert await accounts.users(3) == []


async def test_many_large_accounts_are_stored_and_loaded(accounts: AccountStore) -> None:
    """Five thousand accounts of 8 kB (more than one reply or command can hold) go in and come out whole."""
    states = {f"user{number}": f"{number:08d}".encode() * 1_000 for number in range(5_000)}
    await accounts.store(3, [account(user, 1, state=state) for user, state in states.items()])
    loaded = await accounts.load(3, [*states, "nobody"])
    assert {user: stored.state for user, stored in loaded.items()} == states
    assert len(await accounts.users(3)) == 5_000


async def test_checkpoint_starts_at_the_beginning_and_never_falls(
    accounts: AccountStore, other_accounts: AccountStore
) -> None:
    """A checkpoint is kept for each partition, and a lower one is ignored."""
    assert await accounts.checkpoint(0) == Position()
    await accounts.set_checkpoint(0, Position(10, 200, 1_700_000_000_000))
    await other_accounts.set_checkpoint(0, Position(9, 180, 1_699_999_999_999))
    await other_accounts.set_checkpoint(1, Position(3, 30, 5))
    assert await accounts.checkpoint(0) == Position(10, 200, 1_700_000_000_000)
    await other_accounts.set_checkpoint(0, Position(11, 210, 1_700_000_000_001))
    assert await accounts.checkpoint(0) == Position(11, 210, 1_700_000_000_001)
    assert await accounts.checkpoint(1) == Position(3, 30, 5)


async def test_accounts_survive_a_restart(journal: AnyJournal, replica: Replica) -> None:
    """Accounts and checkpoints are there after a restart."""
    await journal.accounts.store(0, [account("alice", 7, armed=1)])
    await journal.accounts.set_checkpoint(0, Position(7, 70, 1))
    await journal.close()
    again = await replica()
    await again.open(PARTITIONS)
    assert await again.accounts.load(0, ["alice"]) == {"alice": account("alice", 7, armed=1)}
    assert await again.accounts.checkpoint(0) == Position(7, 70, 1)


async def test_clear_empties_accounts_and_checkpoints(journal: AnyJournal) -> None:
    """A cleared store has no accounts and no checkpoints; the journal beside it keeps its own."""
    await journal.set_audited({0: 3})
    await journal.accounts.store(0, [account("alice", 7, armed=1)])
    await journal.accounts.set_checkpoint(0, Position(7, 70, 1))
    await journal.accounts.clear()
    await journal.open(PARTITIONS)
    assert await journal.accounts.users(0) == []
    assert await journal.accounts.checkpoint(0) == Position()
    assert [each async for each in journal.accounts.armed(0)] == []
    assert await journal.audited(0) == 3
