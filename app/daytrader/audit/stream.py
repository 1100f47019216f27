"""The records of one partition that a log is made of, in order, with little of them in memory at a time."""

from collections.abc import AsyncIterator, Sequence
from itertools import zip_longest
from typing import Final

from daytrader.audit.index import PartitionIndex, bucket_of, user_of
from daytrader.audit.port import AuditStore, AuditUnavailableError
from daytrader.audit.portion import Portion
from daytrader.domain.record import Record
from daytrader.journal.entry import Entry, decode_records

AHEAD_BYTES: Final = 128 * 1024
"""About how many bytes of entries a stream reads at once; a log of everything has a stream for each partition."""

AHEAD_ENTRIES: Final = 256

_PAGES_AT_ONCE: Final = 32


class LogIncompleteError(AuditUnavailableError):
    """The audit store lacks an entry that it had: no log can be completed before it is back."""


async def whole(store: AuditStore, partition: int, upto: int) -> AsyncIterator[list[Entry]]:
    """Yield every entry of the partition up to and including `upto`."""
    portion = Portion(AHEAD_BYTES, AHEAD_ENTRIES)
    after = 0
    while after < upto:
        entries = await store.read(partition, after, upto, portion.limit)
        _must_be(partition, entries, range(after + 1, upto + 1))
        portion.took(len(entries), _size(entries))
        after = entries[-1].n
        yield entries


def _must_be(partition: int, entries: Sequence[Entry], places: Sequence[int]) -> None:
    """Raise LogIncompleteError where `entries` are not the first ones of `places`, or none at all."""
    for n, entry in zip_longest(places[: max(1, len(entries))], entries):
        if entry is None or entry.n != n:
            raise LogIncompleteError(
                f"the audit store lacks entry {n} of partition {partition}, which it had: restore it from a backup"
            )


async def of_user(store: AuditStore, index: PartitionIndex, user: str, upto: int) -> AsyncIterator[list[Entry]]:
    """Yield the entries up to and including `upto` in which `user` may occur; `index` covers them."""
    portion = Portion(AHEAD_BYTES, AHEAD_ENTRIES)
    async for places in _places(store, index, user):
        left = [n for n in places if n <= upto]
        while left:
            asked = left[: portion.limit]
            entries = await store.read_at(index.partition, asked)
            _must_be(index.partition, entries, asked)
            portion.took(len(entries), _size(entries))
            left = left[len(entries) :]
            yield entries


async def _places(store: AuditStore, index: PartitionIndex, user: str) -> AsyncIterator[list[int]]:
    # What is in memory is looked up first: a page may become full, and be stored, while we read the stored ones.
    first_in_memory, in_memory = index.places(user)
    after = -1
    while True:
        buckets = await store.index_buckets(index.partition, bucket_of(user), after, _PAGES_AT_ONCE)
        for bucket in buckets:
            if first_in_memory is None or bucket.number < first_in_memory:
                yield bucket.places(user)
        if len(buckets) < _PAGES_AT_ONCE:
            break
        after = buckets[-1].number
    yield in_memory


class RecordStream:
    """The records of a stream of entries, one entry at a time: `records` with their running numbers."""

    __slots__ = ("_batches", "_entries", "_needle", "_user", "partition", "records", "server")

    def __init__(self, partition: int, batches: AsyncIterator[list[Entry]], user: str | None) -> None:
        """Only those in the log of `user` where one is given."""
        self.partition = partition
        self.records: list[tuple[int, Record]] = []
        """What is left of the current entry, the next one last."""
        self.server = ""
        """The replica that decided the current entry."""
        self._batches = batches
        self._entries: list[Entry] = []
        self._user = user
        self._needle = (user or "").encode()

    async def advance(self) -> bool:
        """Go to the next entry that has records of this log; False at the end."""
        while True:
            while self._entries:
                if self._open(self._entries.pop()):
                    return True
            batch = await anext(self._batches, None)
            if batch is None:
                return False
            self._entries = batch[::-1]

    def _open(self, entry: Entry) -> bool:
        if self._needle not in entry.records:  # strings stand in msgpack as they are: most entries need no decoding
            return False
        records = list(enumerate(decode_records(entry), entry.first))
        if self._user is not None:
            records = [(number, record) for number, record in records if user_of(record) == self._user]
        records.reverse()
        self.records = records
        self.server = entry.server
        return bool(records)


def _size(entries: list[Entry]) -> int:
    return sum(len(entry.records) for entry in entries)
