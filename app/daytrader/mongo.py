"""MongoDB replica sets: how we connect, and commands that never see less than the ones before them did."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, Literal, TypeVar
from urllib.parse import unquote, urlsplit

import pymongo
from bson.timestamp import Timestamp
from pymongo import AsyncMongoClient
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError, WriteConcernError
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

Document = dict[str, Any]

T = TypeVar("T")

Durability = Literal["majority", "one", "memory"]
"""Before a write counts: on disk on a majority; on disk on the primary; in memory on the primary."""

DATABASE: Final = "daytrader"
"""The database where the URI names none."""

MAJORITY_MS: Final = 2_000
"""How long a write waits for its majority, and a confirmed read for its own, before its outcome is left open."""

TRANSACTION_S: Final = 4.0
"""How many seconds a transaction may take, from finding the primary to its majority."""

SILENCE_MS: Final = 3_000
"""A primary that says nothing for so long is given up; longer than it may itself wait for a majority."""

_WRITE_CONCERNS: Final[dict[Durability, WriteConcern]] = {
    "majority": WriteConcern("majority", wtimeout=MAJORITY_MS, j=True),
    "one": WriteConcern(1, wtimeout=MAJORITY_MS, j=True),
    "memory": WriteConcern(1, wtimeout=MAJORITY_MS, j=False),
}


def database_of(uri: str) -> str:
    """Return the name of the database that the path of `uri` names."""
    return unquote(urlsplit(uri).path.lstrip("/")) or DATABASE


def application(database: str, purpose: str = "serve") -> str:
    """Return the name under which a client shows itself to the servers: a restore looks for services at a database."""
    return f"daytrader {purpose} {database}"


def connect(
    uri: str, durability: Durability = "majority", purpose: str = "serve", ca: str = ""
) -> AsyncDatabase[Document]:
    """Return the database that the path of `uri` names; nothing is sent before its first use.

    `ca` is the CA file by which members are verified where the URI says `tls=true`; empty: the system's CAs.
    Whatever is done with it goes to the primary and ends within about 5 s: 2 s to find the primary, 3 s for its
    answer. Less than a majority is for measuring alone: reads are then local, and may show what is undone later.
    """
    tls: Document = {"tlsCAFile": ca} if ca else {}
    client: AsyncMongoClient[Document] = AsyncMongoClient(
        uri,
        appname=application(database_of(uri), purpose),
        # Nothing is tried twice behind our back, but for a transaction's commit. An insert that the driver repeats
        # after a lost answer comes back as a duplicate of itself, and would be taken for another replica's; and each
        # try costs its time limits anew.
        retryWrites=False,
        retryReads=False,
        serverSelectionTimeoutMS=2_000,
        connectTimeoutMS=2_000,
        waitQueueTimeoutMS=2_000,
        socketTimeoutMS=SILENCE_MS,
        # Members are watched by a stream that must say something this often, else (after the connect time-out on top)
        # the member counts as gone and whoever waits for it is told so: a frozen primary closes no connection.
        heartbeatFrequencyMS=1_000,
        **tls,
    )
    return client.get_default_database(
        DATABASE,
        write_concern=_WRITE_CONCERNS[durability],
        read_concern=ReadConcern("majority" if durability == "majority" else "local"),
    )


def trust_also(database: AsyncDatabase[Document], ca: str) -> None:
    """Verify members by the CA in the file `ca` as well, from the next connection on. Raises OSError.

    The driver reads the file it is given once only, and offers no way to give it another. What its connections are made
    with takes further certificates at any time.
    """
    context = database.client.options.pool_options._ssl_context
    if context is not None:
        context.load_verify_locations(ca)


class Primary:
    """Commands on the primary of a set, in causal order.

    A majority read alone may go back in time: a member that has just become primary holds all that was acknowledged,
    but may not know yet that a majority has it. So every read names the newest moment that an earlier command of this
    object was told of, and waits (2 s at the most) until the primary can show it. All methods raise PyMongoError.
    """

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self.database = database
        self._seen: Timestamp | None = None
        self._write_concern = database.write_concern.document
        self._level = database.read_concern.level
        self._confirmed_level = "linearizable" if self._level == "majority" else self._level

    async def command(self, command: Document) -> Document:
        """Send a command; a cancelling meanwhile is not lost."""
        return await _keeping_cancellation(self.database.command(command))

    async def write(self, command: Mapping[str, Any]) -> Document:
        """Send a write command, and return the reply with its `writeErrors` and `writeConcernError`, if any."""
        reply = await self.command({**command, "writeConcern": self._write_concern})
        if "writeConcernError" not in reply:
            self._saw(reply.get("operationTime"))
        return reply

    async def must_write(self, command: Mapping[str, Any], allowed: frozenset[int] = frozenset()) -> Document:
        """Send a write command that must be durable when this returns; errors of single documents may be of the
        `allowed` codes.
        """
        reply = await self.write(command)
        _raise_first(reply, allowed)
        return reply

    async def must_write_in_transaction(self, command: Mapping[str, Any]) -> None:
        """Send a write command in a MongoDB transaction: all of it takes effect, durable when this returns, or nothing.

        Its many documents are one entry of the members' log: half the work of as many single ones. Where it meets a
        document of another transaction under way it is begun anew, for half of TRANSACTION_S at the most; one that is
        left alone by whoever began it is given up by the servers after `transactionLifetimeLimitSeconds`: 5 where
        members are ours, 60 otherwise. The driver tries a commit as often as the time allows, which is safe; all of it
        ends within TRANSACTION_S.
        """
        with pymongo.timeout(TRANSACTION_S):
            await _keeping_cancellation(self._until_no_conflict(command))

    async def _until_no_conflict(self, command: Mapping[str, Any]) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + TRANSACTION_S / 2
        while True:
            try:
                return await self._in_transaction(command)
            except PyMongoError as error:
                if loop.time() >= until or not error.has_error_label("TransientTransactionError"):
                    raise
            await asyncio.sleep(random.uniform(0.005, 0.05))

    async def _in_transaction(self, command: Mapping[str, Any]) -> None:
        async with self.database.client.start_session(causal_consistency=False) as session:
            concern = self.database.write_concern
            async with await session.start_transaction(write_concern=concern):
                with pymongo.timeout(TRANSACTION_S / 2):  # so that there is time to commit, or to give up in order
                    reply = await self.database.command(dict(command), session=session)
                _raise_first(reply)
            self._saw(session.operation_time)

    async def find(self, command: Mapping[str, Any]) -> list[Document]:
        """Send a `find` for as much as one reply holds (16 MiB)."""
        concern: Document = {"level": self._level}
        if self._seen is not None:
            concern["afterClusterTime"] = self._seen
        reply = await self.command({**command, "singleBatch": True, "readConcern": concern, "maxTimeMS": MAJORITY_MS})
        self._saw(reply.get("operationTime"))
        return _first_batch(reply)

    async def find_confirmed(self, command: Mapping[str, Any]) -> list[Document]:
        """Send a `find` that sees every write acknowledged before it, by whomever.

        The primary asks a majority whether it still is the primary: one that was cut off cannot answer.
        """
        concern = {"level": self._confirmed_level}
        reply = await self.command({**command, "singleBatch": True, "readConcern": concern, "maxTimeMS": MAJORITY_MS})
        self._saw(reply.get("operationTime"))
        return _first_batch(reply)

    @asynccontextmanager
    async def cursors(self, collection: str) -> AsyncIterator[tuple[AsyncCollection[Document], AsyncClientSession]]:
        """The collection and the session for reading more than one reply holds."""
        async with self.database.client.start_session(causal_consistency=True) as session:
            if self._seen is not None:
                session.advance_operation_time(self._seen)
            yield self.database[collection], session
            self._saw(session.operation_time)

    def _saw(self, moment: Timestamp | None) -> None:
        if moment is not None and (self._seen is None or moment > self._seen):
            self._seen = moment


async def _keeping_cancellation(answer: Awaitable[T]) -> T:
    """Await what the driver does, and be cancelled where that was asked for meanwhile.

    The driver waits by `asyncio.wait_for`, which before Python 3.12 forgets that it was cancelled where an answer or
    an error came in the same moment: whoever then goes on in a loop would never end.
    """
    task = asyncio.current_task()
    cancelled = task.cancelling() if task is not None else 0
    try:
        return await answer
    finally:
        if task is not None and task.cancelling() > cancelled:
            raise asyncio.CancelledError


def _raise_first(reply: Document, allowed: frozenset[int] = frozenset()) -> None:
    """Raise WriteConcernError where a write found no majority, or for a document whose error is not `allowed`."""
    lost = reply.get("writeConcernError")
    errors = [lost] if lost else [e for e in reply.get("writeErrors", ()) if e["code"] not in allowed]
    if errors:
        raise WriteConcernError(errors[0].get("errmsg"), errors[0].get("code"), reply)


def _first_batch(reply: Document) -> list[Document]:
    batch: list[Document] = reply["cursor"]["firstBatch"]
    return batch
