"""The task that looks after workloads."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import kopf
import pytest

from daytrader_operator.workload import handlers
from daytrader_operator.workload.handlers import keep, surroundings
from daytrader_operator.workload.workloads import Workloads
from tests.operator.stand_in import StandIn
from tests.operator.workload.made import AROUND, MADE

ENVIRONMENT = {
    "OPERATOR_NAMESPACE": "trading",
    "OPERATOR_INSTANCE": "r",
    "OPERATOR_FULLNAME": "r-daytrader",
    "OPERATOR_IMAGE": "daytrader:1",
    "OPERATOR_WEB_URL": "http://r-daytrader-web.trading.svc",
}


def test_the_environment_tells_of_the_installation() -> None:
    """Secrets for pulling are a list; what is not needed may be left out or empty."""
    assert surroundings(ENVIRONMENT) == AROUND
    more = {
        "OPERATOR_PULL_SECRETS": "a,b",
        "OPERATOR_PULL_POLICY": "Always",
        "OPERATOR_TLS_SECRET": "t",
        "OPERATOR_WORKLOAD_TOKENS_SECRET": "w",
    }
    found = surroundings(ENVIRONMENT | more)
    assert (found.pull_secrets, found.pull_policy) == (("a", "b"), "Always")
    assert (found.tls_secret, found.tokens_secret) == ("t", "w")
    assert surroundings(ENVIRONMENT | dict.fromkeys(more, "")) == AROUND


@asynccontextmanager
async def kept(api: StandIn) -> AsyncIterator[asyncio.Event]:
    """The task at work; gives the event that wakes it."""
    wake = asyncio.Event()
    task = asyncio.create_task(keep(Workloads(api, AROUND), wake))
    try:
        async with asyncio.timeout(10):
            yield wake
    finally:
        task.cancel()


async def until(holds: Callable[[], bool]) -> None:
    """Wait until it holds."""
    while not holds():  # noqa: ASYNC110  the task under test tells nobody when it has done something
        await asyncio.sleep(0.001)


async def test_a_new_workload_is_looked_at_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its event wakes the task, which would rest for long otherwise."""
    monkeypatch.setattr(handlers, "AT_REST_S", 3600.0)
    monkeypatch.setattr(handlers, "INTERVAL_S", 0.001)
    api = StandIn()
    async with kept(api) as wake:
        await asyncio.sleep(0)
        api.put("Workload", "day", apiVersion="daytrader.dev/v1alpha1", spec=MADE)
        wake.set()
        await until(lambda: ("Job", "workload-day") in api.objects)


async def test_it_goes_on_when_the_api_server_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """What failed is tried again."""
    monkeypatch.setattr(handlers, "INTERVAL_S", 0.001)
    api = StandIn()
    api.put("Workload", "day", apiVersion="daytrader.dev/v1alpha1", spec=MADE)
    api.down = True
    async with kept(api):
        await asyncio.sleep(0.01)
        assert api.writes == []
        api.down = False
        await until(lambda: api.objects["Workload", "day"].get("status", {}).get("phase") == "Pending")


def test_nothing_holds_up_the_deletion_of_a_workload() -> None:
    """No handler of kopf's here is of a kind that needs a finalizer."""
    registry = kopf.get_default_registry()
    of_workloads = [
        handler
        for part in (registry._watching, registry._spawning, registry._changing)
        for handler in part.get_all_handlers()
        if handler.selector is not None and handler.selector.any_name == "workloads"
    ]
    assert len(of_workloads) == 1
    assert not any(getattr(handler, "requires_finalizer", False) for handler in of_workloads)
