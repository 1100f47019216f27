"""The audit store in a MongoDB replica set."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from pymongo.errors import PyMongoError

from daytrader.audit.index import BUCKETS, Page, PageBucket
from daytrader.audit.port import AuditUnavailableError, EntryDiffersError, pack_entry, unpack_entry
from daytrader.health import Part
from daytrader.journal.entry import Entry
from daytrader.journal.place import place_of
from daytrader.journal.port import PartitionsDifferError
from daytrader.mongo import Document, Primary, connect, trust_also
from daytrader.mongo_health import set_health

ENTRIES: Final = "audit_entries"
"""One document an entry; `_id` is its place in the journal."""

PAGES: Final = "audit_pages"
"""One document a bucket of an index page; `_id` puts the pages of one (partition, bucket) side by side."""

INSTALLATION: Final = "audit_installation"
"""What is fixed at the first start."""

_INSERT_BYTES: Final = 12 * 1024 * 1024
"""One command takes 16 MiB."""

_DUPLICATE: Final = 11_000


def _page_key(partition: int, bucket: int, number: int) -> int:
    """The pages of a bucket are numbered as the entries of a partition are."""
    return place_of(partition * BUCKETS + bucket, number)


class MongoAuditStore:
    """An audit store in the database that the path of `uri` names.

    A write is on disk on a majority before it counts, and every read is a majority read on the primary.
    """

    def __init__(self, uri: str, ca: str = "") -> None:
        """`ca` is the CA file by which members are verified where the URI says `tls=true`."""
        self._ca = ca
        self._database = connect(uri, ca=ca)
        self._primary = Primary(self._database)
        self._partitions = 0

    async def open(self, partitions: int) -> None:
        """Fix the number of partitions at the first start."""
        with _available():
            await self._insert(INSTALLATION, [{"_id": "partitions", "number": partitions}])
            found = await self._primary.find_confirmed({"find": INSTALLATION, "filter": {"_id": "partitions"}})
        fixed = found[0]["number"]
        if fixed != partitions:
            raise PartitionsDifferError(
                f"the audit store was made with {fixed} partitions, and {partitions} are asked for: "
                f"set DAYTRADER_PARTITIONS={fixed}, or use an empty database"
            )
        self._partitions = partitions

    async def heads(self) -> dict[int, int]:
        """Return the last entries: the end of each partition's range."""
        heads = {}
        for partition in range(self._partitions):
            newest = await self._newest(ENTRIES, partition, "_id")
            if newest is not None:
                heads[partition] = newest["_id"] - place_of(partition, 0)
        return heads

    async def store(self, entries: Sequence[Entry]) -> None:
        """Insert the entries, as many in a command as one takes."""
        for batch in _batches(entries):
            documents = [{"_id": place_of(entry.partition, entry.n), "packed": pack_entry(entry)} for entry in batch]
            with _available():
                held = await self._insert(ENTRIES, documents)
                if held:
                    await self._compare([batch[index] for index in held])

    async def _compare(self, entries: Sequence[Entry]) -> None:
        """Look whether the store holds these entries; what stood in their places may have been another's."""
        keys = [place_of(entry.partition, entry.n) for entry in entries]
        found = await self._find(ENTRIES, {"_id": {"$in": keys}}, len(keys))
        held = {document["_id"]: document["packed"] for document in found}
        for key, entry in zip(keys, entries, strict=True):
            if key not in held:
                raise AuditUnavailableError(f"entry {entry.n} of partition {entry.partition} is not on a majority yet")
            if held[key] != pack_entry(entry):
                raise EntryDiffersError(entry)

    async def read(self, partition: int, after: int, upto: int, limit: int) -> list[Entry]:
        """Return entries out of the partition's range."""
        span = {"_id": {"$gt": place_of(partition, after), "$lte": place_of(partition, upto)}}
        with _available():
            return [unpack_entry(document["packed"]) for document in await self._find(ENTRIES, span, limit)]

    async def read_at(self, partition: int, places: Sequence[int]) -> list[Entry]:
        """Return entries by their keys."""
        keys = {"_id": {"$in": [place_of(partition, n) for n in places]}}
        with _available():
            return [unpack_entry(document["packed"]) for document in await self._find(ENTRIES, keys, len(places))]

    async def indexed(self, partition: int) -> int:
        """Return the end of the newest page."""
        # Of the buckets of a page, the last one is inserted last.
        newest = await self._newest(PAGES, partition * BUCKETS + BUCKETS - 1, "last")
        return newest["last"] if newest is not None else 0

    async def store_page(self, page: Page) -> None:
        """Insert the page's buckets in one command."""
        documents = [
            {
                "_id": _page_key(page.partition, bucket, page.number),
                "first": page.first,
                "last": page.last,
                "packed": packed,
            }
            for bucket, packed in enumerate(page.buckets)
        ]
        with _available():
            await self._insert(PAGES, documents)

    async def index_buckets(self, partition: int, bucket: int, after: int, limit: int) -> list[PageBucket]:
        """Return buckets out of the range of (partition, bucket)."""
        base = _page_key(partition, bucket, 0)
        span = {"_id": {"$gt": base + after, "$lt": _page_key(partition, bucket + 1, 0)}}
        with _available():
            found = await self._find(PAGES, span, limit)
        return [PageBucket(document["_id"] - base, document["first"], document["packed"]) for document in found]

    async def health(self) -> list[Part]:
        """Return one part for each member of the set."""
        return await set_health(self._database, "audit set")

    async def clear(self) -> None:
        """Drop the collections."""
        with _available():
            for collection in (ENTRIES, PAGES, INSTALLATION):
                await self._database[collection].drop()

    def read_ca(self) -> None:
        """Verify members by what the CA file holds now as well. Raises OSError."""
        trust_also(self._database, self._ca)

    async def close(self) -> None:
        """Close the connections."""
        await self._database.client.close()

    async def _insert(self, collection: str, documents: Sequence[Document]) -> list[int]:
        """Insert the documents; return the indices of those whose keys are there already."""
        command = {"insert": collection, "documents": documents, "ordered": False}
        reply = await self._primary.must_write(command, allowed=frozenset({_DUPLICATE}))
        held = [error["index"] for error in reply.get("writeErrors", ())]
        if reply["n"] + len(held) != len(documents):
            raise AuditUnavailableError(f"the audit set stored {reply['n']} of {len(documents)} documents and stopped")
        return held

    async def _find(self, collection: str, span: Document, limit: int) -> list[Document]:
        command = {"find": collection, "filter": span, "sort": {"_id": 1}, "limit": limit, "batchSize": limit}
        return await self._primary.find(command)

    async def _newest(self, collection: str, prefix: int, field: str) -> Document | None:
        span = {"_id": {"$gte": place_of(prefix, 0), "$lt": place_of(prefix + 1, 0)}}
        command = {"find": collection, "filter": span, "sort": {"_id": -1}, "limit": 1, "projection": {field: 1}}
        with _available():
            found = await self._primary.find(command)
        return found[0] if found else None


def _batches(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    batch: list[Entry] = []
    size = 0
    for entry in entries:
        if batch and size + len(entry.records) > _INSERT_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(entry)
        size += len(entry.records)
    if batch:
        yield batch


@contextmanager
def _available() -> Iterator[None]:
    """Turn whatever the driver raises into AuditUnavailableError."""
    try:
        yield
    except PyMongoError as error:
        raise AuditUnavailableError(
            f"the audit set did not do what it was asked ({type(error).__name__}: {str(error)[:300]}): "
            "see its members in `daytrader status`; it is asked again"
        ) from error
