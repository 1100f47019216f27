"""Backups and restores while the primary is killed."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from daytrader.backup import documents, reading
from daytrader.backup import restore as restoring
from daytrader.backup.documents import DocumentFile
from daytrader.backup.manifest import ACCOUNTS
from daytrader.backup.restore import restore
from daytrader.backup.take import Taking
from daytrader.journal.mongodb import MongoJournal
from daytrader.settings import Settings
from tests.backup.conftest import unseen
from tests.backup.installation import PARTITIONS
from tests.journal.stores import account, entry, own_database
from tests.members import Members, private_set

USERS = 2_000

pytestmark = [pytest.mark.timeout(400), pytest.mark.xdist_group("lost primary")]


def installation(members: Members) -> Settings:
    """The settings of an installation in databases of its own."""
    uris = (own_database(members.uri), own_database(members.uri))
    return Settings(partitions=PARTITIONS, data_uri=uris[0], audit_uri=uris[1])


@pytest.fixture
async def members(tmp_path: Path) -> AsyncIterator[Members]:
    """A set of three members that nobody else uses."""
    async with private_set("lost", tmp_path / "set") as members:
        yield members


async def test_a_primary_that_is_lost_costs_time_and_nothing_else(
    members: Members, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The backup goes on with the next primary, as the restore does; every account is there once, as it was."""
    source, target = installation(members), installation(members)
    accounts = [account(f"user{number:04d}", 1, state=os.urandom(300)) for number in range(USERS)]
    journal = MongoJournal(source.data_uri)
    await journal.open(PARTITIONS)
    await journal.append([entry(0, 1)])
    await journal.accounts.store(0, accounts)
    await journal.close()

    killed: list[str] = []
    write, insert = Taking._write, restoring._insert

    async def kill_once(when: str) -> None:
        if when not in killed:
            killed.append(when)
            await members.kill_primary()

    async def write_and_kill(self: Taking, file: DocumentFile, *rest: object) -> None:
        await write(self, file, *rest)  # type: ignore[arg-type]
        await kill_once("backup")

    async def kill_and_insert(*what: object) -> None:
        await kill_once("restore")
        await insert(*what)  # type: ignore[arg-type]

    monkeypatch.setattr(reading, "BATCH", 300)
    monkeypatch.setattr(Taking, "_write", write_and_kill)
    path, taken = await Taking(source, unseen).into(directory)
    assert taken.documents(ACCOUNTS) == USERS
    assert [found["_id"][6:] for found in documents.read(path / ACCOUNTS)] == [each.user for each in accounts]

    monkeypatch.setattr(restoring, "_insert", kill_and_insert)
    await restore(path, target, unseen)
    assert killed == ["backup", "restore"]
    journal = MongoJournal(target.data_uri)
    await journal.open(PARTITIONS)
    users = [each.user for each in accounts]
    assert await journal.accounts.load(0, users) == {each.user: each for each in accounts}
    await journal.close()
