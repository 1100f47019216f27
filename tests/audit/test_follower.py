"""Following: every entry once, in order, over restarts and lost answers; what is wrong is named."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import cast

import pytest
from prometheus_client import REGISTRY

from daytrader.audit import follower as following
from daytrader.audit import index as indexing
from daytrader.audit import metrics
from daytrader.audit.follower import AuditBehindError, Follower
from daytrader.audit.port import AuditStore, AuditUnavailableError
from daytrader.audit.sqlite import SqliteAuditStore
from daytrader.audit.stream import of_user
from daytrader.journal.entry import Entry
from daytrader.journal.port import Fate, Journal, PartitionsDifferError
from tests.audit.conftest import MakeStore
from tests.audit.journals import PARTITIONS, START, Interrupted, Writer, added, barrier, entry_of
from tests.audit.waits import LIMIT, until


@contextlib.asynccontextmanager
async def follows(
    journal: object, store: AuditStore, clock: Callable[[], int] = lambda: START
) -> AsyncIterator[Follower]:
    """A follower that runs."""
    follower = Follower(cast(Journal, journal), store, PARTITIONS, clock)
    task = asyncio.create_task(follower.run())
    try:
        yield follower
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def stored(store: AuditStore) -> list[Entry]:
    """Everything that the store holds."""
    heads = await store.heads()
    return [entry for p in sorted(heads) for entry in await store.read(p, 0, heads[p], 10_000)]


class SlowJournal:
    """A journal that can keep a follower waiting, as a process that is stopped for a while waits."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.goes_on = asyncio.Event()
        self.goes_on.set()
        self.stopped = asyncio.Event()

    def __getattr__(self, name: str) -> object:
        return getattr(self._journal, name)

    async def read_all(self, after: Mapping[int, int], limit: int) -> list[Entry]:
        """Read when it may."""
        if not self.goes_on.is_set():
            self.stopped.set()
            await self.goes_on.wait()
        return await self._journal.read_all(after, limit)


class TestFollowing:
    async def test_entries_are_stored_as_they_are(self, journal: Journal, store: AuditStore, writer: Writer) -> None:
        """What was in the journal before and what comes while following is all stored, in every partition."""
        await writer.append({0: [added("a", 1), added("b", 2)], 3: [barrier()]})
        async with follows(journal, store) as follower:
            await follower.passed(writer.heads, LIMIT)
            for n in range(20):
                await writer.append({n % PARTITIONS: [added("a", n + 1)], (n + 1) % PARTITIONS: [added("b", 5)]})
            await follower.passed(writer.heads, LIMIT)
        assert await stored(store) == sorted(writer.entries, key=lambda entry: (entry.partition, entry.n))

    async def test_metrics_tell_how_far_each_partition_is(
        self, journal: Journal, store: AuditStore, writer: Writer
    ) -> None:
        """Entries and records of what is held, also of what an earlier run had stored."""
        await writer.append({0: [added("a", 1), added("b", 2)]})
        await writer.append({0: [added("a", 3)], 1: [added("c", 1)]})

        def told() -> dict[int, tuple[float | None, float | None]]:
            return {
                partition: (
                    REGISTRY.get_sample_value("daytrader_audit_head_entries", {"partition": str(partition)}),
                    REGISTRY.get_sample_value("daytrader_audit_head_records", {"partition": str(partition)}),
                )
                for partition in range(PARTITIONS)
            }

        expected = dict.fromkeys(range(PARTITIONS), (0.0, 0.0)) | {0: (2.0, 3.0), 1: (1.0, 1.0)}
        async with follows(journal, store) as follower:
            await follower.passed(writer.heads, LIMIT)
            assert told() == expected
        metrics.HEAD_RECORDS.labels(0).set(99)
        async with follows(journal, store) as follower:
            await follower.passed(writer.heads, LIMIT)
            assert told() == expected

    async def test_backlog_is_read_in_portions(
        self, journal: Journal, store: AuditStore, writer: Writer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A journal that is far ahead is followed a portion at a time, without a pause."""
        monkeypatch.setattr(following, "READ_ENTRIES", 7)
        monkeypatch.setattr(following, "GAP", 1_000.0)
        for _ in range(100):
            await writer.append({0: [added("a", 1)], 1: [added("b", 1)]})
        async with follows(journal, store) as follower:
            await follower.passed(writer.heads, LIMIT)
        assert len(await stored(store)) == 200

    async def test_dump_need_not_wait_for_the_next_look(
        self, journal: Journal, store: AuditStore, writer: Writer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whoever waits for a place makes the follower look at once."""
        monkeypatch.setattr(following, "GAP", 1_000.0)
        async with follows(journal, store) as follower:
            await follower.passed(dict.fromkeys(range(PARTITIONS), 0), LIMIT)
            for _ in range(3):
                await writer.append({2: [added("a", 1)]})
                await follower.passed(writer.heads, LIMIT)

    async def test_journal_is_told_what_is_held(
        self, journal: Journal, store: AuditStore, writer: Writer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The journal learns how far it may trim."""
        monkeypatch.setattr(following, "TELL_EVERY", 0.0)
        await writer.append({1: [added("a", 1)]})
        async with follows(journal, store) as follower:
            await follower.passed({1: 1}, LIMIT)

            async def told() -> bool:
                return await journal.audited(1) == 1

            await until(told)
        assert await journal.audited(0) == 0

    async def test_lag_is_counted_from_the_last_complete_look(self, journal: Journal, store: AuditStore) -> None:
        """`level_at` is the time of the last look that left nothing unread."""
        now = START
        async with follows(journal, store, lambda: now) as follower:
            await follower.passed(dict.fromkeys(range(PARTITIONS), 0), LIMIT)
            now = START + 5_000
            await until(lambda: follower.level_at == now)


class TestGoingOn:
    async def test_restart_goes_on_where_the_store_stands(
        self, journal: Journal, make_store: MakeStore, writer: Writer
    ) -> None:
        """A new process stores what is missing and knows the index of what was stored before it."""
        for _ in range(3):
            store = make_store()
            await writer.append({0: [added("ann", 1)], 1: [added("bob", 1), added("bob", 2)]})
            async with follows(journal, store) as follower:
                await follower.passed(writer.heads, LIMIT)
                assert follower.index(1).places("bob") == (0, list(range(1, writer.heads[1] + 1)))
        assert await stored(store) == sorted(writer.entries, key=lambda entry: (entry.partition, entry.n))

    async def test_restart_reads_on_from_the_last_stored_page(
        self, journal: Journal, store: AuditStore, writer: Writer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What stands in stored pages is not in memory after a restart, and the rest is."""
        monkeypatch.setattr(indexing, "RECORDS_A_PAGE", 4)
        for _ in range(10):
            await writer.append({0: [added("ann", 1)]})
        for _ in range(2):
            async with follows(journal, store) as follower:
                await follower.passed(writer.heads, LIMIT)
                assert follower.index(0).places("ann") == (2, [9, 10])
        assert await store.indexed(0) == 8

    async def test_two_followers_at_once_store_everything_once(
        self, journal: Journal, make_store: MakeStore, writer: Writer
    ) -> None:
        """While one audit service takes over from another both may write, and nothing is doubled or lost."""
        stores = [make_store(), make_store()]
        async with follows(journal, stores[0]) as one, follows(journal, stores[1]) as other:
            for _ in range(30):
                await writer.append({0: [added("a", 1)], 2: [added("b", 1)]})
                await one.passed({0: writer.heads[0]}, LIMIT)
            await one.passed(writer.heads, LIMIT)
            await other.passed(writer.heads, LIMIT)
            assert one.blocked == other.blocked == {}
        assert await stored(stores[0]) == sorted(writer.entries, key=lambda entry: (entry.partition, entry.n))

    async def test_answer_that_was_lost_doubles_nothing(
        self, journal: Journal, store: SqliteAuditStore, writer: Writer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Entries that were stored although the answer said otherwise are found, and following goes on after them."""
        store_entries = store.store
        lost = 2

        async def store_and_lose_the_answer(entries: Sequence[Entry]) -> None:
            nonlocal lost
            await store_entries(entries)
            if lost:
                lost -= 1
                raise AuditUnavailableError("the answer was lost")

        monkeypatch.setattr(store, "store", store_and_lose_the_answer)
        monkeypatch.setattr(following, "RESUME_AFTER", (0.0,))
        async with follows(journal, store) as follower:
            for _ in range(4):
                await writer.append({0: [added("ann", 1)], 1: [added("bob", 1)]})
                await follower.passed(writer.heads, LIMIT)
            assert follower.index(0).places("ann") == (0, [1, 2, 3, 4])
        assert not lost
        assert len(await stored(store)) == 8

    async def test_journal_that_was_away_is_followed_again(
        self, journal: Journal, store: AuditStore, writer: Writer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """While the journal is away the trouble is named, and afterwards nothing is missing."""
        monkeypatch.setattr(following, "RESUME_AFTER", (0.01,))
        interrupted = Interrupted(journal)
        interrupted.away = True
        async with follows(interrupted, store) as follower:
            await until(lambda: "switched off" in follower.trouble)
            interrupted.away = False
            await writer.append({0: [added("a", 1)]})
            await follower.passed(writer.heads, LIMIT)
            interrupted.away = True
            await until(lambda: "switched off" in follower.trouble)
            await writer.append({0: [added("a", 2)]})
            with pytest.raises(AuditBehindError, match=r"entry 2 of partition 0, it stands at 1: .* switched off"):
                await follower.passed(writer.heads, 0.05)
            interrupted.away = False
            await follower.passed(writer.heads, LIMIT)
            assert follower.trouble == ""

    async def test_other_number_of_partitions_ends_the_follower(self, journal: Journal, store: AuditStore) -> None:
        """A wrong number of partitions is not waited out."""
        with pytest.raises(PartitionsDifferError):
            await Follower(journal, store, PARTITIONS + 1, lambda: START).run()


class TestSideBySide:
    """Several audit services follow the same journal into the same store."""

    async def test_both_store_the_same_once(
        self, journal: Journal, make_store: MakeStore, writer: Writer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Every entry and every page of the index is there once, whoever stored it; neither is ever in trouble."""
        monkeypatch.setattr(indexing, "RECORDS_A_PAGE", 10)
        monkeypatch.setattr(following, "GAP", 0.001)
        monkeypatch.setattr(following, "TELL_EVERY", 0.0)
        one, other = make_store(), make_store()
        async with follows(journal, one) as first, follows(journal, other) as second:
            both = (first, second)
            await asyncio.gather(*(follower.passed(dict.fromkeys(range(PARTITIONS), 0), LIMIT) for follower in both))
            troubles = {follower.trouble for follower in both}
            for n in range(60):
                await writer.append({n % PARTITIONS: [added("ann", n + 1), added("bob", 1)], 3: [added("cat", 1)]})
                troubles |= {follower.trouble for follower in both}
            await asyncio.gather(*(follower.passed(writer.heads, LIMIT) for follower in both))
            assert troubles | {follower.trouble for follower in both} == {""}
            places = [
                [
                    entry.n
                    async for batch in of_user(store, follower.index(3), "cat", writer.heads[3])
                    for entry in batch
                ]
                for follower, store in ((first, one), (second, other))
            ]

            async def told() -> bool:
                return [await journal.audited(partition) for partition in sorted(writer.heads)] == [
                    writer.heads[partition] for partition in sorted(writer.heads)
                ]

            await until(told)
        assert await stored(one) == sorted(writer.entries, key=lambda entry: (entry.partition, entry.n))
        with_cat = [entry.n for entry in writer.entries if entry.partition == 3 and b"cat" in entry.records]
        assert places == [with_cat, with_cat]

    async def test_audited_positions_never_fall(self, journal: Journal, writer: Writer) -> None:
        """A service that is behind takes nothing back of what the other has told."""
        for _ in range(3):
            await writer.append({0: [added("a", 1)]})
        await journal.set_audited({0: 3})
        await journal.set_audited({0: 1})
        assert await journal.audited(0) == 3

    async def test_one_that_is_behind_goes_on_from_what_the_other_stored(
        self, journal: Journal, make_store: MakeStore, writer: Writer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What the other has stored may be trimmed from the journal: it is taken from the store, and is no gap."""
        monkeypatch.setattr(following, "CHECK_EVERY", 0.0)
        await writer.append({0: [added("ann", 1)]})
        slow = SlowJournal(journal)
        async with follows(slow, make_store()) as behind, follows(journal, make_store()) as ahead:
            await asyncio.gather(behind.passed(writer.heads, LIMIT), ahead.passed(writer.heads, LIMIT))
            slow.goes_on.clear()
            await slow.stopped.wait()
            for _ in range(5):
                await writer.append({0: [added("ann", 1)]})
            await ahead.passed(writer.heads, LIMIT)
            await journal.trim(0, 5)
            slow.goes_on.set()
            await behind.passed(writer.heads, LIMIT)
            await writer.append({0: [added("ann", 1)]})
            await behind.passed(writer.heads, LIMIT)
            assert (behind.blocked, behind.trouble) == ({}, "")
            assert behind.index(0).places("ann")[1] == list(range(1, 8))


class TestWhatIsWrong:
    async def test_gap_in_the_journal_is_named_and_not_skipped(
        self, journal: Journal, store: AuditStore, writer: Writer
    ) -> None:
        """Entries that were trimmed before they were stored here stop their partition; the others go on."""
        for _ in range(3):
            await writer.append({0: [added("a", 1)], 1: [added("b", 1)]})
        await journal.trim(0, 2)
        async with follows(journal, store) as follower:
            await follower.passed({1: 3}, LIMIT)
            assert "no longer has entry 1 of partition 0" in follower.blocked[0]
            with pytest.raises(AuditBehindError, match="no longer has entry 1 of partition 0"):
                await follower.passed({0: 3}, 0.05)
        assert await store.heads() == {1: 3}

    async def test_trimmed_entries_that_are_held_are_no_gap(
        self, journal: Journal, store: AuditStore, writer: Writer
    ) -> None:
        """Trimming up to what is held here is as it should be."""
        await writer.append({0: [added("a", 1)]})
        async with follows(journal, store) as follower:
            await follower.passed(writer.heads, LIMIT)
        await journal.trim(0, 1)
        await writer.append({0: [added("a", 1)]})
        async with follows(journal, store) as follower:
            await follower.passed(writer.heads, LIMIT)
            assert follower.blocked == {}

    @pytest.mark.parametrize(
        ("entry", "says"),
        [
            (entry_of(0, 2, 2, [added("a", 1)], format_number=99), "has format 99"),
            (entry_of(0, 2, 3, [added("a", 1)]), "begins with record 3 where record 2 was expected"),
            (Entry(0, 2, "b", 2, 1, START, "s", b"\xc1"), "cannot be read"),
            (Entry(0, 2, "b", 2, 2, START, "s", entry_of(0, 2, 2, [barrier()]).records), "holds 2 records and holds 1"),
        ],
    )
    async def test_entry_that_cannot_be_understood_blocks_its_partition(
        self, journal: Journal, store: AuditStore, writer: Writer, entry: Entry, says: str
    ) -> None:
        """An unknown format, a wrong number or damage is named, never skipped, and holds up nobody else."""
        await writer.append({0: [added("a", 1)], 1: [added("b", 1)]})
        assert await journal.append([entry]) == [Fate.DURABLE]
        async with follows(journal, store) as follower:
            await until(lambda: follower.blocked)
            await writer.append({1: [added("b", 2)]})
            await follower.passed({0: 1, 1: 2}, LIMIT)
            assert says in follower.blocked[0]
        assert await store.heads() == {0: 1, 1: 2}

    async def test_audit_store_of_another_journal_is_noticed(
        self, journal: Journal, store: AuditStore, writer: Writer
    ) -> None:
        """An audit store that ends with another entry than the journal has there is not written on."""
        await store.store([entry_of(0, 1, 1, [added("x", 1)], batch="theirs")])
        await writer.append({0: [added("a", 1)]})
        async with follows(journal, store) as follower:
            await until(lambda: follower.blocked)
            assert "holds another entry 1 of partition 0 than the journal" in follower.blocked[0]

    async def test_journal_that_was_emptied_is_noticed(self, journal: Journal, store: AuditStore) -> None:
        """An audit store that reaches beyond the end of the journal is not written on."""
        await store.store([entry_of(0, n, n, [added("x", 1)]) for n in (1, 2)])
        async with follows(journal, store) as follower:
            await until(lambda: follower.blocked)
            assert "holds entry 2 of partition 0, the journal ends before it" in follower.blocked[0]

    async def test_partition_is_freed_when_the_cause_is_gone(
        self, journal: Journal, store: AuditStore, writer: Writer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A blocked partition is tried again now and then, and goes on when it can."""
        monkeypatch.setattr(following, "CHECK_EVERY", 0.0)
        await store.store([entry_of(0, 1, 1, [added("a", 1)])])
        async with follows(journal, store) as follower:
            await until(lambda: follower.blocked)
            await writer.append({0: [added("a", 1)]})
            await writer.append({0: [added("a", 2)]})
            await follower.passed({0: 2}, LIMIT)
            assert follower.blocked == {}
