"""What the system needs of a journal and of an account store; the adapters are `sqlite` and `mongodb`."""

import enum
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Final, Protocol

import msgspec

from daytrader.health import Part
from daytrader.journal.entry import Entry

LARGEST_ENTRY_BYTES: Final = 8 * 1024 * 1024
"""How many bytes of records one entry may hold."""

LARGEST_APPEND_BYTES: Final = 32 * 1024 * 1024
"""How many bytes of records the entries of one append may hold together."""


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


def check_append(entries: Sequence[Entry]) -> None:
    """Raise ValueError where no store could take the entries: a defect of the appender, not of the store."""
    total = 0
    for entry in entries:
        size = len(entry.records)
        if size > LARGEST_ENTRY_BYTES:
            raise ValueError(
                f"entry {entry.n} of partition {entry.partition} has {size} bytes of records, at most "
                f"{LARGEST_ENTRY_BYTES} fit in one: spread them over several entries"
            )
        total += size
    if total > LARGEST_APPEND_BYTES:
        raise ValueError(f"{total} bytes of records in one append, at most {LARGEST_APPEND_BYTES} fit: append in turns")
    if len({entry.partition for entry in entries}) < len(entries):
        partitions = sorted(entry.partition for entry in entries)
        raise ValueError(f"two entries of one partition in an append to {partitions}: append one after the other")


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

        Never raises for a store that is away: the entries are then UNSETTLED. It is over within about 5 s. The insert
        is never tried twice in one call, so a place that is TAKEN at the first try is another's.

        Raises ValueError for what no store could take (`check_append`).
        """

    async def read(self, partition: int, after: int, limit: int) -> list[Entry]:
        """Return up to `limit` entries with n > `after`, dense and in order; stops before a gap, or after some 16 MiB.

        No entry does not mean that `after` is the last: what follows may be trimmed (ask `outdated`).
        Raises JournalUnavailableError.
        """

    async def read_all(self, after: Mapping[int, int], limit: int) -> list[Entry]:
        """Return up to `limit` entries of the partitions in `after` (partition -> n), each dense from n + 1.

        It is one query, and one reply of 16 MiB at the most, so fewer than `limit` may not be all. They stand in the
        order of (partition, n); what was cut off comes with the next call.
        """

    async def outdated(self, heads: Mapping[int, int]) -> set[int]:
        """Return the partitions of `heads` (partition -> n) in which something was appended after n.

        For the others, n was the last entry at the moment of the call, trimmed entries and every append that was
        acknowledged before the call counted, whoever made it: a majority confirms it. `read` and `mark` cannot tell
        that: a primary that slept and does not know yet that there is a new one still shows an old head and an old
        mark. Raises JournalUnavailableError.
        """

    async def mark(self, partition: int) -> int:
        """Return the trim mark: entries at or below it may be gone, and nothing may be appended there.

        Confirmed by a majority, as `outdated` is.
        """

    async def trim(self, partition: int, upto: int) -> bool:
        """Make the mark `upto` durable (it never falls), then delete the entries at or below it.

        Does nothing while trimming is held (`Holds`), and returns whether it did something. What `upto` rests on, the
        checkpoint and what is audited, must have been read before the call: a hold counts on it.
        """

    async def audited(self, partition: int) -> int:
        """Return the last entry that the audit service has said to hold durably; 0 at first."""

    async def set_audited(self, audited: Mapping[int, int]) -> None:
        """Say, for each partition, the last entry that the audit store holds durably; never falls."""

    async def clock_skew(self) -> int:
        """Return by how many ms the store's clock is at least ahead of this machine's (negative: behind).

        The uncertainty, half the time that asking took, is left out in our favour.
        """

    async def size(self) -> int:
        """Return about how many entries are kept, for status and metrics."""

    async def health(self) -> list[Part]:
        """Return how each part of the store stands; never raises."""

    async def clear(self) -> None:
        """Empty everything: entries, marks, positions, holds, the fixed number of partitions. For `daytrader reset`.

        `open` comes next; what is asked before that fails.
        """

    async def close(self) -> None:
        """Let go of the store."""


class Holds(Protocol):
    """Who holds trimming, and until when. A backup does, since it copies one part of the store after the other.

    A hold is durable and ends by itself: whoever died holds nothing for longer than its time. A trimming that looked
    before a hold was set may still go on under it, but not above what was checkpointed and audited by then: so whoever
    holds reads those two afterwards, and finds every entry above the lower one for as long as the hold lasts.
    """

    async def hold(self, name: str, seconds: float) -> None:
        """Hold trimming for so many seconds from now, by the store's clock; again under the same name: from now anew.

        Durable on return. Raises JournalUnavailableError: it may be held, or not.
        """

    async def release(self, name: str) -> None:
        """Let go, and forget the holds that have ended by themselves."""

    async def held(self) -> list[str]:
        """Return the names under which trimming is held now, in order; confirmed by a majority."""


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
