"""What the audit service needs of its store; the adapters are `sqlite` and `mongodb`."""

from collections.abc import Sequence
from typing import Final, Protocol

import msgspec

from daytrader.audit.index import Page, PageBucket
from daytrader.health import Part
from daytrader.journal.entry import Entry

READ_BYTES: Final = 16 * 1024 * 1024
"""A read ends with about so many bytes at the latest."""

pack_entry = msgspec.msgpack.Encoder().encode
"""How a store keeps an entry: as one msgpack array."""

unpack_entry = msgspec.msgpack.Decoder(Entry).decode


class AuditUnavailableError(Exception):
    """The audit store did not answer in time, or not with a majority; try again later."""


class EntryDiffersError(Exception):
    """The audit store holds another entry under the same key, so it belongs to another journal."""

    def __init__(self, entry: Entry) -> None:
        super().__init__(
            f"the audit store holds another entry {entry.n} of partition {entry.partition} than the journal: one of "
            "the two was reset or restored without the other, or another installation writes to the same audit store"
        )
        self.partition = entry.partition


class AuditStore(Protocol):
    """The journal's entries, kept for good, and an index of the users in them.

    Every method raises AuditUnavailableError where the store is away. What was stored is durable, and what is read
    will not be undone.
    """

    async def open(self, partitions: int) -> None:
        """Prepare the store, and fix the number of partitions at the first start; may be called again.

        Raises PartitionsDifferError where it was fixed differently: the log's numbers depend on it.
        """

    async def heads(self) -> dict[int, int]:
        """Return the last entry of each partition that has any."""

    async def store(self, entries: Sequence[Entry]) -> None:
        """Store the entries durably; those that it holds already are left as they are.

        Of each partition they must follow densely, in order, on what it holds. Raises EntryDiffersError.
        """

    async def read(self, partition: int, after: int, upto: int, limit: int) -> list[Entry]:
        """Return the first entries with `after` < n <= `upto`, in order: at most `limit`, and one if there is any."""

    async def read_at(self, partition: int, places: Sequence[int]) -> list[Entry]:
        """Return the entries with those n, which rise; where that is too much for one answer, the first ones."""

    async def indexed(self, partition: int) -> int:
        """Return the last entry that the index pages of the partition cover; 0 at first."""

    async def store_page(self, page: Page) -> None:
        """Store the next index page durably; storing it again is the same as once."""

    async def index_buckets(self, partition: int, bucket: int, after: int, limit: int) -> list[PageBucket]:
        """Return that bucket of up to `limit` pages, in order: those with a number > `after` (-1: from the first)."""

    async def health(self) -> list[Part]:
        """Return how each part of the store stands; never raises."""

    async def clear(self) -> None:
        """Empty everything, the fixed number of partitions too. For `daytrader reset`."""

    async def close(self) -> None:
        """Let go of the store."""
