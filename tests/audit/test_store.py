"""The audit store's contract, which both adapters keep."""

import pytest

from daytrader.audit.index import BUCKETS, Page, PageBucket
from daytrader.audit.port import AuditStore, EntryDiffersError
from daytrader.journal.entry import Entry
from daytrader.journal.port import PartitionsDifferError
from tests.audit.conftest import MakeStore
from tests.audit.journals import PARTITIONS
from tests.journal.stores import entries, entry


def page(partition: int, number: int, first: int, last: int) -> Page:
    """A page whose buckets tell where they stand."""
    return Page(partition, number, first, last, tuple(f"{number}/{b}".encode() for b in range(BUCKETS)))


class TestOpen:
    async def test_opening_again_changes_nothing(self, any_store: AuditStore) -> None:
        """A store may be opened as often as one likes."""
        await any_store.store([entry(0, 1)])
        await any_store.open(PARTITIONS)
        assert await any_store.heads() == {0: 1}

    async def test_other_number_of_partitions_is_refused(self, any_store: AuditStore, make_store: MakeStore) -> None:
        """The number of partitions is fixed at the first start, and the error names both."""
        assert await any_store.heads() == {}
        with pytest.raises(PartitionsDifferError, match=f"made with {PARTITIONS} partitions, and 7 are asked for"):
            await make_store().open(7)


class TestStore:
    async def test_entry_is_read_back_as_it_was_stored(self, any_store: AuditStore) -> None:
        """Every field of an entry survives the store."""
        stored = Entry(3, 1, "0123456789abcdef", 1, 17, 1_700_000_000_123, "replica-7", bytes(range(256)), 1)
        await any_store.store([stored])
        assert await any_store.read(3, 0, 1, 10) == [stored]

    async def test_large_numbers_survive(self, any_store: AuditStore) -> None:
        """Places and record numbers beyond 32 bits come back as plain ints."""
        stored = Entry(2, 2**39, "b", 2**45, 1, 1_700_000_000_123, "replica-7", b"", 1)
        await any_store.store([stored])
        (found,) = await any_store.read(2, 2**39 - 1, 2**39, 10)
        assert found == stored
        assert {type(found.n), type(found.first), type(found.time)} == {int}
        assert await any_store.heads() == {2: 2**39}

    async def test_storing_twice_is_the_same_as_once(self, any_store: AuditStore, make_store: MakeStore) -> None:
        """Entries that are held already are passed over, whoever stores them, and the rest is stored."""
        await any_store.store(entries(0, range(1, 4)))
        other = make_store()
        await other.open(PARTITIONS)
        await other.store([*entries(0, range(1, 6)), entry(1, 1)])
        assert await any_store.read(0, 0, 9, 10) == entries(0, range(1, 6))
        assert await any_store.heads() == {0: 5, 1: 1}

    async def test_another_entry_under_the_same_key_is_an_error(self, any_store: AuditStore) -> None:
        """An entry that differs from the one held is named, and the one held stays."""
        await any_store.store([entry(1, 1)])
        with pytest.raises(EntryDiffersError, match="another entry 1 of partition 1") as raised:
            await any_store.store([entry(0, 1), entry(1, 1, batch="theirs")])
        assert raised.value.partition == 1
        assert await any_store.read(1, 0, 1, 10) == [entry(1, 1)]

    async def test_more_than_one_command_takes_is_stored(self, any_store: AuditStore) -> None:
        """Entries of 20 MB together, each as large as may be, are stored and read back in portions."""
        large = [entry(0, n, records=bytes(7_000_000)) for n in (1, 2, 3)]
        await any_store.store(large)
        assert await any_store.heads() == {0: 3}
        first = await any_store.read(0, 0, 3, 10)
        assert first == large[: len(first)]
        assert await any_store.read(0, len(first), 3, 10) == large[len(first) :]
        chosen = await any_store.read_at(0, [1, 2, 3])
        assert chosen
        assert chosen == large[: len(chosen)]


class TestRead:
    async def test_only_what_was_asked_for_is_returned(self, any_store: AuditStore) -> None:
        """`after` is left out, `upto` is in, the limit holds, and no other partition shows through."""
        for partition in range(PARTITIONS):
            await any_store.store(entries(partition, range(1, 10)))
        assert await any_store.read(1, 3, 6, 10) == entries(1, (4, 5, 6))
        assert await any_store.read(1, 3, 6, 2) == entries(1, (4, 5))
        assert await any_store.read(1, 9, 99, 10) == []
        assert await any_store.read(PARTITIONS - 1, 8, 99, 10) == entries(PARTITIONS - 1, (9,))

    async def test_more_than_a_hundred_come_at_once(self, any_store: AuditStore) -> None:
        """The limit is what bounds an answer, not a default of the database."""
        await any_store.store(entries(0, range(1, 301)))
        assert len(await any_store.read(0, 0, 300, 250)) == 250
        assert len(await any_store.read_at(0, range(1, 301, 2))) == 150

    async def test_chosen_entries_come_in_order(self, any_store: AuditStore) -> None:
        """Entries can be read by their places."""
        await any_store.store(entries(2, range(1, 10)))
        assert await any_store.read_at(2, [2, 3, 9]) == entries(2, (2, 3, 9))

    async def test_empty_store_has_no_heads(self, any_store: AuditStore) -> None:
        """A partition without entries has no head, and nothing is indexed."""
        assert await any_store.heads() == {}
        assert await any_store.indexed(0) == 0


class TestPages:
    async def test_stored_page_is_found(self, any_store: AuditStore) -> None:
        """A page's buckets can be read one by one, and `indexed` tells where it ends."""
        await any_store.store_page(page(1, 0, 1, 50))
        assert await any_store.indexed(1) == 50
        assert await any_store.index_buckets(1, 5, -1, 10) == [PageBucket(0, 1, b"0/5")]
        assert await any_store.index_buckets(1, BUCKETS - 1, -1, 10) == [PageBucket(0, 1, b"0/15")]

    async def test_pages_come_in_order_and_in_portions(self, any_store: AuditStore) -> None:
        """Pages follow each other by number, numbers may be left out, and other partitions stay out of it."""
        for partition in (0, 1, 2):
            for number, first in ((0, 1), (1, 51), (4, 101)):
                await any_store.store_page(page(partition, number, first, first + 49))
        found = await any_store.index_buckets(1, 0, -1, 2)
        assert [each.number for each in found] == [0, 1]
        assert await any_store.index_buckets(1, 0, 1, 2) == [PageBucket(4, 101, b"4/0")]
        assert await any_store.indexed(1) == 150

    async def test_storing_a_page_twice_is_the_same_as_once(self, any_store: AuditStore) -> None:
        """Whoever cuts a page cuts the same one, so a second time changes nothing."""
        for _ in range(2):
            await any_store.store_page(page(0, 0, 1, 50))
        assert len(await any_store.index_buckets(0, 3, -1, 10)) == 1


class TestClear:
    async def test_cleared_store_is_as_new(self, any_store: AuditStore) -> None:
        """Entries, pages and the fixed number of partitions are gone."""
        await any_store.store([entry(0, 1)])
        await any_store.store_page(page(0, 0, 1, 1))
        await any_store.clear()
        await any_store.open(PARTITIONS + 1)
        assert await any_store.heads() == {}
        assert await any_store.indexed(0) == 0


class TestHealth:
    async def test_store_that_answers_is_well(self, any_store: AuditStore) -> None:
        """Every part of a store that answers is well, and says so."""
        parts = await any_store.health()
        assert parts
        assert all(part.ok and part.says and part.name.startswith("audit s") for part in parts)
