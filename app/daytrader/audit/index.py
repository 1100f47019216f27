"""The user index of the log: in which entries of a partition a user occurs, so that one user's log needs no full scan.

An index entry a record, kept by the database, would cost more than storing the log itself. So occurrences are gathered
in memory and stored a page at a time: all that 16,384 records of a partition hold, split by the users' hash into
buckets. A user's log reads one bucket a page. What stands in no stored page yet is in memory, and after a restart is
read again from the entries. Pages are cut by record number, so whoever cuts them cuts the same ones.
"""

import zlib
from array import array
from collections.abc import Iterable, Set
from typing import Final

import msgspec

from daytrader.domain.record import Record
from daytrader.journal.entry import Entry

RECORDS_A_PAGE: Final = 16_384
BUCKETS: Final = 16

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(list[int]).decode


class Page(msgspec.Struct, frozen=True):
    """A full page of a partition's index; it covers the entries `first` to `last`."""

    partition: int
    number: int
    """Pages come in the order of their numbers; a number may be left out."""
    first: int
    last: int
    buckets: tuple[bytes, ...]


class PageBucket(msgspec.Struct, frozen=True):
    """One bucket of a stored page."""

    number: int
    first: int
    packed: bytes

    def places(self, user: str) -> list[int]:
        """Return the entries in which `user` may occur, in order. Another user of the same hash may have added some."""
        return _matching(_unpack(self.packed), _hash(user), self.first)


def user_of(record: Record) -> str:
    """Return the user in whose log `record` stands; "" for what stands in the whole log only."""
    if record.account:
        return record.account
    if record.command is not None:
        return record.command.user
    return record.hit.user if record.hit is not None else ""


def bucket_of(user: str) -> int:
    """Return the bucket of `user`. Its low bits choose the partition already, so the high ones choose the bucket."""
    return _hash(user) * BUCKETS >> 32


class _OpenPage:
    """A page that still grows: in its buckets, the user's hash and the place after the page's first, 32 bits each."""

    __slots__ = ("buckets", "first", "last", "number")

    def __init__(self, number: int, first: int) -> None:
        self.number = number
        self.first = first
        self.last = first
        self.buckets = [array("Q") for _ in range(BUCKETS)]

    def packed(self, partition: int) -> Page:
        buckets = tuple(_pack(bucket.tolist()) for bucket in self.buckets)
        return Page(partition, self.number, self.first, self.last, buckets)


class PartitionIndex:
    """The part of one partition's index that is not stored yet."""

    def __init__(self, partition: int, stored: int) -> None:
        self.partition = partition
        self.upto = stored
        """The last entry that the index covers, stored pages included."""
        self._pages: list[_OpenPage] = []

    def add(self, entry: Entry, users: Set[str]) -> None:
        """Take in the next entry, with `users` in it; one that is covered already is passed over."""
        if entry.n <= self.upto:
            return
        number = (entry.first - 1) // RECORDS_A_PAGE
        if not self._pages or self._pages[-1].number != number:
            self._pages.append(_OpenPage(number, entry.n))
        page = self._pages[-1]
        place = entry.n - page.first
        buckets = page.buckets
        # Two users of one hash are one occurrence; in order, so that whoever cuts a page makes the same bytes of it.
        for hashed in sorted(set(map(_hash, users))):
            buckets[hashed * BUCKETS >> 32].append(hashed << 32 | place)
        page.last = self.upto = entry.n

    def full(self) -> Page | None:
        """Return the oldest page that no entry can join any more; the same again until `stored` is called."""
        return self._pages[0].packed(self.partition) if len(self._pages) > 1 else None

    def stored(self) -> None:
        """Say that the page which `full` returned is stored."""
        del self._pages[0]

    def places(self, user: str) -> tuple[int | None, list[int]]:
        """Return the number of the first page that is in memory, and the entries of those pages with `user`, in order.

        None where no page is in memory.
        """
        if not self._pages:
            return None, []
        hashed = _hash(user)
        bucket = bucket_of(user)
        places = [n for page in self._pages for n in _matching(page.buckets[bucket], hashed, page.first)]
        return self._pages[0].number, places


def _hash(user: str) -> int:
    return zlib.crc32(user.encode())


def _matching(occurrences: Iterable[int], hashed: int, first: int) -> list[int]:
    return [first + (each & 0xFFFF_FFFF) for each in occurrences if each >> 32 == hashed]
