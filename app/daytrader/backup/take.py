"""Taking a backup while the system trades.

Trimming is held. Then, one after the other: each partition's checkpoint, and what of it is audited; the accounts, each
as it is when its turn comes, so as of the checkpoint or of later; each partition's last entry; the journal up to there,
from the checkpoint on (or from what is audited, where that is less); and the audit store, up to the same entries. An
account is never ahead of the journal's copy, since that is taken after it. What the journal's copy leaves out is in the
accounts and in the audit store; what the audit store lacks yet is in the journal's copy. Identities and tokens, hashes
of passwords and of tokens only, are copied as they are at the end.
"""

import functools
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from daytrader.audit.mongodb import ENTRIES as AUDIT_ENTRIES
from daytrader.auth.mongodb import IDENTITIES, TOKENS
from daytrader.backup import manifest
from daytrader.backup.directory import appearing, locked, name_of
from daytrader.backup.documents import DocumentFile
from daytrader.backup.hold import Hold
from daytrader.backup.manifest import BackupError, FileFacts, Manifest, PartitionFacts
from daytrader.backup.reading import batches, persist
from daytrader.clock import Clock, system_clock
from daytrader.journal.accounts_mongodb import ACCOUNTS, CHECKPOINTS, partition_of_account
from daytrader.journal.holds_mongodb import MongoHolds
from daytrader.journal.mongodb import ENTRIES, INSTALLATION, POSITIONS, RESTORING
from daytrader.journal.place import at_place, place_of
from daytrader.journal.port import Position
from daytrader.mongo import Document, Primary, connect
from daytrader.settings import Settings

Progress = Callable[[int, int, str], None]
"""Told how many documents of how many (about) are done, and of what."""

PURPOSE: Final = "backup"


class Taking:
    """One backup of the installation whose services have these settings."""

    def __init__(self, settings: Settings, progress: Progress, clock: Clock = system_clock) -> None:
        self._data = Primary(connect(settings.data_uri, purpose=PURPOSE, ca=settings.mongodb_ca))
        self._audit = Primary(connect(settings.audit_uri, purpose=PURPOSE, ca=settings.mongodb_ca))
        self._build = settings.version
        self._progress = progress
        self._clock = clock
        self._done = 0
        self._total = 0

    async def into(self, directory: Path) -> tuple[Path, Manifest]:
        """Write the backup to a new directory in `directory`; return it, and what is in it.

        Raises BackupError, OSError; nothing is left then.
        """
        try:
            with locked(directory):
                began = self._clock()
                name = name_of(began)
                with appearing(directory, name) as partial:
                    taken = await self._take(partial, began)
                return directory / name, taken
        finally:
            await self._data.database.client.close()
            await self._audit.database.client.close()

    async def _take(self, partial: Path, began: int) -> Manifest:
        async with Hold(MongoHolds(self._data), f"backup {secrets.token_hex(4)}") as hold:
            partitions = await self._partitions()
            self._total = await self._count()
            starts = await self._starts(partitions)
            accounts, places = await self._copy_accounts(partial, partitions, hold)
            heads = [await self._head(partition, mark) for partition, (_, mark) in enumerate(starts)]
            _none_ahead(places, heads)
            spans = [(mark, head) for (_, mark), head in zip(starts, heads, strict=True)]
            journal, last = await self._copy_entries(partial / manifest.JOURNAL, self._data, ENTRIES, spans, hold)
            hold.check()
        # The audit store is never trimmed, so nobody needs to be held up by its copy, which is the longest.
        whole = [(0, head) for head in heads]
        audit, audited = await self._copy_entries(partial / manifest.AUDIT, self._audit, AUDIT_ENTRIES, whole, None)
        identities = await self._copy(partial / manifest.IDENTITIES, IDENTITIES)
        tokens = await self._copy(partial / manifest.TOKENS, TOKENS)
        taken = Manifest(
            build=self._build,
            began=began,
            finished=self._clock(),
            partitions=tuple(
                PartitionFacts(checkpoint, mark, head, held)
                for (checkpoint, mark), head, held in zip(starts, heads, audited, strict=True)
            ),
            files=(accounts, journal, audit, identities, tokens),
        )
        _joined(taken.partitions, last)
        manifest.write(partial, taken)
        return taken

    async def _partitions(self) -> int:
        found = await persist("asking", lambda: self._data.find_confirmed({"find": INSTALLATION}))
        installed = {document["_id"]: document for document in found}
        if RESTORING in installed:
            raise BackupError("a restore into this installation is under way, or was broken off: finish it first")
        if "partitions" not in installed:
            raise BackupError(
                f"there is no installation in the database {self._data.database.name} of the data set: "
                "see DAYTRADER_DATA_URI"
            )
        return int(installed["partitions"]["number"])

    async def _count(self) -> int:
        """Return about how many documents there are."""
        total = 0
        data = ((self._data, name) for name in (ACCOUNTS, ENTRIES, IDENTITIES, TOKENS))
        for primary, collection in (*data, (self._audit, AUDIT_ENTRIES)):
            command = primary.database.command
            total += int((await persist("counting", functools.partial(command, {"count": collection})))["n"])
        return total

    async def _starts(self, partitions: int) -> list[tuple[Position, int]]:
        """Return the checkpoint of each partition, and the mark that the copy has.

        That is what no trimming has passed that looked before the hold was set.
        """
        checkpoints = await self._by_partition(CHECKPOINTS)
        positions = await self._by_partition(POSITIONS)
        starts = []
        for partition in range(partitions):
            found = checkpoints.get(partition)
            # Large numbers come as Int64, a kind of int that JSON does not take.
            fields = ("n", "next_record", "time")
            checkpoint = Position(*(int(found[field]) for field in fields)) if found else Position()
            audited = int(positions.get(partition, {}).get("audited", 0))
            starts.append((checkpoint, min(checkpoint.n, audited)))
        return starts

    async def _by_partition(self, collection: str) -> dict[int, Document]:
        found = await persist(f"reading {collection}", lambda: self._data.find({"find": collection}))
        return {document["_id"]: document for document in found}

    async def _head(self, partition: int, mark: int) -> int:
        """Return the last entry; the mark where all are trimmed away."""
        last = {"$gt": place_of(partition, mark), "$lt": place_of(partition + 1, 0)}
        command = {"find": ENTRIES, "filter": {"_id": last}, "sort": {"_id": -1}, "limit": 1, "projection": {"_id": 1}}
        found = await persist("asking", lambda: self._data.find(command))
        return at_place(found[0]["_id"])[1] if found else mark

    async def _copy_accounts(self, partial: Path, partitions: int, hold: Hold) -> tuple[FileFacts, list[int]]:
        """Copy the accounts; return also the latest place of any, by partition."""
        places = [0] * partitions
        async with DocumentFile(partial / manifest.ACCOUNTS) as file:
            async for raw, accounts in batches(self._data, ACCOUNTS, {}):
                await self._write(file, raw, accounts, "accounts")
                for account in accounts:
                    partition = partition_of_account(account)
                    places[partition] = max(places[partition], account["p"])
                hold.check()
        return file.facts(), places

    async def _copy(self, path: Path, collection: str) -> FileFacts:
        """Copy a collection of the data set."""
        async with DocumentFile(path) as file:
            async for raw, found in batches(self._data, collection, {}):
                await self._write(file, raw, found, collection)
        return file.facts()

    async def _copy_entries(
        self, path: Path, primary: Primary, collection: str, spans: Sequence[tuple[int, int]], hold: Hold | None
    ) -> tuple[FileFacts, list[int]]:
        """Copy the entries of each partition after the first n of its span up to the second; return also the last ones.

        Raises BackupError where one is missing between two.
        """
        last = []
        async with DocumentFile(path) as file:
            for partition, (after, upto) in enumerate(spans):
                n = after
                span = {"$gt": place_of(partition, after), "$lte": place_of(partition, upto)}
                async for raw, entries in batches(primary, collection, span):
                    n = _dense(collection, partition, n, entries)
                    await self._write(file, raw, entries, collection)
                    if hold is not None:
                        hold.check()
                last.append(n)
        return file.facts(), last

    async def _write(self, file: DocumentFile, raw: bytes, documents: Sequence[Document], what: str) -> None:
        await file.write(raw, len(documents))
        self._done += len(documents)
        self._progress(self._done, max(self._done, self._total), what.replace("_", " "))


def _dense(collection: str, partition: int, after: int, entries: Sequence[Document]) -> int:
    """Return the last n of `entries`, which must follow `after` without a gap."""
    for n, entry in enumerate(entries, after + 1):
        if entry["_id"] != place_of(partition, n):
            raise BackupError(
                f"{collection} lacks entry {n} of partition {partition}: a replica of an older build may have trimmed "
                "it while the backup ran (run it again when all are of this build), else the set has lost it"
            )
    return after + len(entries)


def _none_ahead(places: Sequence[int], heads: Sequence[int]) -> None:
    for partition, (place, head) in enumerate(zip(places, heads, strict=True)):
        if place > head:
            raise BackupError(
                f"an account of partition {partition} is stored as of entry {place}, and the journal ends with entry "
                f"{head}: the data set has lost entries; restore an earlier backup"
            )


def _joined(partitions: Sequence[PartitionFacts], last: Sequence[int]) -> None:
    """Look whether the copies join, the journal's ending with the `last` entries."""
    for number, (facts, n) in enumerate(zip(partitions, last, strict=True)):
        if n < facts.head:
            raise BackupError(f"the journal lacks entry {n + 1} of partition {number}: the data set has lost it")
        if facts.audited < facts.mark:
            raise BackupError(
                f"the audit store ends with entry {facts.audited} of partition {number}, and the journal begins after "
                f"entry {facts.mark}: the log has lost what is between; restore the audit set first"
            )
