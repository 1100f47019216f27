"""The contract of holds: nothing is trimmed under one, it ends by itself, and each has a name of its own."""

import asyncio
from collections.abc import Awaitable, Callable

from tests.contract.conftest import AnyJournal, Replica
from tests.journal.stores import PARTITIONS, entry

LONG = 60.0
SHORT = 0.05


async def when(holds: Callable[[], Awaitable[bool]]) -> None:
    """Ask until it is so."""
    async with asyncio.timeout(20):
        while not await holds():
            pass


async def filled(journal: AnyJournal) -> None:
    """Append three entries."""
    for n in range(1, 4):
        await journal.append([entry(0, n)])


async def test_nothing_is_trimmed_while_somebody_holds(journal: AnyJournal, other: AnyJournal) -> None:
    """Neither mark nor entries change, whoever trims, and the caller is told."""
    await filled(journal)
    await other.holds.hold("backup", LONG)
    assert await journal.trim(0, 2) is False
    assert await other.trim(0, 2) is False
    assert await journal.mark(0) == 0
    assert [each.n for each in await journal.read(0, 0, 10)] == [1, 2, 3]


async def test_trimming_goes_on_after_a_release(journal: AnyJournal, other: AnyJournal) -> None:
    """A hold that was let go holds nobody."""
    await filled(journal)
    await journal.holds.hold("backup", LONG)
    await other.holds.release("backup")
    assert await journal.trim(0, 2) is True
    assert [each.n for each in await other.read(0, 2, 10)] == [3]


async def test_each_hold_is_let_go_by_its_own_name(journal: AnyJournal, other: AnyJournal) -> None:
    """Of two that hold, the end of one leaves the other; letting go of none is no failure."""
    await journal.holds.hold("one", LONG)
    await other.holds.hold("two", LONG)
    await journal.holds.release("three")
    assert await other.holds.held() == ["one", "two"]
    await other.holds.release("one")
    assert await journal.holds.held() == ["two"]
    assert await journal.trim(0, 2) is False


async def test_a_hold_ends_by_itself(journal: AnyJournal, other: AnyJournal) -> None:
    """Whoever died holds nobody for longer than its time."""
    await filled(journal)
    await other.holds.hold("dead", SHORT)
    await when(lambda: journal.trim(0, 2))
    assert await journal.holds.held() == []
    assert await journal.mark(0) == 2


async def test_a_hold_that_is_renewed_lasts(journal: AnyJournal, other: AnyJournal) -> None:
    """Its time counts from the last time it was asked for, be that shorter or longer than before."""
    await journal.holds.hold("backup", SHORT)
    await journal.holds.hold("backup", LONG)
    await journal.holds.hold("other", SHORT)

    async def other_ended() -> bool:
        return await other.holds.held() == ["backup"]

    await when(other_ended)
    await journal.holds.hold("backup", 0)
    assert await other.holds.held() == []


async def test_a_hold_survives_a_restart(journal: AnyJournal, replica: Replica) -> None:
    """It is durable when it is asked for."""
    await journal.holds.hold("backup", LONG)
    await journal.close()
    again = await replica()
    await again.open(PARTITIONS)
    assert await again.holds.held() == ["backup"]


async def test_clearing_the_journal_lets_go(journal: AnyJournal) -> None:
    """A cleared journal is like a new one."""
    await journal.holds.hold("backup", LONG)
    await journal.clear()
    await journal.open(PARTITIONS)
    assert await journal.holds.held() == []
