"""Where the entries and the accounts of a partition stand in their collections."""

from typing import Any, Final

from daytrader.mongo import Document

_SHIFT: Final = 40


def entry_key(partition: int, n: int) -> int:
    """Return the `_id` of an entry, in the journal as in the audit store."""
    return partition << _SHIFT | n


def entry_of(key: int) -> tuple[int, int]:
    """Return the partition and the n of an entry's `_id`."""
    return key >> _SHIFT, key & ((1 << _SHIFT) - 1)


def entries_within(partition: int, after: int, upto: int) -> Document:
    """Return the bounds of `_id` for the entries with `after` < n <= `upto`."""
    return {"$gt": entry_key(partition, after), "$lte": entry_key(partition, upto)}


def partition_of_account(account: dict[str, Any]) -> int:
    """Return the partition of a stored account."""
    return int(account["_id"].partition("/")[0])
