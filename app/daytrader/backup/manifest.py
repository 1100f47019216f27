"""The manifest of a backup: what it holds, of when, and how to tell that nothing of it has changed since."""

import hashlib
from pathlib import Path
from typing import Final

import msgspec

from daytrader.journal.port import Position

FORMAT: Final = 1
"""The format of the backups that this build writes and reads."""

MANIFEST: Final = "manifest.json"

MANIFEST_SUM: Final = "manifest.sha256"
"""The manifest's own checksum, as `sha256sum --check` takes it."""

ACCOUNTS: Final = "accounts.bson.gz"
JOURNAL: Final = "journal.bson.gz"
AUDIT: Final = "audit.bson.gz"
IDENTITIES: Final = "identities.bson.gz"
TOKENS: Final = "tokens.bson.gz"
"""These two came later: there are backups without them."""


class BackupError(Exception):
    """A backup cannot be made, or this is none that can be restored; the message says why."""


class FileFacts(msgspec.Struct, frozen=True):
    """A file of the backup: BSON documents one after the other, compressed by gzip."""

    name: str
    documents: int
    size: int
    """Bytes on disk."""
    sha256: str


class PartitionFacts(msgspec.Struct, frozen=True):
    """How far a partition goes in this backup."""

    checkpoint: Position
    """Every account is stored as of here, or of later."""
    mark: int
    """The trim mark as it is restored: the journal's file begins with the entry after it."""
    head: int
    """The last entry of the journal's file (where there are any after the mark): nothing here tells of a later one."""
    audited: int
    """The last entry of the audit store's file, which begins with entry 1. Not below the mark, not above the head."""


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was acknowledged before `began` is in the backup, and some of what came until `finished`."""

    format: int = FORMAT
    build: str
    """The build that wrote it."""
    began: int
    """ms since the epoch."""
    finished: int
    partitions: tuple[PartitionFacts, ...]
    files: tuple[FileFacts, ...]

    def documents(self, name: str) -> int:
        """Return how many documents the file `name` holds; 0 where there is no such file."""
        return next((file.documents for file in self.files if file.name == name), 0)

    @property
    def size(self) -> int:
        """Bytes on disk of all files, without the manifest."""
        return sum(file.size for file in self.files)


def write(directory: Path, manifest: Manifest) -> None:
    """Write the manifest and its checksum. Raises OSError."""
    packed = msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"
    (directory / MANIFEST).write_bytes(packed)
    (directory / MANIFEST_SUM).write_text(f"{hashlib.sha256(packed).hexdigest()}  {MANIFEST}\n")


def read(directory: Path) -> Manifest:
    """Return the manifest of the backup in `directory`; its files are not looked at.

    Raises BackupError where there is none, or another than was written, or of a format that is not read here.
    """
    try:
        packed = (directory / MANIFEST).read_bytes()
        told = (directory / MANIFEST_SUM).read_bytes().split(b" ")[0].decode("ascii", "replace")
    except OSError as error:
        raise BackupError(
            f"{directory} is no whole backup ({error}): give a directory that `daytrader backup create` made"
        ) from error
    if told != hashlib.sha256(packed).hexdigest():
        raise BackupError(f"{directory / MANIFEST} is not what was written: {MANIFEST_SUM} tells another checksum")
    try:
        found: object = msgspec.json.decode(packed)
        number = found.get("format") if isinstance(found, dict) else None
        if number != FORMAT:
            raise BackupError(
                f"{directory} has format {number}, and this build reads format {FORMAT}: use the build that wrote it"
            )
        return msgspec.convert(found, Manifest)
    except msgspec.MsgspecError as error:
        raise BackupError(f"{directory / MANIFEST} cannot be read: {error}") from error
