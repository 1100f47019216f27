"""What the tests of the web service share."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from daytrader.auth.guard import Guard
from daytrader.auth.sqlite import SqliteAuthStore
from daytrader.domain.command import parse
from daytrader.internal import Tokens
from daytrader.journal.entry import partition_of
from daytrader.membership import ProbedMembership, listed
from daytrader.session import InternalSession
from daytrader.transaction.message import Request
from daytrader.web.link import Limits
from daytrader.web.router import Router
from tests.simulation.loop import SimulatedLoop
from tests.web.guarded import Guarded, tokens_in
from tests.web.replica import TOKEN, HttpServer, Replica
from tests.web.stand_in import Behind

PARTITIONS = 16


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Give simulated time to the tests of how long something takes, and a real loop to those with real sockets."""
    if item.path.name in ("test_account_stream.py", "test_deadline.py"):
        return {"simulated": SimulatedLoop}
    return {"real": asyncio.new_event_loop}


QUICK = Limits(silence=0.4, deadline=3.0, back_off=0.01)
"""Limits with which a test of a dead replica does not take long."""

Add = Callable[..., Request]


@pytest.fixture
def add() -> Add:
    """Makes an ADD for a user, with an id of its own."""
    numbers = itertools.count()

    def make(user: str = "alice", number: int | None = None) -> Request:
        number = next(numbers) if number is None else number
        return Request(f"w:t{number}", partition_of(user, PARTITIONS), parse("ADD", user, amount="1.00"), 1_000)

    return make


Gained = Callable[..., float]


@pytest.fixture
def gained() -> Gained:
    """How much a metric has risen since the test began; the registry outlives a test."""
    before = _samples()

    def rise(name: str, **labels: str) -> float:
        key = (name, tuple(sorted(labels.items())))
        return _samples()[key] - before.get(key, 0.0)

    return rise


def _samples() -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for metric in REGISTRY.collect()
        for sample in metric.samples
    }


@pytest.fixture
async def replica() -> AsyncIterator[Replica]:
    """A transaction replica that is served as long as the test runs; its address is `replica_url`."""
    one = Replica()
    yield one
    one.gate.set()


@pytest.fixture
async def replica_server(replica: Replica) -> AsyncIterator[HttpServer]:
    """The HTTP server of `replica`."""
    async with replica.server() as server:
        yield server


@pytest.fixture
def behind() -> Behind:
    """What the web app stands in front of."""
    return Behind()


@pytest.fixture
async def port(behind: Behind) -> AsyncIterator[int]:
    """The port of the web app."""
    async with HttpServer(behind.app()) as server:
        yield server.port


@asynccontextmanager
async def routing(*urls: str, limits: Limits = QUICK) -> AsyncIterator[Router]:
    """Give a router to the replicas at `urls`, once they have been probed."""
    tokens = Tokens(TOKEN)
    membership = ProbedMembership(listed(",".join(urls)), InternalSession(tokens), probe_every=0.05, probe_limit=0.4)
    session = InternalSession(tokens)
    router = Router(membership, session, PARTITIONS, limits)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(session.close)
        for run in (membership.run, router.run):
            stack.push_async_callback(_end, asyncio.create_task(run()))
        await asyncio.wait_for(membership.settled.wait(), 10)
        yield router


async def _end(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.wait([task])


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteAuthStore]:
    """An open, empty store."""
    store = SqliteAuthStore(tmp_path / "identities.sqlite")
    await store.open()
    yield store
    await store.close()


@pytest.fixture
async def guarded(behind: Behind, store: SqliteAuthStore) -> AsyncIterator[Guarded]:
    """The web app, served."""
    guard = Guard(store, lambda: 1_234, Tokens(TOKEN))
    async with HttpServer(behind.app(guard)) as server:
        yield Guarded(server.port, await tokens_in(store))
    await guard.close()
