"""What is MongoDB's alone: indexes, replies to an insert, durabilities, silence."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from daytrader.journal.mongodb import ENTRIES, MongoJournal, fates, following, sure_skew
from daytrader.journal.port import Fate, JournalUnavailableError
from daytrader.mongo import Document, Durability, connect
from tests.journal.stores import PARTITIONS, account, entry, let_go, own_database

DURABLE, TAKEN, UNSETTLED = Fate.DURABLE, Fate.TAKEN, Fate.UNSETTLED


@pytest.fixture
async def uri(mongo_set: str) -> AsyncIterator[str]:
    """The URI of a database of one's own, gone afterwards."""
    uri = own_database(mongo_set)
    yield uri
    cleaner = MongoJournal(uri)
    await cleaner.accounts.clear()
    await cleaner.clear()
    await cleaner.close()


@pytest.fixture
async def journal(uri: str) -> AsyncIterator[MongoJournal]:
    """An open, empty journal."""
    journal = MongoJournal(uri)
    await journal.open(PARTITIONS)
    yield journal
    await journal.close()


async def explained(uri: str, find: Document) -> Document:
    """What the server did for a find: its stages by name, and the keys and documents that it looked at."""
    database = connect(uri)
    find = {**find, "filter": {**find["filter"]}}
    answer = await database.command({"explain": find, "verbosity": "executionStats"})
    await database.client.close()
    stages: list[str] = []

    def collect(stage: dict[str, Any]) -> None:
        stages.append(stage["stage"])
        for inner in [stage.get("inputStage"), *stage.get("inputStages", ())]:
            if inner:
                collect(inner)

    stats = answer["executionStats"]
    collect(stats["executionStages"])
    return {"stages": set(stages), "keys": stats["totalKeysExamined"], "documents": stats["totalDocsExamined"]}


class TestIndexes:
    async def test_reading_all_partitions_looks_at_nothing_but_what_it_returns(
        self, journal: MongoJournal, uri: str
    ) -> None:
        """The query over 16 partitions scans one index range a partition, not the collection."""
        for n in range(1, 31):
            await journal.append([entry(partition, n) for partition in range(16)])
        did = await explained(uri, following(dict.fromkeys(range(16), 28), 500))
        assert "COLLSCAN" not in did["stages"]
        assert "SORT" not in did["stages"]
        assert did["documents"] == 32
        assert did["keys"] <= 32 + 2 * 16

    async def test_armed_accounts_have_an_index_of_their_own(self, journal: MongoJournal, uri: str) -> None:
        """Looking for armed accounts looks at no other account."""
        store = journal.accounts
        await store.store(1, [account(f"quiet{number}", 1) for number in range(200)])
        await store.store(1, [account("alice", 1, armed=1), account("bob", 1, armed=2)])
        await store.store(2, [account("carol", 1, armed=1)])
        did = await explained(uri, {"find": "accounts", "filter": {"armed_in": 1}})
        assert (did["keys"], did["documents"]) == (2, 2)


class TestFates:
    def test_reply_without_errors_makes_all_durable(self) -> None:
        """An insert that the server did as a whole is durable."""
        assert fates({"ok": 1, "n": 3}, 3) == [DURABLE] * 3

    def test_only_a_duplicate_key_is_taken(self) -> None:
        """Any other error of one entry leaves that entry unsettled, and no other."""
        errors = [{"index": 0, "code": 11000, "errmsg": "dup"}, {"index": 2, "code": 112, "errmsg": "conflict"}]
        assert fates({"ok": 1, "n": 2, "writeErrors": errors}, 4) == [TAKEN, DURABLE, UNSETTLED, DURABLE]

    def test_missing_majority_unsettles_all_that_is_not_taken(self) -> None:
        """A write concern error leaves open what was inserted; what was refused stays refused."""
        reply = {
            "ok": 1,
            "n": 1,
            "writeErrors": [{"index": 1, "code": 11000, "errmsg": "dup"}],
            "writeConcernError": {"code": 64, "errmsg": "waiting for replication timed out"},
        }
        assert fates(reply, 2) == [UNSETTLED, TAKEN]

    def test_server_that_stopped_half_way_unsettles_the_rest(self) -> None:
        """Where the reply does not account for every entry, nobody knows which ones are in."""
        errors = [{"index": 0, "code": 11000, "errmsg": "dup"}]
        assert fates({"ok": 1, "n": 1, "writeErrors": errors}, 4) == [TAKEN, UNSETTLED, UNSETTLED, UNSETTLED]

    async def test_entry_that_the_server_refuses_for_another_reason_is_unsettled(self, uri: str) -> None:
        """An error that is no duplicate key says nothing about who has the place; the others are durable."""
        database = connect(uri)
        await database.command({"create": ENTRIES, "validator": {"s": {"$ne": "replica-1"}}})
        await database.client.close()
        journal = MongoJournal(uri)
        await journal.open(PARTITIONS)
        other = entry(1, 1)
        ours = type(other)(1, 1, "ours", 1, 1, other.time, "replica-2", other.records)
        assert await journal.append([entry(0, 1), ours]) == [UNSETTLED, DURABLE]
        await journal.close()


@pytest.mark.parametrize("durability", ["one", "memory"])
async def test_lower_durabilities_keep_what_they_are_given(uri: str, durability: Durability) -> None:
    """With less than a majority everything works the same, for measuring what the majority costs."""
    journal = MongoJournal(uri, durability)
    await journal.open(PARTITIONS)
    assert await journal.append([entry(0, 1), entry(1, 1)]) == [DURABLE, DURABLE]
    assert await journal.append([entry(0, 1)]) == [TAKEN]
    assert await journal.read_all({0: 0, 1: 0}, 10) == [entry(0, 1), entry(1, 1)]
    assert await journal.outdated({0: 0, 1: 1}) == {0}
    await journal.accounts.store(0, [account("alice", 1)])
    assert await journal.accounts.load(0, ["alice"]) == {"alice": account("alice", 1)}
    await journal.trim(0, 1)
    assert await journal.mark(0) == 1
    await journal.close()


@pytest.mark.parametrize(
    ("asked", "theirs", "answered", "skew"),
    [(10.0, 10.5, 11.0, 0), (10.0, 12.5, 11.0, 1_500), (10.0, 7.75, 11.0, -2_250), (10.0, 10.0, 10.0, 0)],
)
def test_skew_counts_only_what_is_sure(asked: float, theirs: float, answered: float, skew: int) -> None:
    """A time that the answer's way can explain is no skew; beyond it, the sign says who is ahead."""
    assert sure_skew(asked, theirs, answered) == skew


class TestSilence:
    """A server that accepts connections and says nothing, and none at all."""

    @pytest.fixture(params=["silent", "absent"])
    async def nobody(self, request: pytest.FixtureRequest) -> AsyncIterator[MongoJournal]:
        """A journal whose set does not answer."""

        async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.close()

        server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        if request.param == "absent":
            server.close()
            await server.wait_closed()
        journal = MongoJournal(f"mongodb://127.0.0.1:{port}/?replicaSet=nobody")
        yield journal
        await let_go(journal)
        server.close()

    async def test_append_is_unsettled_within_its_time(self, nobody: MongoJournal) -> None:
        """An append to nobody ends within 5 s, and everything in it is unsettled."""
        async with asyncio.timeout(5):
            assert await nobody.append([entry(0, 1), entry(1, 1)]) == [UNSETTLED] * 2

    async def test_everything_else_is_unavailable_within_its_time(self, nobody: MongoJournal) -> None:
        """Every other question to nobody raises within 5 s, and says what to look at."""
        store = nobody.accounts
        questions = [
            nobody.open(PARTITIONS),
            nobody.read(0, 0, 1),
            nobody.read_all({0: 0}, 1),
            nobody.outdated({0: 0}),
            nobody.mark(0),
            nobody.trim(0, 1),
            nobody.audited(0),
            nobody.set_audited({0: 1}),
            nobody.clock_skew(),
            nobody.size(),
            nobody.clear(),
            store.load(0, ["alice"]),
            store.store(0, [account("alice", 1)]),
            store.users(0),
            store.checkpoint(0),
            store.clear(),
        ]
        async with asyncio.timeout(5):
            answers = await asyncio.gather(*questions, return_exceptions=True)
        assert {type(answer) for answer in answers} == {JournalUnavailableError}
        assert "daytrader status" in str(answers[0])

    async def test_health_says_so(self, nobody: MongoJournal) -> None:
        """The members of a set that does not answer are named, and what that means."""
        async with asyncio.timeout(5):
            parts = await nobody.health()
        assert [(part.ok, "nothing can be read or written" in part.says) for part in parts] == [(False, True)]
        assert parts[0].name.startswith("data set member 127.0.0.1:")
