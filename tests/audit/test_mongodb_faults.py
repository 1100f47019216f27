"""Following while the audit set has no majority: nothing counts before it is on one, and nothing is lost or doubled."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from daytrader.audit.follower import AuditBehindError, Follower
from daytrader.audit.mongodb import MongoAuditStore
from daytrader.audit.port import AuditUnavailableError
from daytrader.journal.port import Journal
from tests.audit.journals import PARTITIONS, START, Writer, added
from tests.audit.waits import until
from tests.members import Members, private_set

pytestmark = pytest.mark.xdist_group("frozen members")

BACK_S = 60.0
"""Seconds after which a set that was let go takes writes again, on a busy machine too."""


@pytest.fixture
async def members(tmp_path: Path) -> AsyncIterator[Members]:
    """A set of three members that nobody else uses."""
    async with private_set("frozen-audit", tmp_path / "set") as members:
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

    members.freeze(*await members.others())
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
