"""Where a user occurs: in pages that are stored, and in those that are not yet."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daytrader.audit import index
from daytrader.audit.index import BUCKETS, PageBucket, PartitionIndex, bucket_of, user_of
from daytrader.domain import refusal
from daytrader.domain.command import parse
from daytrader.domain.record import Record
from daytrader.journal.entry import Entry, partition_of
from tests.audit.journals import START, added, barrier, dumplog, fired, stray


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "RECORDS_A_PAGE", 10)


def entry(n: int, first: int, count: int = 1) -> Entry:
    """An entry of which only the numbers matter."""
    return Entry(0, n, "b", first, count, START, "s", b"")


def found(indexed: PartitionIndex, stored: list[PageBucket], user: str) -> list[int]:
    """The places of `user` in stored pages and in memory."""
    return [*(place for bucket in stored for place in bucket.places(user)), *indexed.places(user)[1]]


class TestUserOf:
    @pytest.mark.parametrize(
        ("record", "user"),
        [
            (added("bob", 1), "bob"),
            (fired("bob"), "bob"),
            (stray("bob"), "bob"),
            (Record(START, "", "w:1", parse("BUY", "ghost", "DOG", "1.00"), refusal.NO_USER), "ghost"),
            (Record(START, "", "w:1", parse("ADD", "!", "", "1.00"), refusal.INVALID_USER), ""),
            (dumplog(), ""),
            (barrier(), ""),
        ],
    )
    def test_each_record_has_its_user(self, record: Record, user: str) -> None:
        """Commands belong to who gave them (also users who don't exist), triggers and hits to whom they are for."""
        assert user_of(record) == user


class TestPages:
    def test_two_users_of_one_hash_are_one_occurrence(self) -> None:
        """An entry is named once for a hash, however many users of it are there: it would stand in a log twice."""
        assert zlib.crc32(b"plumless") == zlib.crc32(b"buckeroo")
        indexed = PartitionIndex(0, 0)
        indexed.add(entry(1, 1, 2), {"plumless", "buckeroo"})
        assert indexed.places("plumless")[1] == [1]

    def test_who_cuts_a_page_makes_the_same_of_it(self) -> None:
        """Several audit services store the same page: whose buckets are there makes no difference."""
        pages = []
        for users in (["ann", "bob", "cat", "dan"], ["dan", "cat", "bob", "ann"]):
            indexed = PartitionIndex(0, 0)
            indexed.add(entry(1, 1, 10), dict.fromkeys(users).keys())
            indexed.add(entry(2, 11), {"ann"})
            pages.append(indexed.full())
        assert pages[0] is not None
        assert pages[0] == pages[1]

    def test_users_are_found_while_nothing_is_stored(self) -> None:
        """The index in memory knows the entries of each user, in order."""
        indexed = PartitionIndex(0, 0)
        indexed.add(entry(1, 1, 2), {"ann", "bob"})
        indexed.add(entry(2, 3), {"bob"})
        assert indexed.places("bob") == (0, [1, 2])
        assert indexed.places("ann") == (0, [1])
        assert indexed.places("cat") == (0, [])
        assert indexed.full() is None

    def test_page_is_full_when_a_record_beyond_it_comes(self) -> None:
        """Pages are cut by record number: an entry that begins after the tenth record is on the next."""
        indexed = PartitionIndex(0, 0)
        indexed.add(entry(1, 1, 6), {"ann"})
        indexed.add(entry(2, 7, 6), {"ann"})
        indexed.add(entry(3, 13, 1), {"ann", "bob"})
        page = indexed.full()
        assert page is not None
        assert (page.number, page.first, page.last, len(page.buckets)) == (0, 1, 2, BUCKETS)
        stored = [PageBucket(page.number, page.first, page.buckets[bucket_of("ann")])]
        assert stored[0].places("ann") == [1, 2]
        assert indexed.full() == page
        indexed.stored()
        assert indexed.full() is None
        assert indexed.places("ann") == (1, [3])

    def test_entry_that_is_covered_is_passed_over(self) -> None:
        """An entry counts once, and stored pages count as covered."""
        indexed = PartitionIndex(0, 5)
        indexed.add(entry(5, 5), {"ann"})
        assert indexed.places("ann") == (None, [])
        indexed.add(entry(6, 6), {"ann"})
        indexed.add(entry(6, 6), {"ann"})
        assert indexed.places("ann") == (0, [6])
        assert indexed.upto == 6

    @given(st.lists(st.lists(st.sampled_from(["ann", "bob", "cat"]), min_size=1, max_size=12), max_size=40), st.data())
    def test_whoever_goes_on_finds_every_place(self, users: list[list[str]], data: st.DataObject) -> None:
        """However often the index is lost from memory and read again, every place is found, once and in order."""
        entries = []
        first = 1
        for n, names in enumerate(users, 1):
            entries.append((entry(n, first, len(names)), set(names)))
            first += len(names)
        indexed = PartitionIndex(0, 0)
        stored: dict[int, tuple[bytes, ...]] = {}
        firsts: dict[int, int] = {}
        covered = 0
        for each, its_users in entries:
            indexed.add(each, its_users)
            while page := indexed.full():
                stored.setdefault(page.number, page.buckets)
                firsts[page.number] = page.first
                assert stored[page.number] == page.buckets
                covered = page.last
                indexed.stored()
            if data.draw(st.booleans()):
                indexed = PartitionIndex(0, covered)
                for again, its_users_again in entries[covered : each.n]:
                    indexed.add(again, its_users_again)
                while indexed.full():
                    indexed.stored()
        for user in ("ann", "bob", "cat"):
            buckets = [PageBucket(number, firsts[number], stored[number][bucket_of(user)]) for number in sorted(stored)]
            assert found(indexed, buckets, user) == [each.n for each, its_users in entries if user in its_users]


class TestBuckets:
    def test_users_of_one_partition_spread_over_the_buckets(self) -> None:
        """What chose the partition must not choose the bucket too."""
        users = [f"user{number}" for number in range(5_000)]
        buckets = {bucket_of(user) for user in users if partition_of(user, 16) == 3}
        assert buckets == set(range(BUCKETS))
