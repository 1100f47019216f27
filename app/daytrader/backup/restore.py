"""Restoring a backup into an empty installation."""

import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from bson import InvalidBSON
from bson.raw_bson import RawBSONDocument

from daytrader.audit.mongodb import ENTRIES as AUDIT_ENTRIES
from daytrader.auth.mongodb import IDENTITIES, TOKENS
from daytrader.backup import documents, manifest
from daytrader.backup.directory import kept
from daytrader.backup.manifest import BackupError, Manifest
from daytrader.backup.reading import persist
from daytrader.backup.take import Progress
from daytrader.backup.target import Target
from daytrader.journal.accounts_mongodb import ACCOUNTS, CHECKPOINTS
from daytrader.journal.mongodb import ENTRIES, POSITIONS
from daytrader.journal.mongodb_errors import DUPLICATE
from daytrader.mongo import Primary, connect
from daytrader.settings import Settings

INSERT_AT_ONCE: Final = 1_000
INSERT_BYTES: Final = 2 * 1024 * 1024
"""So many documents, and about so many bytes of them, are inserted by one command: it stays within its time limit."""


def checked(directory: Path, progress: Progress) -> Manifest:
    """Return the manifest of the backup in `directory`, all of whose files are what was written.

    Raises BackupError, which names the file that is not.
    """
    found = manifest.read(directory)
    done = 0
    for facts in found.files:

        def went_on(count: int, name: str = facts.name) -> None:
            nonlocal done
            done += count
            progress(done, found.size, f"checking {name}")

        documents.check(directory, facts, went_on)
    return found


async def restore(directory: Path, settings: Settings, progress: Progress) -> Manifest:
    """Restore the backup in `directory` into the empty installation whose services have these settings.

    Returns what was restored. Nothing is written before the whole backup was checked, and nobody prunes it meanwhile.
    Raises BackupError, PyMongoError, OSError; what was begun then is opened by no service, and the next restore begins
    anew.
    """
    with kept(directory):
        taken = checked(directory, progress)
        if len(taken.partitions) != settings.partitions:
            raise BackupError(
                f"the backup was made with {len(taken.partitions)} partitions, and DAYTRADER_PARTITIONS says "
                f"{settings.partitions}: set it to {len(taken.partitions)}, for the services and for this"
            )
        await _fill(directory, taken, settings, progress)
    return taken


async def _fill(directory: Path, taken: Manifest, settings: Settings, progress: Progress) -> None:
    purpose = f"restore-{secrets.token_hex(4)}"
    data = Primary(connect(settings.data_uri, purpose=purpose, ca=settings.mongodb_ca))
    audit = Primary(connect(settings.audit_uri, purpose=purpose, ca=settings.mongodb_ca))
    target = Target(data, audit, purpose)
    try:
        await target.close(directory.name)
        await target.empty()
        filling = _Filling(directory, taken, progress)
        await filling.fill(data, ACCOUNTS, manifest.ACCOUNTS)
        await filling.fill(data, ENTRIES, manifest.JOURNAL)
        await filling.fill(audit, AUDIT_ENTRIES, manifest.AUDIT)
        # What the installation has of these by itself, its first admin say, stays: whoever installed it has its secret.
        for collection, name in ((IDENTITIES, manifest.IDENTITIES), (TOKENS, manifest.TOKENS)):
            if taken.documents(name):
                await filling.fill(data, collection, name)
        await _insert(data, CHECKPOINTS, _checkpoints(taken))
        await _insert(data, POSITIONS, _positions(taken))
        await target.open(settings.partitions)
    finally:
        await data.database.client.close()
        await audit.database.client.close()


class _Filling:
    """Filling collections out of the files of a backup."""

    def __init__(self, directory: Path, taken: Manifest, progress: Progress) -> None:
        self._directory = directory
        self._taken = taken
        self._progress = progress
        self._done = 0
        self._total = sum(file.documents for file in taken.files)

    async def fill(self, primary: Primary, collection: str, name: str) -> None:
        """Insert all documents of the file `name`."""
        path = self._directory / name
        count = 0
        try:
            for some in _portions(documents.read(path)):
                await _insert(primary, collection, some)
                count += len(some)
                self._done += len(some)
                self._progress(self._done, self._total, f"restoring {collection.replace('_', ' ')}")
        except (InvalidBSON, EOFError) as error:
            raise BackupError(f"{path} cannot be read, although its checksum is right: {error}") from error
        if count != self._taken.documents(name):
            raise BackupError(f"{path} holds {count} documents, the manifest says {self._taken.documents(name)}")


def _portions(found: Iterable[RawBSONDocument]) -> Iterator[list[RawBSONDocument]]:
    portion: list[RawBSONDocument] = []
    size = 0
    for document in found:
        portion.append(document)
        size += len(document.raw)
        if size >= INSERT_BYTES or len(portion) == INSERT_AT_ONCE:
            yield portion
            portion, size = [], 0
    if portion:
        yield portion


async def _insert(primary: Primary, collection: str, some: Sequence[Mapping[str, Any]]) -> None:
    """Insert the documents durably. Where an answer is lost they are inserted again, and may be there already."""
    if some:
        command = {"insert": collection, "documents": some, "ordered": False}
        await persist(f"restoring {collection}", lambda: primary.must_write(command, DUPLICATE))


def _checkpoints(taken: Manifest) -> list[dict[str, int]]:
    return [
        {"_id": number, "n": at.n, "next_record": at.next_record, "time": at.time}
        for number, at in enumerate(facts.checkpoint for facts in taken.partitions)
        if at.n
    ]


def _positions(taken: Manifest) -> list[dict[str, int]]:
    return [
        {"_id": number, "mark": facts.mark, "audited": facts.audited}
        for number, facts in enumerate(taken.partitions)
        if facts.audited
    ]
