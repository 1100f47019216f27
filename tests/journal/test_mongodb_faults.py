"""The fence while members are frozen: what is not on a majority is not durable, not shown, and can be settled."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from pymongo import AsyncMongoClient

from daytrader.health import Part
from daytrader.journal.accounts_mongodb import ACCOUNTS
from daytrader.journal.entry import Entry
from daytrader.journal.mongodb import ENTRIES, MongoJournal
from daytrader.journal.port import Fate, Journal, JournalUnavailableError
from daytrader.mongo import Document
from tests.journal.stores import PARTITIONS, account, entry, let_go, own_database
from tests.members import PRIMARY_BACK_S, Members, private_set

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("frozen members")]

SETTLED_S = 15.0
"""Seconds after which a place must be settled while no more than one member is frozen: it is what we promise."""

GIVEN_UP_S = 12.0
"""Seconds after which the servers have given up a transaction that nobody ends: 5, and until they look."""


async def on_member(members: Members, host: str, place: int) -> Document | None:
    """What one member has at a place, on a majority or not."""
    client: AsyncMongoClient[Document] = AsyncMongoClient(members.alone(host), socketTimeoutMS=2_000)
    found = await client.get_default_database()[ENTRIES].find_one({"_id": place})
    await client.close()
    return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def members(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Members]:
    """A set of three members that nobody else uses."""
    async with private_set("frozen", tmp_path_factory.mktemp("frozen")) as members:
        yield members


@pytest_asyncio.fixture(loop_scope="module")
async def journal(members: Members) -> AsyncIterator[MongoJournal]:
    """An open journal with one entry in every partition; afterwards all members go on again."""
    members.uri = own_database(members.uri)
    journal = MongoJournal(members.uri)
    await journal.open(PARTITIONS)
    assert await journal.append([entry(partition, 1) for partition in range(PARTITIONS)]) == [Fate.DURABLE] * PARTITIONS
    yield journal
    await members.thaw()
    await let_go(journal)


async def settled(journal: Journal, ours: Entry) -> list[Entry]:
    """Insert the same entry until its place is known, as the appender does; what stands there in the end."""
    async with asyncio.timeout(SETTLED_S):
        while True:
            (fate,) = await journal.append([ours])
            if fate is Fate.DURABLE:
                return [ours]
            if fate is Fate.TAKEN and (found := await shown(journal, ours)):
                return found
            await asyncio.sleep(0.05)


async def shown(journal: Journal, which: Entry) -> list[Entry]:
    """What a read shows at the place of an entry; nothing while the set cannot answer."""
    try:
        return await journal.read(which.partition, which.n - 1, 1)
    except JournalUnavailableError:
        return []


async def test_entry_without_a_majority_is_unsettled_and_not_shown_until_it_has_one(
    members: Members, journal: MongoJournal
) -> None:
    """While both secondaries hang an insert is unsettled, and hidden although the primary has it; then it settles."""
    primary = await members.primary()
    members.freeze(*await members.others())
    ours = entry(0, 2, batch="no majority")
    began = time.monotonic()
    assert await journal.append([ours]) == [Fate.UNSETTLED]
    assert time.monotonic() - began < 5
    assert await on_member(members, primary, 2) is not None
    assert await shown(journal, ours) == []
    await members.thaw()
    assert await settled(journal, ours) == [ours]
    assert await journal.read(0, 0, 10) == [entry(0, 1), ours]


async def test_taken_place_without_a_majority_is_not_shown_either(members: Members, journal: MongoJournal) -> None:
    """Another replica that meets an entry which no majority has cannot read it, and may not trust it, before it has."""
    members.freeze(*await members.others())
    first, second = entry(1, 2, batch="first"), entry(1, 2, batch="second")
    other = MongoJournal(members.uri)
    fates = await asyncio.gather(journal.append([first]), other.append([second]))
    assert {fate for (fate,) in fates} <= {Fate.UNSETTLED, Fate.TAKEN}
    assert await shown(other, second) == []
    await members.thaw()
    stands = await settled(journal, first)
    assert await settled(other, second) == stands
    assert stands in ([first], [second])
    await let_go(other)


async def test_primary_that_cannot_ask_a_majority_does_not_confirm_a_head(
    members: Members, journal: MongoJournal
) -> None:
    """A primary that was cut off still answers reads from what it has, but neither head nor mark."""
    members.freeze(*await members.others())
    assert await journal.read(0, 0, 10) == [entry(0, 1)]
    answers = await asyncio.gather(journal.outdated({0: 1}), journal.mark(0), return_exceptions=True)
    assert [type(answer) for answer in answers] == [JournalUnavailableError] * 2


async def test_frozen_primary_is_given_up_and_the_next_one_takes_the_entry(
    members: Members, journal: MongoJournal
) -> None:
    """When the primary hangs an append ends unsettled in time, and the same entry is durable on the next primary."""
    await members.freeze_primary()
    ours = entry(0, 2)
    began = time.monotonic()
    assert await journal.append([ours]) == [Fate.UNSETTLED]
    assert time.monotonic() - began < 5
    assert await settled(journal, ours) == [ours]
    assert await journal.append([entry(0, 3)]) == [Fate.DURABLE]
    await members.thaw()
    assert await journal.read(0, 0, 10) == [entry(0, 1), ours, entry(0, 3)]


async def test_late_insert_on_the_old_primary_does_not_take_anothers_place(
    members: Members, journal: MongoJournal
) -> None:
    """What another replica appended while our insert hung in the old primary stands; ours is told so when it thaws."""
    await members.freeze_primary()
    ours, others = entry(0, 2, batch="ours"), entry(0, 2, batch="other")
    hanging = asyncio.ensure_future(journal.append([ours]))
    other = MongoJournal(members.uri)
    assert await settled(other, others) == [others]
    assert await hanging == [Fate.UNSETTLED]
    await members.thaw()
    assert await settled(journal, ours) == [others]
    assert await journal.read(0, 0, 10) == [entry(0, 1), others]
    await let_go(other)


async def test_nothing_is_deleted_under_a_mark_without_a_majority(members: Members, journal: MongoJournal) -> None:
    """Trimming that cannot make its mark durable raises and deletes nothing, on the primary itself neither."""
    primary = await members.primary()
    members.freeze(*await members.others())
    with pytest.raises(JournalUnavailableError):
        await journal.trim(0, 1)
    assert await on_member(members, primary, 1) is not None
    await members.thaw()
    await journal.trim(0, 1)
    assert (await journal.mark(0), await journal.size()) == (1, PARTITIONS - 1)


async def test_accounts_without_a_majority_are_not_stored(members: Members, journal: MongoJournal) -> None:
    """Storing accounts, raising a checkpoint and saying what is audited raise while no majority can have it."""
    members.freeze(*await members.others())
    store = journal.accounts
    checkpoint = await store.checkpoint(0)
    began = time.monotonic()
    answers = await asyncio.gather(
        store.store(0, [account("alice", 1)]),
        store.set_checkpoint(0, type(checkpoint)(1, 2, 3)),
        journal.set_audited({0: 1}),
        return_exceptions=True,
    )
    assert time.monotonic() - began < 5
    assert [type(answer) for answer in answers] == [JournalUnavailableError] * 3
    await members.thaw()
    await store.store(0, [account("alice", 1)])
    assert await store.load(0, ["alice"]) == {"alice": account("alice", 1)}


async def test_account_that_a_killed_replica_was_storing_can_be_stored_soon(
    members: Members, journal: MongoJournal
) -> None:
    """What is under way in a transaction that nobody ends is refused in time, and held up for seconds only."""
    await journal.accounts.store(0, [account("alice", 1), account("bob", 1)])
    client: AsyncMongoClient[Document] = AsyncMongoClient(members.uri)
    stored = client.get_default_database()[ACCOUNTS]
    session = client.start_session()
    await session.start_transaction()
    await stored.update_one({"_id": "00000/alice"}, {"$set": {"p": 2}}, session=session)
    began = time.monotonic()
    with pytest.raises(JournalUnavailableError):
        await journal.accounts.store(0, [account("bob", 3), account("alice", 3)])
    assert time.monotonic() - began < 5
    assert await journal.accounts.load(0, ["bob"]) == {"bob": account("bob", 1)}, "half of it stands"
    async with asyncio.timeout(GIVEN_UP_S):
        while True:
            try:
                await journal.accounts.store(0, [account("bob", 3), account("alice", 3)])
                break
            except JournalUnavailableError:
                await asyncio.sleep(0.05)
    assert await journal.accounts.load(0, ["alice"]) == {"alice": account("alice", 3)}
    await client.close()


async def test_loading_from_a_frozen_primary_ends_in_time(members: Members, journal: MongoJournal) -> None:
    """Reads of a primary that hangs raise within 5 s, and work again when another one has been elected."""
    await journal.accounts.store(0, [account("alice", 1)])
    await members.freeze_primary()
    began = time.monotonic()
    with pytest.raises(JournalUnavailableError):
        await journal.accounts.load(0, ["alice"])
    assert time.monotonic() - began < 5
    async with asyncio.timeout(PRIMARY_BACK_S):
        while True:
            try:
                loaded = await journal.accounts.load(0, ["alice"])
                break
            except JournalUnavailableError:
                await asyncio.sleep(0.05)
    assert loaded == {"alice": account("alice", 1)}


async def test_health_names_the_member_that_hangs(members: Members, journal: MongoJournal) -> None:
    """A frozen secondary is named as out of reach, with what that means; the primary stays well."""
    frozen = (await members.others())[0]
    members.freeze(frozen)

    def named(parts: list[Part]) -> bool:
        return any(frozen in part.name and not part.ok and "no further member may fail" in part.says for part in parts)

    async with asyncio.timeout(PRIMARY_BACK_S):
        while not named(parts := await journal.health()):  # noqa: ASYNC110  the set tells nobody of its own accord
            await asyncio.sleep(0.1)
    assert sum(part.ok for part in parts) == 2
    assert sum("primary: takes every write" in part.says for part in parts) == 1
