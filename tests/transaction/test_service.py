"""The service around the host: when it is ready, what it refuses, and its clock."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from daytrader.clock import Clock
from daytrader.domain.quote import Hit
from daytrader.journal.port import JournalUnavailableError
from daytrader.quotes.memory import MemoryQuoteCache
from daytrader.quotes.source import QuoteSource
from daytrader.settings import Settings
from daytrader.transaction.service import LARGEST_SKEW_MS, SKEW_EVERY, TransactionService
from tests.simulation.loop import Process
from tests.simulation.store import SimulatedAccounts, SimulatedJournal
from tests.transaction.stage import PARTITIONS, Stage, until


class Bench:
    """A service on a stage, with a journal whose clock the test sets."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        process = Process("one")
        self.journal = SimulatedJournal(stage.data, process)
        self.skew = 0
        self.journal.clock_skew = self._clock_skew  # type: ignore[method-assign]
        self.service = TransactionService(
            Settings(replica="one", partitions=PARTITIONS),
            self.journal,
            SimulatedAccounts(stage.data, process),
            owned=lambda: range(PARTITIONS),
            quotes=self._quotes,
        )

    async def _clock_skew(self) -> int:
        if self.stage.data.down:
            raise JournalUnavailableError("it is down")
        return self.skew

    def _quotes(self, clock: Clock, stray: Callable[[Hit], None]) -> QuoteSource:
        return QuoteSource(self.stage.quotes, MemoryQuoteCache(), clock=clock, on_stray_hit=stray)

    async def until(self, says: str) -> None:
        """Wait until what the service waits for is said in these words; "" where it waits for nothing."""
        await until(lambda: says in self.service.waits_for() if says else not self.service.waits_for())


@pytest.fixture
async def bench(stage: Stage) -> AsyncIterator[Bench]:
    """A service that has not been started."""
    bench = Bench(stage)
    yield bench
    await bench.service.close()


async def test_it_is_ready_when_its_partitions_are_open(bench: Bench) -> None:
    """Before that it says what it waits for."""
    assert bench.service.waits_for() == "it does not know the other replicas yet"
    assert bench.service.refuses() == "it does not know the other replicas yet"
    bench.service.start()
    await bench.until("partitions are opening")
    await bench.until("")
    assert bench.service.refuses() == ""
    assert bench.service.host.open_count() == PARTITIONS


async def test_it_waits_for_a_journal_that_is_away(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not end, and says why it is not ready."""

    async def away(_: int) -> None:
        raise JournalUnavailableError("nobody listens at 127.0.0.1:1")

    with monkeypatch.context() as patched:
        patched.setattr(bench.journal, "open", away)
        bench.service.start()
        await bench.until("the journal is away: nobody listens at 127.0.0.1:1")
    await bench.until("")


async def test_a_wrong_clock_keeps_it_from_deciding_anything(bench: Bench) -> None:
    """Its entries would push the partitions' time; so it opens nothing, takes nothing, and fires nothing."""
    bench.skew = -LARGEST_SKEW_MS - 1
    bench.service.start()
    await bench.until("its clock differs from the store's by -1001 ms (at most 1000): set the clock")
    await asyncio.sleep(2)
    assert bench.service.host.open_count() == 0
    bench.skew = LARGEST_SKEW_MS
    await bench.until("")


async def test_the_clocks_are_compared_again_and_again(bench: Bench) -> None:
    """A clock that goes wrong later is noticed within 5 s; while the store is away, what was known counts."""
    bench.service.start()
    await bench.until("")
    bench.skew = 2_000
    await asyncio.sleep(SKEW_EVERY)
    assert "differs" in bench.service.refuses()
    bench.skew = 0
    bench.stage.data.down = True
    await asyncio.sleep(2 * SKEW_EVERY)
    assert "differs" in bench.service.refuses()
    bench.stage.data.down = False
    await asyncio.sleep(SKEW_EVERY)
    assert bench.service.refuses() == ""


async def test_a_replica_that_leaves_still_decides_what_comes(bench: Bench) -> None:
    """It is not ready any more, so that web sends elsewhere, but nothing that is on its way is turned away."""
    bench.service.start()
    await bench.until("")
    bench.service.refuse()
    assert bench.service.waits_for() == "it is draining: commands go to another replica"
    assert bench.service.refuses() == ""
    assert (await bench.service.host.submit(bench.stage.request("ADD,1.00"))).status == 200
    await bench.service.drain(10)
    assert len(bench.stage.data.accounts) >= 1


async def test_a_defect_ends_the_service(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody goes on with half a service: the task that is watched ends with the error."""

    async def defective(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(bench.journal, "append", defective)
    task = bench.service.start()
    await bench.until("")
    asyncio.create_task(bench.service.host.submit(bench.stage.request("ADD,1.00")))  # noqa: RUF006  nobody answers it
    await asyncio.wait({task}, timeout=10)
    assert "ZeroDivisionError" in repr(task.exception())


async def test_health_names_every_part(bench: Bench) -> None:
    """The replica itself, the quote server, and the parts of the store."""
    parts = await bench.service.health()
    assert [(part.name, part.ok) for part in parts] == [("transaction one", False), ("quote server", True)]
    bench.service.start()
    await bench.until("")
    parts = await bench.service.health()
    assert (parts[0].ok, parts[0].says) == (True, f"decides commands in {PARTITIONS} partitions")
