"""Tests of the transaction service run on simulated time: waiting costs nothing, and is always as long as said."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping

import pytest
import structlog

from tests.simulation.loop import SimulatedLoop
from tests.transaction.stage import SimulatedTime, Stage


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Give the tests with real sockets a real loop, all others simulated time."""
    return {"real": asyncio.new_event_loop} if item.path.name == "test_app.py" else {"simulated": SimulatedLoop}


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """No log on the screen."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    yield
    structlog.reset_defaults()


@pytest.fixture
async def stage(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    """A store, a quote server and simulated time, for any number of hosts."""
    stage = Stage()
    monkeypatch.setattr("daytrader.clock.time", SimulatedTime())
    yield stage
    await stage.close()
