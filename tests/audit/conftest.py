"""Audit stores of both adapters, each over data of its own, and a journal to follow."""

import functools
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from lxml import etree

from daytrader.audit.mongodb import MongoAuditStore
from daytrader.audit.port import AuditStore
from daytrader.audit.schema import log_schema
from daytrader.audit.sqlite import SqliteAuditStore
from daytrader.journal.port import Journal
from daytrader.journal.sqlite import SqliteJournal
from tests.audit.journals import PARTITIONS, Writer
from tests.journal.stores import own_database

MakeStore = Callable[[], AuditStore]


@pytest.fixture(params=["sqlite", "mongodb"])
async def make_store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[MakeStore]:
    """Makes audit stores, not opened yet, over the same data, as several processes have them."""
    make: MakeStore
    if request.param == "sqlite":
        make = functools.partial(SqliteAuditStore, tmp_path / "contract.sqlite")
    else:
        make = functools.partial(MongoAuditStore, own_database(request.getfixturevalue("mongo_set")))
    made: list[AuditStore] = []

    def one_more() -> AuditStore:
        made.append(make())
        return made[-1]

    yield one_more
    await one_more().clear()
    for store in made:
        await store.close()


@pytest.fixture
async def any_store(make_store: MakeStore) -> AuditStore:
    """An open, empty audit store of either adapter."""
    store = make_store()
    await store.open(PARTITIONS)
    return store


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteAuditStore]:
    """An open, empty audit store."""
    store = SqliteAuditStore(tmp_path / "audit.sqlite")
    await store.open(PARTITIONS)
    yield store
    await store.close()


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    """An open, empty journal."""
    journal = SqliteJournal(tmp_path / "journal.sqlite")
    await journal.open(PARTITIONS)
    yield journal
    await journal.close()


@pytest.fixture
def writer(journal: Journal) -> Writer:
    """Appends to the journal."""
    return Writer(journal)


@pytest.fixture(scope="session")
def schema() -> etree.XMLSchema:
    """The log's XSD."""
    return log_schema()
