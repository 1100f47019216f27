"""Holding trimming all the time, and noticing when that was not so."""

import asyncio

import pytest

from daytrader.backup import hold, reading
from daytrader.backup.hold import HOLD_S, RENEW_EVERY, Hold
from daytrader.backup.manifest import BackupError
from daytrader.backup.reading import PATIENCE
from daytrader.journal.port import JournalUnavailableError


class RememberedHolds:
    """Notes what is asked; can be away."""

    def __init__(self) -> None:
        self.until: dict[str, float] = {}
        self.away = False

    def _answer(self) -> None:
        if self.away:
            raise JournalUnavailableError("switched off by the test")

    async def hold(self, name: str, seconds: float) -> None:
        self._answer()
        self.until[name] = asyncio.get_running_loop().time() + seconds

    async def release(self, name: str) -> None:
        self._answer()
        del self.until[name]

    async def held(self) -> list[str]:
        raise NotImplementedError


@pytest.fixture
def holds() -> RememberedHolds:
    """Where holds are noted."""
    return RememberedHolds()


@pytest.fixture(autouse=True)
def simulated_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock that goes on while the machine sleeps is the loop's."""
    for module in (hold, reading):
        monkeypatch.setattr(module, "boot_seconds", lambda: asyncio.get_running_loop().time())


async def test_it_is_held_for_as_long_as_something_runs(holds: RememberedHolds) -> None:
    """It is renewed long before it ends, and let go at the end."""
    async with Hold(holds, "backup") as held:
        for _ in range(1_000):
            await asyncio.sleep(7)
            held.check()
            assert holds.until["backup"] > asyncio.get_running_loop().time() + HOLD_S / 2
    assert not holds.until


async def test_a_store_that_is_away_for_a_while_is_no_loss(holds: RememberedHolds) -> None:
    """An election takes seconds; the hold lasts."""
    async with Hold(holds, "backup") as held:
        for _ in range(10):
            holds.away = True
            await asyncio.sleep(0.9 * RENEW_EVERY)
            held.check()
            holds.away = False
            await asyncio.sleep(1.2 * RENEW_EVERY)
            held.check()


async def test_a_hold_that_could_not_be_renewed_is_lost_for_good(holds: RememberedHolds) -> None:
    """It says so well before trimming may go on, and does not forget it when the store is back."""
    async with Hold(holds, "backup") as held:
        holds.away = True
        await asyncio.sleep(HOLD_S / 2)
        with pytest.raises(BackupError, match="could not be held all the time"):
            held.check()
        assert holds.until["backup"] > asyncio.get_running_loop().time()
        holds.away = False
        await asyncio.sleep(3 * RENEW_EVERY)
        with pytest.raises(BackupError):
            held.check()


async def test_a_process_that_slept_has_lost_its_hold(holds: RememberedHolds, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever wakes up renews first, but does not take that for an unbroken hold."""
    loop = asyncio.get_running_loop()
    async with Hold(holds, "backup") as held:
        monkeypatch.setattr(hold, "boot_seconds", lambda: loop.time() + 2 * HOLD_S)
        await asyncio.sleep(2 * RENEW_EVERY)
        with pytest.raises(BackupError):
            held.check()


async def test_a_hold_that_cannot_be_let_go_ends_by_itself(holds: RememberedHolds) -> None:
    """A store that is away at the end does not spoil what was done."""
    async with Hold(holds, "backup"):
        holds.away = True
    assert holds.until


async def test_an_election_at_the_beginning_costs_time_alone(holds: RememberedHolds) -> None:
    """The hold is asked for until the store is back, and counts from then on."""
    loop = asyncio.get_running_loop()
    holds.away = True
    loop.call_later(0.9 * PATIENCE, setattr, holds, "away", False)
    began = loop.time()
    async with Hold(holds, "backup") as held:
        assert loop.time() >= began + 0.9 * PATIENCE
        await asyncio.sleep(0.9 * RENEW_EVERY)
        held.check()


async def test_nothing_begins_without_a_hold(holds: RememberedHolds) -> None:
    """A store that stays away at the beginning is an error."""
    holds.away = True
    with pytest.raises(BackupError, match="holding trimming failed for 60 s"):
        await Hold(holds, "backup").__aenter__()
