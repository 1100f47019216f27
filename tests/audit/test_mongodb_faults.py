"""Following while the audit set has no majority: nothing counts before it is on one, and nothing is lost or doubled."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from daytrader.audit.follower import AuditBehindError, Follower
from daytrader.audit.mongodb import MongoAuditStore
from daytrader.audit.port import AuditUnavailableError
from daytrader.journal.port import Journal
from daytrader.local.mongod import MongoSet
from daytrader.local.supervisor import Supervisor
from daytrader.mongo import connect
from tests.audit.journals import PARTITIONS, START, Writer, added
from tests.audit.waits import until

pytestmark = pytest.mark.xdist_group("frozen members")

BACK_S = 60.0
"""Seconds after which a set that was let go takes writes again, on a busy machine too."""


class Members:
    """A private set whose secondaries can be frozen."""

    def __init__(self, members: MongoSet, supervisor: Supervisor) -> None:
        self._set = members
        self._supervisor = supervisor
        self.uri = members.uri

    async def freeze_secondaries(self) -> None:
        """Stop them as a hanging machine would: connections stay open, nothing is answered."""
        database = connect(self.uri)
        primary = (await database.command("hello"))["primary"]
        await database.client.close()
        self._signal(signal.SIGSTOP, [host for host in self._set.hosts if host != primary])

    async def thaw(self) -> None:
        """Let all go on, and wait until they are a whole set again."""
        self._signal(signal.SIGCONT, list(self._set.hosts))
        await self._set.form()

    def _signal(self, number: signal.Signals, hosts: list[str]) -> None:
        for host, standing in zip(self._set.hosts, self._supervisor.standings(), strict=True):
            if host in hosts:
                assert standing.pid is not None
                os.kill(standing.pid, number)


@pytest.fixture
async def members(tmp_path: Path) -> AsyncIterator[Members]:
    """A set of three members that nobody else uses."""
    mongo_set = MongoSet("frozen-audit", tmp_path / "set", any_database=True)
    async with Supervisor(lambda _: None) as supervisor:
        await supervisor.start(*mongo_set.programs)
        await mongo_set.form()
        members = Members(mongo_set, supervisor)
        yield members
        await members.thaw()


async def test_following_goes_on_when_the_audit_set_has_a_majority_again(
    members: Members, journal: Journal, writer: Writer
) -> None:
    """Without a majority the trouble is named and no dump begins; afterwards every entry is there, once."""
    store = MongoAuditStore(members.uri)
    follower = Follower(journal, store, PARTITIONS, lambda: START)
    task = asyncio.create_task(follower.run())
    await writer.put(added("ann", 1), added("bob", 1))
    await follower.passed(writer.heads, BACK_S)

    await members.freeze_secondaries()
    await writer.put(added("ann", 2), added("bob", 2))
    await until(lambda: "the audit set did not do what it was asked" in follower.trouble)
    with pytest.raises(AuditBehindError, match="the audit set did not do what it was asked"):
        await follower.passed(writer.heads, 0.05)
    with pytest.raises(AuditUnavailableError):
        await store.store(writer.entries)

    await members.thaw()
    await writer.put(added("ann", 3), added("bob", 3))
    await follower.passed(writer.heads, BACK_S)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    for partition, head in writer.heads.items():
        assert await store.read(partition, 0, head, 100) == [e for e in writer.entries if e.partition == partition]
    await store.close()
