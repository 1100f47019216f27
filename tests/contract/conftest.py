"""The journals of both adapters, each over data of its own."""

import functools
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from daytrader.journal.mongodb import MongoJournal
from daytrader.journal.port import AccountStore
from daytrader.journal.sqlite import SqliteJournal
from tests.journal.stores import PARTITIONS, own_database

AnyJournal = MongoJournal | SqliteJournal
Replica = Callable[[], Awaitable[AnyJournal]]


@pytest.fixture(params=["sqlite", "mongodb"])
async def replica(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Replica]:
    """Makes journals, not opened yet, over the same data, as several replicas have them."""
    make: Callable[[], AnyJournal]
    if request.param == "sqlite":
        make = functools.partial(SqliteJournal, tmp_path / "journal.sqlite")
    else:
        make = functools.partial(MongoJournal, own_database(request.getfixturevalue("mongo_set")))
    made: list[AnyJournal] = []

    async def one_more() -> AnyJournal:
        made.append(make())
        return made[-1]

    yield one_more
    cleaner = make()
    await cleaner.accounts.clear()
    await cleaner.clear()
    for journal in (cleaner, *made):
        await journal.close()


@pytest.fixture
async def journal(replica: Replica) -> AnyJournal:
    """An open, empty journal."""
    journal = await replica()
    await journal.open(PARTITIONS)
    return journal


@pytest.fixture
async def other(replica: Replica, journal: AnyJournal) -> AnyJournal:
    """The same journal as another replica has it."""
    other = await replica()
    await other.open(PARTITIONS)
    return other


@pytest.fixture
def accounts(journal: AnyJournal) -> AccountStore:
    """An empty account store."""
    return journal.accounts


@pytest.fixture
def other_accounts(other: AnyJournal) -> AccountStore:
    """The same account store as another replica has it."""
    return other.accounts
