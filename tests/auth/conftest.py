"""Stores of both adapters, each over data of its own, passwords that are quickly hashed, and a clock to turn."""

import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from daytrader.auth.identity import Identity
from daytrader.auth.mongodb import MongoAuthStore
from daytrader.auth.password import Passwords
from daytrader.auth.port import AuthStore
from daytrader.auth.role import Role
from daytrader.auth.sqlite import SqliteAuthStore
from tests.journal.stores import own_database

MakeStore = Callable[[], Awaitable[AuthStore]]


class Hand:
    """A clock that the test turns."""

    def __init__(self) -> None:
        self.now = 1_700_000_000_000

    def __call__(self) -> int:
        """Return what it shows, in ms."""
        return self.now


@pytest.fixture
def clock() -> Hand:
    """A clock that the test turns."""
    return Hand()


@pytest.fixture(params=["sqlite", "mongodb"])
async def make_store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[MakeStore]:
    """Makes open stores over the same data, as several replicas have them."""
    make: Callable[[], AuthStore]
    if request.param == "sqlite":
        make = functools.partial(SqliteAuthStore, tmp_path / "identities.sqlite")
    else:
        make = functools.partial(MongoAuthStore, own_database(request.getfixturevalue("mongo_set")))
    made: list[AuthStore] = []

    async def one_more() -> AuthStore:
        store = make()
        made.append(store)
        await store.open()
        return store

    yield one_more
    for store in made:
        await store.close()


@pytest.fixture
async def any_store(make_store: MakeStore) -> AuthStore:
    """An open, empty store of either adapter."""
    return await make_store()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteAuthStore]:
    """An open, empty store."""
    store = SqliteAuthStore(tmp_path / "one.sqlite")
    await store.open()
    yield store
    await store.close()


@pytest.fixture
def passwords() -> Iterator[Passwords]:
    """Real hashes, of the least cost that there is."""
    made = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    yield made
    made.close()


def identity(name: str = "bob", role: Role = "trader", *, created: int = 1_000, password: str = "") -> Identity:
    """An identity that was just created."""
    return Identity(name=name, role=role, password=password, created=created, changed=created)
