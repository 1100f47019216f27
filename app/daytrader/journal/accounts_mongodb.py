"""Stored accounts and checkpoints in a MongoDB replica set."""

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any, Final

from daytrader.journal.mongodb_errors import there_already, unavailable
from daytrader.journal.port import Position, StoredAccount
from daytrader.mongo import Document, Primary

ACCOUNTS: Final = "accounts"
"""One document an account; `_id` is the partition in five digits, "/", the user: a partition is a range."""

CHECKPOINTS: Final = "checkpoints"
"""One document a partition."""

LOAD_AT_ONCE: Final = 2_000
"""Accounts asked for by one query."""

STORE_AT_ONCE: Final = 500
STORE_BYTES: Final = 2 * 1024 * 1024
"""At most so many accounts, and about so many bytes of them, are stored at once, so that it stays far within its time
limit: an account costs three members 0.1 ms of CPU, and more on a busy machine."""

_ARMED_IN: Final = "armed_in"
"""The partition, in accounts with armed triggers alone: its sparse index holds just those."""

_PREFIX: Final = 6


class MongoAccounts:
    """The account store; `MongoJournal.accounts`, which also prepares and closes it."""

    def __init__(self, primary: Primary) -> None:
        self._primary = primary

    async def prepare(self) -> None:
        """Create collections and index where they are missing. Raises PyMongoError."""
        for collection in (ACCOUNTS, CHECKPOINTS):
            with there_already():
                await self._primary.must_write({"create": collection})
        index = {"key": {_ARMED_IN: 1}, "name": _ARMED_IN, "sparse": True}
        await self._primary.must_write({"createIndexes": ACCOUNTS, "indexes": [index]})

    async def load(self, partition: int, users: Sequence[str]) -> dict[str, StoredAccount]:
        """Return the stored accounts of `users`."""
        loaded = {}
        with unavailable():
            async with self._primary.cursors(ACCOUNTS) as (collection, session):
                for start in range(0, len(users), LOAD_AT_ONCE):
                    ids = [_id(partition, user) for user in users[start : start + LOAD_AT_ONCE]]
                    cursor = collection.find({"_id": {"$in": ids}}, session=session, batch_size=LOAD_AT_ONCE)
                    for found in await cursor.to_list():
                        account = _account(found)
                        loaded[account.user] = account
        return loaded

    async def store(self, partition: int, accounts: Sequence[StoredAccount]) -> None:
        """Store the accounts, some hundreds of them at once."""
        with unavailable():
            for updates in _chunks(partition, accounts):
                await self._primary.must_write_in_transaction(
                    {"update": ACCOUNTS, "updates": updates, "ordered": False}
                )

    async def armed(self, partition: int) -> AsyncIterator[StoredAccount]:
        """Yield the accounts with armed triggers, their state left empty."""
        with unavailable():
            async with self._primary.cursors(ACCOUNTS) as (collection, session):
                async for found in collection.find({_ARMED_IN: partition}, {"s": False}, session=session):
                    yield _account(found)

    async def users(self, partition: int) -> list[str]:
        """Return every user who has a stored account, in order: a scan of the index alone."""
        within = {"_id": {"$gte": _id(partition, ""), "$lt": _id(partition + 1, "")}}
        with unavailable():
            async with self._primary.cursors(ACCOUNTS) as (collection, session):
                cursor = collection.find(within, {"_id": True}, session=session, sort={"_id": 1}, batch_size=10_000)
                return [found["_id"][_PREFIX:] for found in await cursor.to_list()]

    async def checkpoint(self, partition: int) -> Position:
        """Return the checkpoint."""
        with unavailable():
            found = await self._primary.find({"find": CHECKPOINTS, "filter": {"_id": partition}})
        if not found:
            return Position()
        # Large numbers come as Int64, a kind of int that msgpack does not take.
        n, next_record, time = (int(found[0][field]) for field in ("n", "next_record", "time"))
        return Position(n, next_record, time)

    async def set_checkpoint(self, partition: int, position: Position) -> None:
        """Raise the checkpoint, as accounts are stored: only over a lower one."""
        document = {"_id": partition, "n": position.n, "next_record": position.next_record, "time": position.time}
        with unavailable():
            await self._primary.must_write({"update": CHECKPOINTS, "updates": [_over_older(document, "n")]})

    async def clear(self) -> None:
        """Drop the collections."""
        with unavailable():
            for collection in (ACCOUNTS, CHECKPOINTS):
                with there_already():
                    await self._primary.must_write({"drop": collection})


def partition_of_account(account: Document) -> int:
    """Return the partition of an account as it is stored."""
    return int(account["_id"][: _PREFIX - 1])


def _id(partition: int, user: str) -> str:
    return f"{partition:05d}/{user}"


def _account(found: Document) -> StoredAccount:
    armed = tuple((symbol, sells, price) for symbol, sells, price in found.get("a", ()))
    return StoredAccount(found["_id"][_PREFIX:], found["p"], found.get("s", b""), armed)


def _over_older(document: Document, place: str) -> Document:
    """Return the update that puts `document` in place of one whose field `place` is smaller, or of none.

    The condition stands in the update, not in the query: a query by `_id` alone needs no planning, which saves a third
    of the primary's work, and an upsert by it never meets the newer document as a duplicate of its own.
    """
    older = {"$lt": [f"${place}", document[place]]}  # what is missing is less than any number
    replace = {"$replaceWith": {"$cond": [older, {"$literal": document}, "$$ROOT"]}}
    return {"q": {"_id": document["_id"]}, "u": [replace], "upsert": True}


def _chunks(partition: int, accounts: Sequence[StoredAccount]) -> Iterator[list[dict[str, Any]]]:
    updates: list[dict[str, Any]] = []
    size = 0
    for account in accounts:
        document: Document = {"_id": _id(partition, account.user), "p": account.place, "s": account.state}
        if account.armed:
            document |= {"a": account.armed, _ARMED_IN: partition}
        updates.append(_over_older(document, "p"))
        size += len(account.state)
        if size >= STORE_BYTES or len(updates) == STORE_AT_ONCE:
            yield updates
            updates, size = [], 0
    if updates:
        yield updates
