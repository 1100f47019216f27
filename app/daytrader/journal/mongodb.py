"""The journal in a MongoDB replica set."""

import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import structlog
from pymongo.errors import PyMongoError

from daytrader.health import Part
from daytrader.journal.accounts_mongodb import MongoAccounts
from daytrader.journal.entry import Entry
from daytrader.journal.holds_mongodb import MongoHolds
from daytrader.journal.mongodb_errors import DUPLICATE, there_already, unavailable
from daytrader.journal.place import at_place, place_of
from daytrader.journal.port import Fate, JournalUnavailableError, PartitionsDifferError, check_append
from daytrader.mongo import Document, Durability, Primary, connect, trust_also
from daytrader.mongo_health import set_health

ENTRIES: Final = "entries"
"""One document an entry; `_id` is its place."""

POSITIONS: Final = "positions"
"""One document a partition: the trim mark, and how far the audit service is."""

INSTALLATION: Final = "installation"
"""What is fixed at the first start, and whether a restore is under way."""

RESTORING: Final = "restoring"
"""The document of INSTALLATION that stands while a backup is restored: nobody opens the journal meanwhile."""

TRIM_AT_ONCE: Final = 1_000
"""Entries deleted by one command, so that each stays far within its time limit and appends get in between."""

_BY_ID: Final = {"_id": 1}

_log = structlog.get_logger(__name__)


class MongoJournal:
    """The journal in the database that the path of `uri` names, with the account store beside it over one client.

    An entry is durable when a majority has it on disk, and every read is a majority read on the primary. A lower
    durability is for measuring what that costs.
    """

    def __init__(self, uri: str, durability: Durability = "majority", ca: str = "") -> None:
        """`ca` is the CA file by which members are verified where the URI says `tls=true`."""
        self._ca = ca
        self._primary = Primary(connect(uri, durability, ca=ca))
        self.accounts = MongoAccounts(self._primary)
        self.holds = MongoHolds(self._primary)

    async def open(self, partitions: int) -> None:
        """Create the collections and fix the number of partitions, both at the first start only."""
        with unavailable():
            for collection in (INSTALLATION, ENTRIES, POSITIONS):
                with there_already():
                    await self._primary.must_write({"create": collection})
            await self.accounts.prepare()
            await self.holds.prepare()
            fixed = await self._fix(partitions)
        if fixed != partitions:
            raise PartitionsDifferError(
                f"the journal was made with {fixed} partitions, and {partitions} are asked for: "
                f"set DAYTRADER_PARTITIONS={fixed}, or use an empty database"
            )

    async def _fix(self, partitions: int) -> int:
        document = {"_id": "partitions", "number": partitions}
        await self._primary.must_write({"insert": INSTALLATION, "documents": [document]}, DUPLICATE)
        found = {each["_id"]: each for each in await self._primary.find_confirmed({"find": INSTALLATION})}
        if RESTORING in found:
            raise JournalUnavailableError(
                "a backup is being restored into this journal: it is opened when that is over; where no `daytrader "
                "restore` runs any more, it was broken off: run it again"
            )
        return int(found["partitions"]["number"])

    async def append(self, entries: Sequence[Entry]) -> list[Fate]:
        """Insert the entries in one command: a fifth less work for us than the driver's `insert_many`."""
        check_append(entries)
        if not entries:
            return []
        documents = [
            {
                "_id": place_of(entry.partition, entry.n),
                "b": entry.batch,
                "f": entry.first,
                "c": entry.count,
                "t": entry.time,
                "s": entry.server,
                "r": entry.records,
                "v": entry.format,
            }
            for entry in entries
        ]
        try:
            reply = await self._primary.write({"insert": ENTRIES, "documents": documents, "ordered": False})
        except PyMongoError as error:
            _log.warning("append_unsettled", entries=len(entries), error=str(error)[:300])
            return [Fate.UNSETTLED] * len(entries)
        return fates(reply, len(entries))

    async def read(self, partition: int, after: int, limit: int) -> list[Entry]:
        """Return the entries after `after`, as many as one reply of 16 MiB holds."""
        with unavailable():
            found = await self._primary.find(_entries({"_id": _range(partition, after)}, limit))
        return _dense(found, {partition: after})

    async def read_all(self, after: Mapping[int, int], limit: int) -> list[Entry]:
        """Return entries of many partitions: a scan of the index over one range a partition."""
        if not after:
            return []
        with unavailable():
            found = await self._primary.find(following(after, limit))
        return _dense(found, after)

    async def outdated(self, heads: Mapping[int, int]) -> set[int]:
        """Return where something follows; asked in this order, since trimming moves the mark before it deletes."""
        places = {place_of(partition, n + 1): partition for partition, n in heads.items()}
        query = {"find": ENTRIES, "filter": {"_id": {"$in": list(places)}}, "projection": _BY_ID}
        with unavailable():
            followed = {places[found["_id"]] for found in await self._primary.find_confirmed(query)}
            marks = await self._marks(heads)
        return followed | {partition for partition, n in heads.items() if marks.get(partition, 0) > n}

    async def mark(self, partition: int) -> int:
        """Return the trim mark, confirmed by a majority."""
        with unavailable():
            return (await self._marks([partition])).get(partition, 0)

    async def _marks(self, partitions: Iterable[int]) -> dict[int, int]:
        query = {"find": POSITIONS, "filter": {"_id": {"$in": list(partitions)}}}
        found = await self._primary.find_confirmed(query)
        return {position["_id"]: position.get("mark", 0) for position in found}

    async def trim(self, partition: int, upto: int) -> bool:
        """Raise the mark where nobody holds trimming, and when a majority has it delete, oldest first."""
        if await self.holds.held():
            return False
        with unavailable():
            await self._raise_positions("mark", {partition: upto})
            oldest = await self._primary.find(_entries({"_id": _range(partition, 0)}, 1))
            at = at_place(oldest[0]["_id"])[1] - 1 if oldest else upto
            while at < upto:
                end = min(at + TRIM_AT_ONCE, upto)
                ids = {"$gt": place_of(partition, at), "$lte": place_of(partition, end)}
                await self._primary.must_write({"delete": ENTRIES, "deletes": [{"q": {"_id": ids}, "limit": 0}]})
                at = end
        return True

    async def audited(self, partition: int) -> int:
        """Return the last entry that the audit store holds."""
        with unavailable():
            found = await self._primary.find({"find": POSITIONS, "filter": {"_id": partition}})
        return int(found[0].get("audited", 0)) if found else 0

    async def set_audited(self, audited: Mapping[int, int]) -> None:
        """Note the last entries that the audit store holds, all in one command."""
        if audited:
            with unavailable():
                await self._raise_positions("audited", audited)

    async def _raise_positions(self, field: str, values: Mapping[int, int]) -> None:
        # Where $max changes nothing, the server still waits until a majority has what is there.
        updates = [{"q": {"_id": key}, "u": {"$max": {field: n}}, "upsert": True} for key, n in values.items()]
        await self._primary.must_write({"update": POSITIONS, "updates": updates, "ordered": False})

    async def clock_skew(self) -> int:
        """Compare with the primary's `hello.localTime`."""
        asked = time.time()
        with unavailable():
            reply = await self._primary.command({"hello": 1})
        local: datetime = reply["localTime"]
        return sure_skew(asked, local.replace(tzinfo=UTC).timestamp(), time.time())

    async def size(self) -> int:
        """Return the count that the server keeps; after a crash of its own it may be a little off."""
        with unavailable():
            return int((await self._primary.command({"count": ENTRIES}))["n"])

    async def health(self) -> list[Part]:
        """Return one part for each member of the set."""
        return await set_health(self._primary.database, "data set")

    async def clear(self) -> None:
        """Drop the collections."""
        with unavailable():
            for collection in (ENTRIES, POSITIONS, INSTALLATION):
                with there_already():
                    await self._primary.must_write({"drop": collection})
            await self.holds.clear()

    def read_ca(self) -> None:
        """Verify members by what the CA file holds now as well. Raises OSError."""
        trust_also(self._primary.database, self._ca)

    async def close(self) -> None:
        """Close the connections, the account store's too."""
        await self._primary.database.client.close()


def fates(reply: Document, count: int) -> list[Fate]:
    """Return what a reply to an insert of `count` entries says of each.

    Only a duplicate key proves that a place is taken. Any other error, or a server that stopped half-way, leaves open
    what will stand there; and a majority that was not met leaves everything else open.
    """
    errors = reply.get("writeErrors", ())
    whole = reply["n"] + len(errors) == count
    known = [Fate.DURABLE if whole and "writeConcernError" not in reply else Fate.UNSETTLED] * count
    for error in errors:
        known[error["index"]] = Fate.TAKEN if error["code"] in DUPLICATE else Fate.UNSETTLED
    if Fate.UNSETTLED in known:
        _log.warning("append_unsettled", entries=known.count(Fate.UNSETTLED), error=_reason(reply))
    return known


def sure_skew(asked: float, theirs: float, answered: float) -> int:
    """Return by how many ms a clock that showed `theirs` between `asked` and `answered` on ours is ahead at the least.

    All three are seconds since the epoch.
    """
    return round(1_000 * (min(theirs - asked, 0.0) + max(theirs - answered, 0.0)))


def following(after: Mapping[int, int], limit: int) -> Document:
    """Return the `find` for the entries that follow each n of `after` (partition -> n)."""
    return _entries({"$or": [{"_id": _range(partition, n)} for partition, n in after.items()]}, limit)


def _reason(reply: Document) -> str:
    errors = [*reply.get("writeErrors", ()), reply.get("writeConcernError", {})]
    return str(next((error for error in errors if error and error.get("code") not in DUPLICATE), reply))[:300]


def _range(partition: int, after: int) -> dict[str, int]:
    return {"$gt": place_of(partition, after), "$lt": place_of(partition + 1, 0)}


def _entries(which: Mapping[str, Any], limit: int) -> Document:
    return {"find": ENTRIES, "filter": which, "sort": _BY_ID, "limit": limit, "batchSize": limit}


def _dense(found: Iterable[Document], after: Mapping[int, int]) -> list[Entry]:
    """Return the entries (in order of `_id`) that follow each other without a gap in their partition."""
    heads = dict(after)
    entries = []
    for document in found:
        partition, n = at_place(document["_id"])
        if n == heads[partition] + 1:
            heads[partition] = n
            entries.append(_entry(partition, n, document))
    return entries


def _entry(partition: int, n: int, found: Document) -> Entry:
    # Large numbers come as Int64, a kind of int that msgpack does not take.
    first, time_ = int(found["f"]), int(found["t"])
    return Entry(partition, n, found["b"], first, found["c"], time_, found["s"], found["r"], found["v"])
