"""The appender: group commit, and the fence, against a journal that answers as the test says."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence

import pytest

from daytrader.journal import appender as appender_module
from daytrader.journal.appender import Appender
from daytrader.journal.entry import Entry
from daytrader.journal.port import Fate, JournalUnavailableError
from tests.journal.stores import entry

KEEP = 3_600.0


class Flight:
    """An entry on its way."""

    def __init__(self, its_entry: Entry) -> None:
        self.entry = its_entry
        self.retried = False


class Partition:
    """What the appender needs of a partition; takes off entries of one batch after the other."""

    def __init__(self, number: int, batches: list[str], *, bytes_each: int = 1) -> None:
        self.number = number
        self.head_known_at = 0.0
        self.flight: Flight | None = None
        self.n = 0
        self.landed: list[str] = []
        self.lost: list[str] = []
        self._batches = batches
        self._bytes_each = bytes_each

    def take_off(self, limit: int) -> Entry | None:  # noqa: ARG002  each entry has one record here
        """Return the entry under way, or the next one."""
        if self.flight is None and self._batches:
            batch = self._batches.pop(0)
            self.flight = Flight(entry(self.number, self.n + 1, batch=batch, records=bytes(self._bytes_each)))
        return self.flight.entry if self.flight else None

    def done(self, names: list[str]) -> str:
        """Note what became of the flight."""
        assert self.flight is not None
        names.append(self.flight.entry.batch)
        self.flight = None
        return names[-1]


class ScriptedJournal:
    """Answers what it is told, in order; then everything is durable."""

    def __init__(self) -> None:
        self.fates: list[dict[int, Fate]] = []
        """For the next appends, by partition; the others are durable."""
        self.appends: list[list[Entry]] = []
        self.there: dict[tuple[int, int], Entry] = {}
        """What a read shows."""
        self.marks: dict[int, int] = {}
        self.away = False
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def append(self, entries: Sequence[Entry]) -> list[Fate]:
        """Take note of the append."""
        self.appends.append(list(entries))
        await self.go_on.wait()
        fates = self.fates.pop(0) if self.fates else {}
        return [fates.get(one.partition, Fate.DURABLE) for one in entries]

    async def read(self, partition: int, after: int, limit: int) -> list[Entry]:  # noqa: ARG002  one is asked for
        """Show what is there."""
        self._check()
        found = self.there.get((partition, after + 1))
        return [found] if found else []

    async def mark(self, partition: int) -> int:
        """Show the trim mark."""
        self._check()
        return self.marks.get(partition, 0)

    def _check(self) -> None:
        if self.away:
            raise JournalUnavailableError("the test wants it so")


class Bench:
    """An appender with its journal."""

    def __init__(self, batching: bool = True) -> None:
        self.now = 1_000.0
        self.journal = ScriptedJournal()
        self.events: list[str] = []
        self.appender: Appender[Partition] = Appender(
            self.journal,  # type: ignore[arg-type]  # only what an appender needs
            self._landed,
            self._lost,
            keep=KEEP,
            batching=batching,
        )
        self.task = asyncio.create_task(self.appender.run())

    def _landed(self, partition: Partition, sent: float) -> None:
        partition.head_known_at = sent
        partition.n += 1
        self.events.append(f"landed {partition.done(partition.landed)}")

    def _lost(self, partition: Partition) -> None:
        self.events.append(f"lost {partition.done(partition.lost)}")

    def partition(self, number: int, *batches: str, bytes_each: int = 1) -> Partition:
        """A partition that knows its head and has something to append."""
        partition = Partition(number, list(batches), bytes_each=bytes_each)
        partition.head_known_at = self.now
        self.appender.offer(partition)
        return partition

    async def until(self, done: Callable[[], bool]) -> None:
        """Let the appender work."""
        async with asyncio.timeout(10):
            while not done():
                assert not self.task.done(), self.task.exception()
                await asyncio.sleep(0)


@pytest.fixture
async def bench(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    """An appender that settles without waiting, on a clock that the test turns."""
    bench = Bench()
    monkeypatch.setattr(appender_module, "SETTLE_EVERY", 0)
    monkeypatch.setattr(appender_module, "boot_seconds", lambda: bench.now)
    yield bench
    bench.task.cancel()


async def test_one_append_carries_one_entry_of_each_partition(bench: Bench) -> None:
    """The second entry of a partition goes when the first is durable."""
    first, second = bench.partition(1, "a", "b"), bench.partition(2, "c")
    await bench.until(lambda: first.landed == ["a", "b"] and second.landed == ["c"])
    assert [[one.batch for one in append] for append in bench.journal.appends] == [["a", "c"], ["b"]]


async def test_one_append_is_under_way_at_a_time(bench: Bench) -> None:
    """What is offered meanwhile waits, whichever partition it is in."""
    bench.journal.go_on.clear()
    bench.partition(1, "a")
    await bench.until(lambda: bool(bench.journal.appends))
    second = bench.partition(2, "b")
    for _ in range(20):
        await asyncio.sleep(0)
    assert len(bench.journal.appends) == 1
    bench.journal.go_on.set()
    await bench.until(lambda: second.landed == ["b"])


async def test_each_entry_is_judged_on_its_own(bench: Bench) -> None:
    """Durable, taken and unsettled in one append: the durable one is acknowledged before the others are looked into."""
    durable, taken, unsettled = bench.partition(1, "a"), bench.partition(2, "b"), bench.partition(3, "c")
    bench.journal.fates = [{2: Fate.TAKEN, 3: Fate.UNSETTLED}]
    await bench.until(lambda: len(bench.events) == 3)
    assert bench.events == ["landed a", "lost b", "landed c"]
    assert (durable.landed, taken.lost, unsettled.landed) == (["a"], ["b"], ["c"])


async def test_an_unsettled_entry_is_inserted_again_and_nothing_else(bench: Bench) -> None:
    """The same entry, until it is known what became of it; other partitions go on."""
    partition = bench.partition(1, "a", "b")
    other = bench.partition(2, "x", "y", "z")
    bench.journal.fates = [{1: Fate.UNSETTLED}] * 2
    await bench.until(lambda: partition.landed == ["a", "b"] and other.landed == ["x", "y", "z"])
    ours = [one.batch for append in bench.journal.appends for one in append if one.partition == 1]
    assert ours == ["a", "a", "a", "b"]


async def test_a_place_that_is_taken_at_the_first_try_is_anothers(bench: Bench) -> None:
    """No need to read: nobody but another can have put something there."""
    bench.journal.away = True
    partition = bench.partition(1, "a")
    bench.journal.fates = [{1: Fate.TAKEN}]
    await bench.until(lambda: partition.lost == ["a"])


async def test_a_place_that_is_taken_at_a_later_try_is_read(bench: Bench) -> None:
    """It may be our own entry, from a try whose answer was lost."""
    for there, event in (("a", "landed a"), ("another", "lost a")):
        bench.events.clear()
        bench.journal.there[1, 1] = entry(1, 1, batch=there)
        bench.journal.fates = [{1: Fate.UNSETTLED}, {1: Fate.TAKEN}]
        bench.partition(1, "a")
        await bench.until(lambda: bool(bench.events))
        assert bench.events == [event]


async def test_a_taken_place_that_no_majority_shows_is_unsettled(bench: Bench) -> None:
    """A primary that was cut off may hold it and lose it again: the insert is tried until there is an answer."""
    partition = bench.partition(1, "a")
    bench.journal.fates = [{1: Fate.UNSETTLED}, {1: Fate.TAKEN}, {1: Fate.TAKEN}, {}]
    await bench.until(lambda: partition.landed == ["a"])
    assert len(bench.journal.appends) == 4


async def test_while_the_store_is_away_nothing_is_known(bench: Bench) -> None:
    """A read that fails proves nothing."""
    bench.journal.away = True
    partition = bench.partition(1, "a")
    bench.journal.fates = [{1: Fate.UNSETTLED}, *[{1: Fate.TAKEN}] * 3]
    await bench.until(lambda: len(bench.journal.appends) >= 3)
    assert bench.events == []
    bench.journal.away = False
    bench.journal.there[1, 1] = entry(1, 1, batch="a")
    bench.journal.fates = [{1: Fate.TAKEN}] * 10
    await bench.until(lambda: partition.landed == ["a"])


async def test_a_taken_place_below_the_mark_is_lost(bench: Bench) -> None:
    """Whatever stood there is trimmed away: the partition has to start over."""
    bench.journal.marks[1] = 1
    partition = bench.partition(1, "a")
    bench.journal.fates = [{1: Fate.UNSETTLED}, {1: Fate.TAKEN}]
    await bench.until(lambda: partition.lost == ["a"])


@pytest.mark.parametrize(
    ("slept", "mark", "event"),
    [
        (KEEP / 2 - 1, 1, "landed a"),
        (KEEP / 2, 0, "landed a"),
        (KEEP / 2, 1, "lost a"),
    ],
)
async def test_after_a_long_sleep_the_trim_mark_decides(bench: Bench, slept: float, mark: int, event: str) -> None:
    """An answer that comes more than half of the keeping time after the head was known may be of a place that was free
    only because its entry had been trimmed away.
    """
    bench.journal.go_on.clear()
    bench.journal.marks[1] = mark
    bench.partition(1, "a")
    await bench.until(lambda: bool(bench.journal.appends))
    bench.now += slept
    bench.journal.go_on.set()
    await bench.until(lambda: bool(bench.events))
    assert bench.events == [event]


async def test_after_a_long_sleep_an_entry_found_is_checked_as_well(bench: Bench) -> None:
    """Our own entry below the mark is one that nobody will ever read."""
    bench.journal.there[1, 1] = entry(1, 1, batch="a")
    bench.journal.marks[1] = 1
    bench.journal.fates = [{1: Fate.UNSETTLED}, {1: Fate.TAKEN}]
    bench.journal.go_on.clear()
    bench.partition(1, "a")
    await bench.until(lambda: bool(bench.journal.appends))
    bench.now += KEEP
    bench.journal.go_on.set()
    await bench.until(lambda: bool(bench.events))
    assert bench.events == ["lost a"]


async def test_a_mark_that_cannot_be_read_leaves_an_entry_unsettled(bench: Bench) -> None:
    """It is not acknowledged until the mark is known."""
    bench.journal.away = True
    bench.journal.go_on.clear()
    partition = bench.partition(1, "a")
    await bench.until(lambda: bool(bench.journal.appends))
    bench.now += KEEP
    bench.journal.fates = [{}, *[{1: Fate.TAKEN}] * 50]
    bench.journal.go_on.set()
    await bench.until(lambda: len(bench.journal.appends) >= 3)
    assert bench.events == []
    bench.journal.there[1, 1] = entry(1, 1, batch="a")
    bench.journal.away = False
    await bench.until(lambda: partition.landed == ["a"])


async def test_an_append_holds_only_so_many_bytes(bench: Bench) -> None:
    """What does not fit goes with the next one; nobody is left out for ever."""
    partitions = [bench.partition(number, "a", "b", bytes_each=7 * 1024 * 1024) for number in range(6)]
    await bench.until(lambda: all(partition.landed == ["a", "b"] for partition in partitions))
    assert max(sum(len(one.records) for one in append) for append in bench.journal.appends) <= 32 * 1024 * 1024
    assert [len(append) for append in bench.journal.appends] == [4, 4, 4]


async def test_without_batching_partitions_append_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each on its own; what is offered just when one has run out of entries is appended, too."""
    bench = Bench(batching=False)
    monkeypatch.setattr(appender_module, "boot_seconds", lambda: bench.now)
    bench.journal.go_on.clear()
    first, second = bench.partition(1, "a"), bench.partition(2, "b")
    await bench.until(lambda: len(bench.journal.appends) == 2)
    bench.journal.go_on.set()
    await bench.until(lambda: first.landed == ["a"] and second.landed == ["b"])
    for turns in range(12):
        first._batches.append(f"c{turns}")
        bench.appender.offer(first)
        for _ in range(turns):
            await asyncio.sleep(0)
    await bench.until(lambda: len(first.landed) == 13)
    bench.task.cancel()


@pytest.mark.parametrize("batching", [True, False])
async def test_a_defect_ends_it(batching: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is appended by an appender that has met what nobody thought of; whoever runs it hears of that."""
    bench = Bench(batching=batching)

    async def defective(_: Sequence[Entry]) -> list[Fate]:
        raise ZeroDivisionError

    monkeypatch.setattr(bench.journal, "append", defective)
    bench.partition(1, "a")
    async with asyncio.timeout(10):
        await asyncio.wait({bench.task})
    assert isinstance(bench.task.exception(), ExceptionGroup | ZeroDivisionError)
