"""The journal's contract: dense sequences, the fence, the trim mark, positions, limits."""

import asyncio

import pytest

from daytrader.journal.entry import Entry
from daytrader.journal.port import (
    LARGEST_APPEND_BYTES,
    LARGEST_ENTRY_BYTES,
    Fate,
    Journal,
    JournalUnavailableError,
    PartitionsDifferError,
)
from tests.contract.conftest import AnyJournal, Replica
from tests.journal.stores import PARTITIONS, entries, entry


async def filled(journal: Journal, ns: dict[int, range]) -> None:
    """Append entries of several partitions, one after the other in each."""
    for partition, places in ns.items():
        for each in entries(partition, places):
            assert await journal.append([each]) == [Fate.DURABLE]


class TestAppend:
    async def test_entry_is_read_back_as_it_was_appended(self, journal: Journal) -> None:
        """Every field of an entry survives the store."""
        appended = Entry(3, 1, "0123456789abcdef", 1, 17, 1_700_000_000_123, "replica-7", bytes(range(256)), 1)
        assert await journal.append([appended]) == [Fate.DURABLE]
        assert await journal.read(3, 0, 10) == [appended]

    async def test_partitions_are_appended_in_one_go(self, journal: Journal) -> None:
        """One append puts an entry into each of several partitions."""
        batch = [entry(partition, 1) for partition in range(PARTITIONS)]
        assert await journal.append(batch) == [Fate.DURABLE] * PARTITIONS
        assert [await journal.read(partition, 0, 10) for partition in range(PARTITIONS)] == [[each] for each in batch]

    async def test_nothing_to_append_is_no_failure(self, journal: Journal) -> None:
        """An append of no entries has no fates."""
        assert await journal.append([]) == []

    async def test_place_cannot_be_taken_twice(self, journal: Journal, other: Journal) -> None:
        """The second replica to append entry n is told so, and the first one's entry stays."""
        assert await journal.append([entry(0, 1, batch="first")]) == [Fate.DURABLE]
        assert await other.append([entry(0, 1, batch="second")]) == [Fate.TAKEN]
        assert [found.batch for found in await other.read(0, 0, 10)] == ["first"]

    async def test_each_partition_of_an_append_is_judged_on_its_own(self, journal: Journal, other: Journal) -> None:
        """An append of which some places are taken succeeds in the other partitions, and says which."""
        await other.append([entry(1, 1, batch="other"), entry(3, 1, batch="other")])
        assert await journal.append([entry(partition, 1) for partition in range(4)]) == [
            Fate.DURABLE,
            Fate.TAKEN,
            Fate.DURABLE,
            Fate.TAKEN,
        ]
        found = await journal.read_all(dict.fromkeys(range(4), 0), 100)
        assert [(each.partition, each.batch) for each in found] == [
            (0, "ours"),
            (1, "other"),
            (2, "ours"),
            (3, "other"),
        ]

    async def test_same_entry_again_is_taken_and_ours(self, journal: Journal) -> None:
        """Settling: the same entry inserted again finds its place taken, and reading shows that it is ours."""
        ours = entry(2, 1, batch="settle me")
        assert await journal.append([ours]) == [Fate.DURABLE]
        assert await journal.append([ours]) == [Fate.TAKEN]
        assert await journal.read(2, 0, 1) == [ours]

    async def test_replicas_that_race_for_a_place_have_one_winner(self, journal: Journal, other: Journal) -> None:
        """Of two replicas that append the same places at the same time, each place goes to exactly one."""
        for n in range(1, 11):
            ours, others = await asyncio.gather(
                journal.append([entry(partition, n, batch="journal") for partition in range(4)]),
                other.append([entry(partition, n, batch="other") for partition in range(4)]),
            )
            assert all({mine, its} == {Fate.DURABLE, Fate.TAKEN} for mine, its in zip(ours, others, strict=True))
            found = await journal.read_all(dict.fromkeys(range(4), n - 1), 100)
            won = ["journal" if mine is Fate.DURABLE else "other" for mine in ours]
            assert [each.batch for each in found] == won

    async def test_large_batches_fit(self, journal: Journal) -> None:
        """Entries of 2 MB in four partitions go into one append and come back whole."""
        large = [entry(partition, 1, records=bytes([partition]) * 2_000_000) for partition in range(4)]
        assert await journal.append(large) == [Fate.DURABLE] * 4
        assert await journal.read_all(dict.fromkeys(range(4), 0), 100) == large

    async def test_largest_entry_fits(self, journal: Journal) -> None:
        """An entry of exactly the size limit is taken and read back, and two of them by two reads at the most."""
        largest = bytes(LARGEST_ENTRY_BYTES)
        assert await journal.append([entry(0, 1, records=largest), entry(1, 1, records=largest)]) == [Fate.DURABLE] * 2
        first = await journal.read_all({0: 0, 1: 0}, 10)
        rest = await journal.read_all({each.partition: each.n for each in first} | {1: len(first) - 1}, 10)
        assert [(each.partition, each.records == largest) for each in first + rest] == [(0, True), (1, True)]

    @pytest.mark.parametrize(
        ("batch", "says"),
        [
            ([entry(0, 1, records=bytes(LARGEST_ENTRY_BYTES + 1))], "entry 1 of partition 0 has 8388609 bytes"),
            (
                [entry(p, 1, records=bytes(LARGEST_ENTRY_BYTES)) for p in range(4)] + [entry(4, 1)],
                f"{LARGEST_APPEND_BYTES + 7} bytes of records in one append",
            ),
            ([entry(0, 1), entry(1, 1), entry(0, 2)], "two entries of one partition"),
        ],
        ids=["entry too large", "append too large", "partition twice"],
    )
    async def test_what_no_store_can_take_is_refused(self, journal: Journal, batch: list[Entry], says: str) -> None:
        """An append beyond the limits raises ValueError, names the size, and appends nothing."""
        with pytest.raises(ValueError, match=says):
            await journal.append(batch)
        assert await journal.read_all(dict.fromkeys(range(PARTITIONS), 0), 10) == []


class TestRead:
    async def test_empty_partition_has_no_entries(self, journal: Journal) -> None:
        """Reading where nothing is gives nothing."""
        assert await journal.read(0, 0, 10) == []
        assert await journal.read_all({0: 0, 3: 17}, 10) == []
        assert await journal.read_all({}, 10) == []

    async def test_read_starts_after_a_place_and_ends_at_the_limit(self, journal: Journal) -> None:
        """Entries come in order from the one after the given place, as many as asked for, of one partition alone."""
        await filled(journal, {0: range(1, 4), 1: range(1, 13), 2: range(1, 3)})
        assert [each.n for each in await journal.read(1, 0, 5)] == [1, 2, 3, 4, 5]
        assert [each.n for each in await journal.read(1, 9, 5)] == [10, 11, 12]
        assert {each.partition for each in await journal.read(1, 0, 100)} == {1}

    async def test_read_stops_before_a_gap(self, journal: Journal) -> None:
        """What stands behind a missing entry is not shown, neither at the start nor later."""
        await filled(journal, {0: range(1, 4), 1: range(3, 5)})
        await filled(journal, {0: range(5, 7)})
        assert [each.n for each in await journal.read(0, 0, 10)] == [1, 2, 3]
        assert await journal.read(0, 3, 10) == []
        assert [each.n for each in await journal.read(0, 4, 10)] == [5, 6]
        found = await journal.read_all({0: 0, 1: 0}, 10)
        assert [(each.partition, each.n) for each in found] == [(0, 1), (0, 2), (0, 3)]

    async def test_partitions_are_read_together(self, journal: Journal) -> None:
        """One read gives the new entries of the partitions that were asked for, each after its own place."""
        await filled(journal, {0: range(1, 4), 1: range(1, 5), 2: range(1, 3)})
        found = await journal.read_all({0: 2, 1: 0, 3: 0}, 100)
        assert [(each.partition, each.n) for each in found] == [(0, 3), (1, 1), (1, 2), (1, 3), (1, 4)]

    async def test_reading_on_gives_everything_once(self, journal: Journal) -> None:
        """A follower that reads on from where the limit cut off gets every entry once, in order."""
        await filled(journal, {0: range(1, 8), 1: range(1, 4), 2: range(1, 6)})
        after = {0: 0, 1: 0, 2: 0}
        seen = []
        while found := await journal.read_all(after, 4):
            assert len(found) <= 4
            for each in found:
                assert each.n == after[each.partition] + 1
                after[each.partition] = each.n
                seen.append((each.partition, each.n))
        assert after == {0: 7, 1: 3, 2: 5}
        assert len(seen) == len(set(seen)) == 15

    async def test_other_replicas_see_what_is_durable(self, journal: Journal, other: Journal) -> None:
        """An entry is visible to every replica as soon as its append says durable."""
        for n in range(1, 6):
            assert await journal.append([entry(0, n)]) == [Fate.DURABLE]
            assert [each.n for each in await other.read(0, n - 1, 1)] == [n]


class TestTrimming:
    async def test_mark_is_0_at_first(self, journal: Journal) -> None:
        """A partition that was never trimmed has the mark 0."""
        assert await journal.mark(1) == 0

    async def test_trimming_deletes_up_to_the_mark_and_keeps_the_rest(self, journal: Journal) -> None:
        """Entries at or below the mark go, those above stay, and so do those of other partitions."""
        await filled(journal, {0: range(1, 3), 1: range(1, 10), 2: range(1, 3)})
        await journal.trim(1, 6)
        assert await journal.mark(1) == 6
        assert await journal.read(1, 0, 100) == []
        assert await journal.read(1, 5, 100) == []
        assert [each.n for each in await journal.read(1, 6, 100)] == [7, 8, 9]
        assert [each.n for each in await journal.read(0, 0, 100)] == [1, 2]
        assert [each.n for each in await journal.read(2, 0, 100)] == [1, 2]
        assert await journal.size() == 7

    async def test_mark_never_falls(self, journal: Journal, other: Journal) -> None:
        """Trimming to a lower place than before changes nothing."""
        await filled(journal, {1: range(1, 10)})
        await journal.trim(1, 6)
        await other.trim(1, 2)
        assert await other.mark(1) == 6
        assert [each.n for each in await other.read(1, 6, 100)] == [7, 8, 9]

    async def test_mark_stands_before_anything_is_deleted(self, journal: Journal, other: Journal) -> None:
        """Whoever no longer finds an entry finds a mark that covers it, while trimming is under way as well."""
        await filled(journal, {1: range(1, 30)})
        trimming = asyncio.gather(*(journal.trim(1, upto) for upto in range(2, 30, 3)))
        while not trimming.done():
            first = [each.n for each in await other.read(1, 0, 1)]
            if not first:
                assert await other.mark(1) >= 1
        await trimming
        assert await other.mark(1) == 29

    async def test_trimming_more_than_one_batch_leaves_nothing_behind(self, journal: Journal) -> None:
        """Trimming deletes thousands of entries, however many batches that takes."""
        for n in range(1, 1_102, 100):
            await asyncio.gather(*(journal.append([entry(0, n + more)]) for more in range(100)))
        await journal.trim(0, 1_199)
        assert await journal.size() == 1
        assert [each.n for each in await journal.read(0, 1_199, 10)] == [1_200]

    async def test_trimming_goes_on_where_one_was_broken_off(self, journal: Journal) -> None:
        """A mark whose entries were not all deleted leaves them to the next trimming."""
        await filled(journal, {0: range(1, 10)})
        trimming = asyncio.ensure_future(journal.trim(0, 5))
        await asyncio.sleep(0)
        trimming.cancel()
        await asyncio.wait([trimming])
        await journal.trim(0, 6)
        assert await journal.size() == 3


class TestOutdated:
    async def test_last_entry_is_not_outdated(self, journal: Journal) -> None:
        """The last entry of a partition is the head, and 0 is that of an empty one."""
        await filled(journal, {0: range(1, 4)})
        assert await journal.outdated({0: 3, 1: 0}) == set()
        assert await journal.outdated({}) == set()

    async def test_place_with_a_follower_is_outdated(self, journal: Journal, other: Journal) -> None:
        """A replica that missed an entry is told which partition it missed it in."""
        await filled(journal, {0: range(1, 4), 1: range(1, 4), 2: range(1, 2)})
        assert await other.outdated({0: 3, 1: 2, 2: 1, 3: 0}) == {1}

    async def test_place_whose_followers_are_trimmed_is_outdated(self, journal: Journal, other: Journal) -> None:
        """A replica that slept until what it missed was trimmed is told so, although the place after it is free."""
        await filled(journal, {0: range(1, 10)})
        await journal.trim(0, 9)
        assert await other.read(0, 4, 10) == []
        assert await other.outdated({0: 4}) == {0}
        assert await other.outdated({0: 9}) == set()


class TestPositions:
    async def test_audited_is_0_at_first_and_never_falls(self, journal: Journal, other: Journal) -> None:
        """What the audit service holds is kept for each partition, and a smaller place is ignored."""
        assert await journal.audited(1) == 0
        await journal.set_audited({0: 5, 1: 7})
        await other.set_audited({0: 6, 1: 3, 2: 1})
        await other.set_audited({})
        assert [await journal.audited(partition) for partition in range(4)] == [6, 7, 1, 0]

    async def test_audited_and_mark_do_not_touch_each_other(self, journal: Journal) -> None:
        """Trimming leaves what is audited as it is, and the other way round."""
        await journal.set_audited({0: 5})
        await journal.trim(0, 3)
        await journal.set_audited({0: 9})
        assert (await journal.mark(0), await journal.audited(0)) == (3, 9)


class TestStore:
    async def test_number_of_partitions_is_fixed_at_the_first_start(self, replica: Replica) -> None:
        """A start with another number of partitions is refused and names both; the first one's goes on."""
        first, second = await replica(), await replica()
        await first.open(PARTITIONS)
        with pytest.raises(PartitionsDifferError, match=r"made with 4 partitions, and 16 are asked for"):
            await second.open(16)
        await second.open(PARTITIONS)

    async def test_replicas_that_start_together_agree(self, replica: Replica) -> None:
        """Of replicas that start an empty store at once, all open it, each time."""
        replicas = [await replica() for _ in range(4)]
        await asyncio.gather(*(each.open(PARTITIONS) for each in replicas))
        assert await replicas[0].append([entry(0, 1)]) == [Fate.DURABLE]
        assert [each.n for each in await replicas[3].read(0, 0, 1)] == [1]

    async def test_reopening_keeps_everything(self, journal: Journal, replica: Replica) -> None:
        """What was appended, trimmed and audited is there after a restart."""
        await filled(journal, {0: range(1, 5)})
        await journal.trim(0, 2)
        await journal.set_audited({0: 3})
        await journal.close()
        again = await replica()
        await again.open(PARTITIONS)
        assert [each.n for each in await again.read(0, 2, 10)] == [3, 4]
        assert (await again.mark(0), await again.audited(0)) == (2, 3)

    async def test_clear_empties_everything(self, journal: AnyJournal) -> None:
        """A cleared journal is like a new one, and takes another number of partitions."""
        await filled(journal, {0: range(1, 5)})
        await journal.trim(0, 2)
        await journal.set_audited({0: 3})
        await journal.clear()
        await journal.open(PARTITIONS * 2)
        assert await journal.size() == 0
        assert (await journal.mark(0), await journal.audited(0)) == (0, 0)
        assert await journal.append([entry(0, 1)]) == [Fate.DURABLE]

    async def test_clearing_twice_is_no_failure(self, journal: Journal) -> None:
        """Clearing what is empty does nothing."""
        await journal.clear()
        await journal.clear()
        await journal.open(PARTITIONS)

    async def test_clock_of_the_same_machine_is_not_off(self, journal: Journal) -> None:
        """A store whose clock agrees with ours has next to no skew."""
        assert abs(await journal.clock_skew()) <= 100

    async def test_size_counts_entries(self, journal: Journal) -> None:
        """The size is the number of entries."""
        await filled(journal, {0: range(1, 4), 1: range(1, 3)})
        assert await journal.size() == 5

    async def test_health_says_that_all_is_well(self, journal: Journal) -> None:
        """Every part of a store that works has a name, is ok, and says so."""
        parts = await journal.health()
        assert parts
        assert all(part.ok and part.name and part.says for part in parts)

    async def test_what_was_never_opened_is_unavailable_or_empty(self, replica: Replica) -> None:
        """A journal that nobody opened gives no entries."""
        unopened = await replica()
        try:
            assert await unopened.read(0, 0, 10) == []
        except JournalUnavailableError as error:
            assert "asked" in str(error)  # noqa: PT017  either is right
