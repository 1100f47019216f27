"""Connecting to a replica set, and the causal order of commands."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pymongo import AsyncMongoClient, monitoring
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError, WriteConcernError
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from daytrader.mongo import Document, Durability, Primary, connect


class Sent(monitoring.CommandListener):
    """Notes the commands that a client sends, and the operation time of each answer."""

    def __init__(self) -> None:
        self.commands: list[dict[str, Any]] = []
        self.moments: list[Any] = []

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        self.commands.append(dict(event.command))

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        self.moments.append(event.reply.get("operationTime"))

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        raise AssertionError(f"{event.command_name} failed: {event.failure}")


@pytest.fixture
def sent() -> Sent:
    """What goes over the connection."""
    return Sent()


@pytest.fixture
async def primary(mongo_set: str, sent: Sent) -> AsyncIterator[Primary]:
    """Commands on an empty database of one's own."""
    client: AsyncMongoClient[Document] = AsyncMongoClient(mongo_set, event_listeners=[sent])
    name = f"test_{secrets.token_hex(6)}"
    database = client.get_database(
        name, write_concern=WriteConcern("majority", j=True, wtimeout=2_000), read_concern=ReadConcern("majority")
    )
    yield Primary(database)
    await client[name]["things"].drop()
    await client.close()


async def close(database: AsyncDatabase[Document]) -> None:
    await database.client.close()


async def test_path_of_the_uri_names_the_database() -> None:
    """The database is the one in the URI's path, and `daytrader` where it names none."""
    named, unnamed = connect("mongodb://127.0.0.1/trading"), connect("mongodb://127.0.0.1/?replicaSet=data")
    assert (named.name, unnamed.name) == ("trading", "daytrader")
    await close(named)
    await close(unnamed)


@pytest.mark.parametrize(
    ("durability", "write_concern", "level"),
    [
        ("majority", {"w": "majority", "j": True, "wtimeout": 2_000}, "majority"),
        ("one", {"w": 1, "j": True, "wtimeout": 2_000}, "local"),
        ("memory", {"w": 1, "j": False, "wtimeout": 2_000}, "local"),
    ],
)
async def test_durability_says_what_a_write_waits_for(
    durability: Durability, write_concern: Document, level: str
) -> None:
    """A majority on disk, the primary's disk, or its memory; only the first can be read back from a majority."""
    database = connect("mongodb://127.0.0.1", durability)
    assert database.write_concern.document == write_concern
    assert database.read_concern.level == level
    await close(database)


async def test_driver_tries_nothing_twice() -> None:
    """An insert repeated by the driver would be refused as a duplicate of itself."""
    database = connect("mongodb://127.0.0.1/?retryWrites=true")
    assert (database.client.options.retry_writes, database.client.options.retry_reads) == (False, False)
    await close(database)


async def test_reads_see_at_least_what_was_seen_before(primary: Primary, sent: Sent) -> None:
    """Each read, through a command or a cursor, asks for the newest moment that an earlier answer named."""
    await primary.must_write({"insert": "things", "documents": [{"_id": 1}]})
    assert await primary.find({"find": "things", "filter": {}}) == [{"_id": 1}]
    written, read = sent.moments[-2:]
    assert sent.commands[-1]["readConcern"] == {"level": "majority", "afterClusterTime": written}
    async with primary.cursors("things") as (collection, session):
        assert await collection.find({}, session=session).to_list() == [{"_id": 1}]
    assert sent.commands[-1]["readConcern"] == {"level": "majority", "afterClusterTime": read}
    assert read >= written


async def test_confirmed_reads_are_linearizable(primary: Primary, sent: Sent) -> None:
    """A confirmed read makes the primary ask a majority whether it still is the primary."""
    await primary.must_write({"insert": "things", "documents": [{"_id": 1}]})
    assert await primary.find_confirmed({"find": "things", "filter": {"_id": 1}}) == [{"_id": 1}]
    assert sent.commands[-1]["readConcern"] == {"level": "linearizable"}
    assert sent.commands[-1]["maxTimeMS"] == 2_000


async def test_every_write_states_its_concern(primary: Primary, sent: Sent) -> None:
    """Majority and journal are in the command, whatever the server's default is."""
    await primary.write({"insert": "things", "documents": [{"_id": 1}]})
    assert sent.commands[-1]["writeConcern"] == {"w": "majority", "j": True, "wtimeout": 2_000}


async def test_a_transaction_is_committed_on_a_majority(primary: Primary, sent: Sent) -> None:
    """The commit says majority and journal, also where nothing changed; an error of one document undoes them all."""
    same = {"update": "things", "updates": [{"q": {"_id": 1}, "u": {"$max": {"n": 1}}, "upsert": True}]}
    for _ in range(2):
        await primary.must_write_in_transaction(same)
        assert "commitTransaction" in sent.commands[-1]
        assert sent.commands[-1]["writeConcern"] == {"w": "majority", "j": True}
    with pytest.raises(WriteConcernError, match="duplicate key"):
        await primary.must_write_in_transaction({"insert": "things", "documents": [{"_id": 2}, {"_id": 1}]})
    assert "abortTransaction" in sent.commands[-1]
    assert [found["_id"] for found in await primary.find({"find": "things"})] == [1]


async def test_write_that_must_be_durable_raises_what_is_not_allowed(primary: Primary) -> None:
    """An error of one document is raised, unless its code is among the allowed."""
    one = {"insert": "things", "documents": [{"_id": 1}]}
    await primary.must_write(one)
    with pytest.raises(WriteConcernError, match="duplicate key"):
        await primary.must_write(one)
    reply = await primary.must_write(one, frozenset({11000}))
    assert reply["n"] == 0


@pytest.mark.parametrize("error", [None, PyMongoError("as well")])
async def test_no_command_forgets_that_it_was_cancelled(
    primary: Primary, monkeypatch: pytest.MonkeyPatch, error: PyMongoError | None
) -> None:
    """A cancelling that comes with the answer, or with an error, ends whoever asked, as one before it does."""
    command = primary.database.command

    async def cancelled_with_the_answer(*args: Any) -> Any:
        reply = await command(*args)
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(0)
        if error is not None:
            raise error
        return reply

    monkeypatch.setattr(primary.database, "command", cancelled_with_the_answer)
    asking = asyncio.create_task(primary.find({"find": "things"}))
    await asyncio.wait([asking])
    assert asking.cancelled()
