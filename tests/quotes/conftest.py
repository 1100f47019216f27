"""What the tests of quotes share."""

from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from prometheus_client import REGISTRY

from daytrader.domain.quote import Hit
from daytrader.quotes.legacy import TIME_LIMIT_MS, LegacyQuoteServer
from tests.quotes.asking import ClientOf
from tests.quotes.redis_process import RedisProcess
from tests.quotes.scripted import ScriptedQuoteServer, TurnedClock

Sample = Callable[..., float]


@pytest.fixture
def clock() -> TurnedClock:
    """A clock that the test turns."""
    return TurnedClock()


@pytest.fixture
def strays() -> list[Hit]:
    """Where a test's stray hits are collected: give its `append` to what reports them."""
    return []


@pytest.fixture
async def scripted() -> AsyncIterator[ScriptedQuoteServer]:
    """A quote server that answers as the test tells it to."""
    async with ScriptedQuoteServer() as server:
        yield server


@pytest.fixture
def gained() -> Sample:
    """How much a metric has risen since the test began; the registry outlives a test."""
    before = {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for metric in REGISTRY.collect()
        for sample in metric.samples
    }

    def rise(name: str, **labels: str) -> float:
        value = REGISTRY.get_sample_value(name, labels)
        assert value is not None, f"there is no metric {name} {labels}"
        return value - before.get((name, tuple(sorted(labels.items()))), 0.0)

    return rise


@pytest.fixture
def own_redis() -> Iterator[RedisProcess]:
    """A Redis of the test's own, to be frozen and killed."""
    redis = RedisProcess()
    redis.start()
    yield redis
    redis.kill()


@pytest.fixture
def client_of(clock: TurnedClock, strays: list[Hit]) -> ClientOf:
    """Makes a client of the server at an address."""

    def make(
        address: tuple[str, int],
        time_limit_ms: int = TIME_LIMIT_MS,
        hedge_after_ms: int | None = None,
        max_connections: int = 128,
    ) -> LegacyQuoteServer:
        return LegacyQuoteServer(
            *address,
            clock=clock,
            on_stray_hit=strays.append,
            time_limit_ms=time_limit_ms,
            hedge_after_ms=hedge_after_ms,
            max_connections=max_connections,
        )

    return make
