"""An entry of the journal: the records that one append put into one partition."""

import zlib
from collections.abc import Iterable
from typing import Final

import msgspec

from daytrader.domain.record import Record

FORMAT: Final = 1
"""The format of entries that is written unless the settings name another."""

READABLE: Final = frozenset({FORMAT})
"""The formats that this build reads, and can write: its own and the one before (there is none before the first)."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Record]).decode


class UnknownFormatError(Exception):
    """An entry was written by a build that this one does not understand; the replica must not serve its partition."""


class Entry(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Entry `n` of a partition (dense, from 1), stored under the unique key (partition, n)."""

    partition: int
    n: int
    batch: str
    """Random id of the append that wrote it: tells one's own entry from another's under the same key."""
    first: int
    """Running number in the partition (from 1) of its first record; the numbers of the others follow."""
    count: int
    """How many records it holds."""
    time: int
    """The time of its last record, ms since the epoch."""
    server: str
    """The replica that decided the records, for the log."""
    records: bytes
    """The records, as `encode_records` writes them."""
    format: int = FORMAT


def encode_records(records: Iterable[Record]) -> bytes:
    """Return the records as msgpack: an array of arrays."""
    return _encode(list(records))


def decode_records(entry: Entry) -> list[Record]:
    """Return the records of `entry`.

    Raises:
        UnknownFormatError: its format is none that this build reads.
    """
    if entry.format not in READABLE:
        raise UnknownFormatError(
            f"entry {entry.n} of partition {entry.partition} has format {entry.format}, this build reads "
            f"{sorted(READABLE)}: run a build that knows it, or roll back the one that wrote it"
        )
    return _decode(entry.records)


def partition_of(user: str, partitions: int) -> int:
    """Return the partition that holds `user`; all whose userid failed its check share one ("")."""
    return zlib.crc32(user.encode()) % partitions


def transaction_number(partition: int, running: int, partitions: int) -> int:
    """Return the log's transactionNum of record `running` (from 1) of a partition: unique, and below 2^53.

    Two numbers differ in their remainder where they differ in their partition, so nobody has to share a counter.
    """
    return running * partitions + partition
