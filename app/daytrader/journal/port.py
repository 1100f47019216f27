"""What the system needs of a journal and of an account store; the adapters are `sqlite` and `mongodb`."""

import enum
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Protocol

import msgspec

from daytrader.journal.entry import Entry


class JournalUnavailableError(Exception):
    """The store did not answer in time, or not with a majority: nothing is known of what was asked; try again later."""


class PartitionsDifferError(Exception):
    """The number of partitions was fixed at the first start, and this start asks for another."""


class Fate(enum.Enum):
    """What became of one entry of an append."""

    DURABLE = "durable"
    """It is on disk on a majority (or as far as the durability that was set goes)."""
    TAKEN = "taken"
    """Its place holds an entry already: another's, or our own from an earlier try. Read it to know."""
    UNSETTLED = "unsettled"
    """Nobody knows yet: a time-out, a lost connection, a write concern that was not met."""


class Position(msgspec.Struct, frozen=True, array_like=True):
    """A place in a partition: after entry `n`, with the running number of the next record and the time reached."""

    n: int = 0
    next_record: int = 1
    time: int = 0


class Journal(Protocol):
    """The dense sequences of entries. Reads are majority reads on the primary: what they show is never undone."""

    async def open(self, partitions: int) -> None:
        """Prepare the store, and fix the number of partitions at the first start.

        Raises PartitionsDifferError where it was fixed differently, JournalUnavailableError where the store is away.
        """

    async def append(self, entries: Sequence[Entry]) -> list[Fate]:
        """Insert the entries (at most one a partition) in one unordered insert; each is judged on its own.

        Never raises for a store that is away: the entries are then UNSETTLED.
        """

    async def read(self, partition: int, after: int, limit: int) -> list[Entry]:
        """Return up to `limit` entries with n > `after`, dense and in order; stops before a gap.

        Raises JournalUnavailableError.
        """

    async def read_all(self, after: Mapping[int, int], limit: int) -> list[Entry]:
        """Return up to `limit` entries of the partitions in `after` (partition -> n) in one query, each dense from n + 1."""

    async def mark(self, partition: int) -> int:
        """Return the trim mark: entries at or below it may be gone, and nothing may be appended there."""

    async def trim(self, partition: int, upto: int) -> None:
        """Make the mark `upto` durable (it never falls), then delete the entries at or below it."""

    async def audited(self, partition: int) -> int:
        """Return the last entry that the audit service has said to hold durably; 0 at first."""

    async def set_audited(self, audited: Mapping[int, int]) -> None:
        """Say, for each partition, the last entry that the audit store holds durably; never falls."""

    async def clock_skew(self) -> int:
        """Return by how many ms the store's clock is ahead of ours (half the round trip taken off)."""

    async def size(self) -> int:
        """Return about how many entries are kept, for status and metrics."""

    async def clear(self) -> None:
        """Empty everything: entries, marks, positions and the fixed number of partitions. For `daytrader reset`."""

    async def close(self) -> None:
        """Let go of the store."""


class StoredAccount(msgspec.Struct, frozen=True, array_like=True):
    """An account as it is stored: its state after entry `place` of its partition."""

    user: str
    place: int
    state: bytes
    """The account as msgpack."""
    armed: tuple[tuple[str, bool, int], ...] = ()
    """Its armed triggers: symbol, whether it sells, price in cents. Indexed: the triggers of evicted users fire too."""


class AccountStore(Protocol):
    """Where accounts are kept when they are not in memory, and the checkpoints that say from where to replay."""

    async def load(self, partition: int, users: Sequence[str]) -> dict[str, StoredAccount]:
        """Return the stored accounts of `users` (those who have none are left out). Raises JournalUnavailableError."""

    async def store(self, partition: int, accounts: Sequence[StoredAccount]) -> None:
        """Store accounts durably, each only over an older place (or none)."""

    def armed(self, partition: int) -> AsyncIterator[StoredAccount]:
        """Yield the accounts that have armed triggers (their `state` may be left empty)."""

    async def users(self, partition: int) -> list[str]:
        """Return every user who has a stored account."""

    async def checkpoint(self, partition: int) -> Position:
        """Return the place below which every account is stored. Position() at first."""

    async def set_checkpoint(self, partition: int, position: Position) -> None:
        """Raise the checkpoint durably; a lower one than the stored is ignored."""

    async def clear(self) -> None:
        """Empty everything."""
