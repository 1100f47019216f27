"""Restoring: what is checked first, into what, and what becomes of a restore that is broken off."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from daytrader.auth.identity import Identity
from daytrader.auth.mongodb import MongoAuthStore
from daytrader.auth.token import new_text, stored
from daytrader.backup import manifest, target
from daytrader.backup import restore as module
from daytrader.backup.directory import backups, prune
from daytrader.backup.manifest import ACCOUNTS, AUDIT, JOURNAL, MANIFEST, MANIFEST_SUM, BackupError
from daytrader.backup.restore import restore
from daytrader.backup.take import Taking
from daytrader.journal.entry import partition_of
from daytrader.journal.mongodb import MongoJournal
from daytrader.journal.port import JournalUnavailableError
from daytrader.settings import Settings
from tests.backup.conftest import NewInstallation, unseen
from tests.backup.installation import PARTITIONS, trading

HOME = partition_of("alice", PARTITIONS)


@pytest.fixture
async def backup(settings: Settings, directory: Path) -> Path:
    """A backup of an installation in which alice has 3.00, of which 2.00 are in the stored account."""
    async with trading(settings) as system:
        await system.accepted("ADD", userid="alice", amount="2.00")
        await system.checkpoint()
        await system.accepted("ADD", userid="alice", amount="1.00")
        await system.accepted("DUMPLOG", userid="alice", filename="log")  # until the audit store has it all
        path, _ = await Taking(settings, unseen).into(directory)
    return path


@asynccontextmanager
async def auth_store(settings: Settings) -> AsyncIterator[MongoAuthStore]:
    """The identities and tokens of the installation that has these settings."""
    store = MongoAuthStore(settings.data_uri)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


async def cents(settings: Settings, user: str = "alice") -> int:
    """Start the services, and return how much the user has."""
    async with trading(settings) as system:
        summary = await system.accepted("DISPLAY_SUMMARY", userid=user)
    return int(json.loads(summary)["cents"])


async def is_closed(settings: Settings) -> bool:
    """Whether no service may open the journal."""
    journal = MongoJournal(settings.data_uri)
    try:
        await journal.open(PARTITIONS)
    except JournalUnavailableError as error:
        return "a backup is being restored" in str(error)
    finally:
        await journal.close()
    return False


async def test_accounts_are_as_they_were(backup: Path, new_installation: NewInstallation) -> None:
    """Stored accounts and what the journal tells beyond them come together, and trading goes on from there."""
    empty = new_installation()
    await restore(backup, empty, unseen)
    async with trading(empty) as system:
        await system.accepted("ADD", userid="alice", amount="4.00")
    assert await cents(empty) == 700


async def test_a_command_that_is_sent_again_is_known(
    settings: Settings, directory: Path, new_installation: NewInstallation
) -> None:
    """The windows of request ids are in the backup: what was acknowledged before is not done twice after it."""
    empty = new_installation()
    async with trading(settings) as system:
        await system.accepted("ADD", userid="alice", amount="2.00", key="one")
        await system.checkpoint()
        await system.accepted("ADD", userid="alice", amount="1.00", key="two")
        path, _ = await Taking(settings, unseen).into(directory)
    await restore(path, empty, unseen)
    async with trading(empty) as system:
        await system.accepted("ADD", userid="alice", amount="2.00", key="one")
        await system.accepted("ADD", userid="alice", amount="1.00", key="two")
    assert await cents(empty) == 300


async def test_an_installation_that_was_started_but_not_used_is_empty(
    backup: Path, new_installation: NewInstallation
) -> None:
    """Its services have fixed the number of partitions, and stored nothing else."""
    started = new_installation()
    async with trading(started):
        pass
    await restore(backup, started, unseen)
    assert await cents(started) == 300


@pytest.mark.parametrize("name", [ACCOUNTS, JOURNAL, AUDIT, MANIFEST, MANIFEST_SUM])
async def test_a_flipped_byte_is_refused_by_name(backup: Path, new_installation: NewInstallation, name: str) -> None:
    """In whichever file it is; and nothing was written by then."""
    path = backup / name
    flip(path)
    empty = new_installation()
    with pytest.raises(BackupError, match="manifest" if name == MANIFEST_SUM else name):
        await restore(backup, empty, unseen)
    assert not await is_closed(empty)


def flip(path: Path) -> None:
    """Change a byte in the middle."""
    whole = bytearray(path.read_bytes())
    whole[len(whole) // 2] ^= 0x20
    path.write_bytes(whole)


async def test_an_installation_that_traded_is_refused(backup: Path, new_installation: NewInstallation) -> None:
    """One command is enough; it stays as it is."""
    used = new_installation()
    async with trading(used) as system:
        await system.accepted("ADD", userid="bob", amount="9.00")
    with pytest.raises(BackupError, match="this installation is not empty: its collection entries holds something"):
        await restore(backup, used, unseen)
    assert await cents(used, "bob") == 900


async def test_another_number_of_partitions_is_refused(backup: Path, new_installation: NewInstallation) -> None:
    """Accounts stand in partitions: the services must have as many."""
    other = Settings(data_uri=new_installation().data_uri, audit_uri=new_installation().audit_uri, partitions=16)
    with pytest.raises(BackupError, match=r"made with 4 partitions, and DAYTRADER_PARTITIONS says 16: set it to 4"):
        await restore(backup, other, unseen)


async def test_web_replicas_that_look_up_tokens_may_go_on(
    backup: Path, new_installation: NewInstallation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of identities and tokens a restore only adds those that are not there, and what there is is left as it is."""
    monkeypatch.setattr(target, "STOPPED_WITHIN", 0)
    empty = new_installation()
    web = MongoAuthStore(empty.data_uri)
    token = stored(new_text(), "load", "broker", now=1)
    await web.open()
    await web.add_token(token)
    await restore(backup, empty, unseen)
    assert await web.token(token.id) == token
    await web.close()


async def test_identities_and_tokens_are_restored_beside_those_that_are_there(
    settings: Settings, directory: Path, new_installation: NewInstallation
) -> None:
    """People sign in as before, what was revoked stays so, and a first admin that the new installation made stays."""
    token = stored(new_text(), "load", "broker", now=1)
    gone = stored(new_text(), "old", "broker", now=1)
    async with auth_store(settings) as store:
        for name, password in (("admin", "old hash"), ("alice", "her hash")):
            await store.add(Identity(name=name, role="trader", password=password, created=1, changed=1))
        await store.add_token(token)
        await store.add_token(gone)
        await store.revoke(gone.id, 2)
    async with trading(settings) as system:
        await system.accepted("ADD", userid="alice", amount="2.00")
        await system.accepted("DUMPLOG", userid="alice", filename="log")
    backup, _ = await Taking(settings, unseen).into(directory)
    empty = new_installation()
    first = Identity(name="admin", role="admin", password="new hash", created=3, changed=3)
    async with auth_store(empty) as store:
        await store.add(first)
        await restore(backup, empty, unseen)
        assert await store.identity("admin") == first
        assert [one.password for one in await store.identities()] == ["new hash", "her hash"]
        assert await store.token(token.id) == token
        revoked = await store.token(gone.id)
        assert revoked is not None
        assert revoked.revoked == 2


async def test_a_backup_of_before_there_were_identities_is_restored(
    backup: Path, new_installation: NewInstallation
) -> None:
    """Its manifest does not name their files."""
    taken = manifest.read(backup)
    old = tuple(file for file in taken.files if file.name in (ACCOUNTS, JOURNAL, AUDIT))
    manifest.write(backup, msgspec.structs.replace(taken, files=old))
    empty = new_installation()
    await restore(backup, empty, unseen)
    assert await cents(empty) == 300


async def test_running_services_are_refused(
    backup: Path, new_installation: NewInstallation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A replica that took the journal for empty would go on at entry 1; it is said who is connected to what."""
    monkeypatch.setattr(target, "STOPPED_WITHIN", 0)
    empty = new_installation()
    async with trading(empty) as system:
        with pytest.raises(BackupError, match=r"must be stopped first, connected are to the data set: .*\(serve\)"):
            await restore(backup, empty, unseen)
        await system.accepted("ADD", userid="bob", amount="9.00")
    assert await cents(empty, "bob") == 900


async def test_services_that_are_being_stopped_are_waited_for(backup: Path, new_installation: NewInstallation) -> None:
    """Whoever scales them down need not wait for it."""
    empty = new_installation()
    async with trading(empty):
        restoring = asyncio.create_task(restore(backup, empty, unseen))
        async with asyncio.timeout(20):
            while not await is_closed(empty):
                pass
    await restoring
    assert await cents(empty) == 300


async def test_what_a_service_stored_before_it_was_stopped_is_not_lost(
    backup: Path, new_installation: NewInstallation
) -> None:
    """It is looked once more when they are gone."""
    empty = new_installation()
    async with trading(empty) as system:
        restoring = asyncio.create_task(restore(backup, empty, unseen))
        async with asyncio.timeout(20):
            while not await is_closed(empty):
                pass
        await system.accepted("ADD", userid="bob", amount="9.00")
    with pytest.raises(BackupError, match="this installation is not empty"):
        await restoring
    assert await cents(empty, "bob") == 900


async def test_services_wait_for_the_end_of_a_restore(
    backup: Path, new_installation: NewInstallation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that start meanwhile come up with everything, as soon as it is there."""
    empty = new_installation()
    insert = module._insert
    started: list[asyncio.Task[int]] = []

    async def starting_meanwhile(*what: object) -> None:
        if not started:
            started.append(asyncio.create_task(cents(empty)))
            assert await is_closed(empty)
        await insert(*what)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "_insert", starting_meanwhile)
    await restore(backup, empty, unseen)
    assert await started[0] == 300


async def test_a_restore_that_was_broken_off_is_run_again(
    backup: Path, new_installation: NewInstallation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody opens what the first one left; the second begins anew."""
    empty = new_installation()
    insert = module._insert

    async def dies(primary: object, collection: str, some: object) -> None:
        if collection == "audit_entries":
            raise OSError("killed")
        await insert(primary, collection, some)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(module, "_insert", dies)
        with pytest.raises(OSError, match="killed"):
            await restore(backup, empty, unseen)
    assert await is_closed(empty)
    with pytest.raises(BackupError, match="a restore into this installation is under way, or was broken off"):
        await Taking(empty, unseen).into(backup.parent)
    await restore(backup, empty, unseen)
    assert await cents(empty) == 300


async def test_a_backup_is_not_pruned_while_it_is_restored(
    backup: Path, settings: Settings, new_installation: NewInstallation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next backup would otherwise delete its files before they are read."""
    newer, _ = await Taking(settings, unseen).into(backup.parent)
    insert = module._insert
    empty = new_installation()

    async def pruned_meanwhile(*what: object) -> None:
        assert prune(backup.parent, 1) == ([], [])
        await insert(*what)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "_insert", pruned_meanwhile)
    await restore(backup, empty, unseen)
    assert await cents(empty) == 300
    assert prune(backup.parent, 1) == ([backup.name], [])
    assert backups(backup.parent) == [newer]


async def test_a_restored_installation_can_be_backed_up(
    backup: Path, new_installation: NewInstallation, directory: Path
) -> None:
    """A backup of what was restored restores to the same."""
    first, second = new_installation(), new_installation()
    await restore(backup, first, unseen)
    again, taken = await Taking(first, unseen).into(directory)
    await restore(again, second, unseen)
    assert taken.partitions[HOME].head == 3
    assert await cents(second) == 300
