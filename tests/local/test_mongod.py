"""Local replica sets of real members."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pymongo import AsyncMongoClient, WriteConcern
from pymongo.errors import OperationFailure

from daytrader.local.formation import NotFormed
from daytrader.local.members import MemberState, member_states
from daytrader.local.mongod import MongoSet
from daytrader.local.supervisor import Supervisor
from tests.local.conftest import Words

Client = AsyncMongoClient[dict[str, Any]]

_DURABLE = WriteConcern("majority", j=True, wtimeout=20_000)


@asynccontextmanager
async def _running(words: Words, *sets: MongoSet) -> AsyncIterator[Supervisor]:
    async with Supervisor(words) as supervisor:
        await supervisor.start(*(program for members in sets for program in members.programs))
        await asyncio.gather(*(members.form() for members in sets))
        yield supervisor


def _client(members: MongoSet, within_ms: int = 20_000) -> Client:
    return AsyncMongoClient(members.uri, serverSelectionTimeoutMS=within_ms, socketTimeoutMS=20_000)


async def _states(client: Client, wanted: Sequence[str]) -> tuple[MemberState, ...]:
    """The members' states, once they are the wanted ones in any order."""
    async with asyncio.timeout(40):
        while True:
            states = await member_states(client)
            if sorted(member.state for member in states) == sorted(wanted):
                return states
            await asyncio.sleep(0.05)


async def test_three_members_and_a_second_start(tmp_path: Path, words: Words) -> None:
    """A set of three takes durable writes, and started again on its directory it is the same set with the same data."""
    members = MongoSet("data", tmp_path / "data")
    async with _running(words, members), _client(members) as client:
        states = await _states(client, ["PRIMARY", "SECONDARY", "SECONDARY"])
        assert tuple(member.address for member in states) == members.hosts
        await client.daytrader.get_collection("journal", write_concern=_DURABLE).insert_one({"_id": 1})
    again = MongoSet("data", tmp_path / "data")
    assert again.uri == members.uri
    async with _running(words, again), _client(again) as client:
        assert await client.daytrader.journal.find_one() == {"_id": 1}
    assert words.said == []


async def test_only_those_who_may(tmp_path: Path, words: Words) -> None:
    """Nobody gets in without a password, not even from this machine, and the user has only its own database."""
    members = MongoSet("data", tmp_path, members=1)
    async with _running(words, members), _client(members) as client:
        async with AsyncMongoClient[dict[str, Any]](members.hosts[0], directConnection=True) as stranger:
            with pytest.raises(OperationFailure, match="requires authentication"):
                await stranger.admin.command("createUser", "me", pwd="me", roles=["root"])
        with pytest.raises(OperationFailure, match="not authorized"):
            await client.elsewhere.journal.insert_one({})
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "keyfile", tmp_path / "password")} == {0o600}


async def test_a_set_for_any_database(tmp_path: Path, words: Words) -> None:
    """The user of a set made so may write anywhere."""
    members = MongoSet("data", tmp_path, members=1, any_database=True)
    async with _running(words, members), _client(members) as client:
        await client.elsewhere.journal.insert_one({})
        assert await member_states(client) == (MemberState(members.hosts[0], "PRIMARY", 0),)


async def test_two_sets_at_the_same_time(tmp_path: Path, words: Words) -> None:
    """Sets form side by side and know nothing of each other."""
    data, audit = MongoSet("data", tmp_path / "data", members=1), MongoSet("audit", tmp_path / "audit", members=1)
    async with _running(words, data, audit), _client(data) as one, _client(audit) as other:
        await one.daytrader.journal.insert_one({})
        assert await other.daytrader.journal.count_documents({}) == 0


async def test_the_primary_is_killed(tmp_path: Path, words: Words) -> None:
    """What a majority has is kept when the primary is killed; another takes over and the dead one comes back."""
    members = MongoSet("data", tmp_path)
    async with _running(words, members) as supervisor, _client(members) as client:
        journal = client.daytrader.get_collection("journal", write_concern=_DURABLE)
        await journal.insert_one({"_id": 1})
        states = await _states(client, ["PRIMARY", "SECONDARY", "SECONDARY"])
        primary = next(number for number, member in enumerate(states) if member.state == "PRIMARY")
        pid = supervisor.standings()[primary].pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await words.hear(f"data-{primary} died with signal 9 (SIGKILL); started again, attempt 1")
        await journal.insert_one({"_id": 2})
        await _states(client, ["PRIMARY", "SECONDARY", "SECONDARY"])
        assert [entry["_id"] async for entry in journal.find(sort=[("_id", 1)])] == [1, 2]


async def test_a_set_is_formed_when_all_read_from_its_primary(tmp_path: Path, words: Words) -> None:
    """After an election forming returns when both secondaries read from the primary, not when they may begin to."""
    members = MongoSet("data", tmp_path)
    async with _running(words, members) as supervisor, _client(members) as client:
        for _ in range(2):
            states = await _states(client, ["PRIMARY", "SECONDARY", "SECONDARY"])
            primary = next(member.address for member in states if member.state == "PRIMARY")
            pids = [standing.pid for standing in supervisor.standings()]
            frozen = [pid for pid, member in zip(pids, states, strict=True) if pid and member.state == "SECONDARY"]
            for pid in frozen:
                os.kill(pid, signal.SIGSTOP)
            await _until_it_steps_down(members, primary)
            for pid in frozen:
                os.kill(pid, signal.SIGCONT)
            await members.form()
            sources = [await _source(members, host) for host in members.hosts]
            (primary,) = (host for host, source in zip(members.hosts, sources, strict=True) if not source)
            assert sorted(sources) == ["", primary, primary]


def _alone(members: MongoSet, host: str) -> Client:
    return AsyncMongoClient(members.uri.replace(",".join(members.hosts), host) + "&directConnection=true")


async def _until_it_steps_down(members: MongoSet, primary: str) -> None:
    """Wait until a primary that has lost its majority has noticed."""
    async with _alone(members, primary) as client, asyncio.timeout(40):
        while (await client.admin.command("hello"))["isWritablePrimary"]:  # noqa: ASYNC110  it tells nobody by itself
            await asyncio.sleep(0.05)


async def _source(members: MongoSet, host: str) -> str:
    """Whom a member reads from; nobody, if it is the primary."""
    async with _alone(members, host) as client:
        source: str = (await client.admin.command("replSetGetStatus"))["syncSourceHost"]
        return source


async def test_members_that_are_away(tmp_path: Path, words: Words) -> None:
    """A held member is unreachable, the others go on; without a majority there is no primary; at last all are away."""
    members = MongoSet("data", tmp_path)
    # A client that is closed while its set is down waits that long for a member to tell.
    async with _running(words, members) as supervisor, _client(members, within_ms=2_000) as client:
        await _states(client, ["PRIMARY", "SECONDARY", "SECONDARY"])
        await supervisor.hold("data-2")
        states = await _states(client, ["PRIMARY", "SECONDARY", "unreachable"])
        assert states[2] == MemberState(members.hosts[2], "unreachable", None)
        await client.daytrader.get_collection("journal", write_concern=_DURABLE).insert_one({})
        await supervisor.hold("data-1")
        await _states(client, ["SECONDARY", "unreachable", "unreachable"])
        await supervisor.hold("data-0")
        assert [member.state for member in await member_states(client, within_s=1)] == ["unreachable"] * 3


async def test_data_of_another_shape_is_left_alone(tmp_path: Path, words: Words) -> None:
    """A directory that holds a set of one member is not silently made into one of three."""
    async with _running(words, MongoSet("data", tmp_path, members=1)):
        pass
    with pytest.raises(NotFormed, match="start it as it was, or choose another data directory"):
        async with _running(words, MongoSet("data", tmp_path, members=3)):
            pass


async def test_a_set_that_cannot_be_formed(tmp_path: Path) -> None:
    """Members that do not run are reported after the time limit."""
    with pytest.raises(NotFormed, match=r"replica set data was not whole within 0\.2 s"):
        await MongoSet("data", tmp_path).form(within_s=0.2)
