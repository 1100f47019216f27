"""What a backup takes, and what it refuses to take."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from daytrader.audit.mongodb import MongoAuditStore
from daytrader.backup import documents, manifest
from daytrader.backup.manifest import ACCOUNTS, AUDIT, JOURNAL, BackupError, PartitionFacts
from daytrader.backup.take import Taking
from daytrader.journal.mongodb import MongoJournal
from daytrader.journal.place import at_place
from daytrader.journal.port import Position
from daytrader.settings import Settings
from tests.backup.conftest import names_in, unseen
from tests.backup.installation import PARTITIONS
from tests.journal.stores import account, entries


class Stores:
    """The stores of an installation, filled by hand."""

    def __init__(self, settings: Settings) -> None:
        self.journal = MongoJournal(settings.data_uri)
        self.audit = MongoAuditStore(settings.audit_uri)

    async def open(self) -> None:
        """Start the installation."""
        await self.journal.open(PARTITIONS)
        await self.audit.open(PARTITIONS)

    async def append(self, partition: int, ns: range) -> None:
        """Append entries to a partition."""
        for each in entries(partition, ns):
            await self.journal.append([each])

    async def follow(self, partition: int, ns: range) -> None:
        """Take entries over into the audit store, and tell the journal."""
        await self.audit.store(entries(partition, ns))
        await self.journal.set_audited({partition: ns[-1]})

    async def checkpoint(self, partition: int, n: int) -> None:
        """Store an account as of entry `n`, and raise the checkpoint to it."""
        await self.journal.accounts.store(partition, [account("alice", n)])
        await self.journal.accounts.set_checkpoint(partition, Position(n, n + 1, 1_700_000_000_000 + n))

    def overlook_holds(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let the journal trim as if nobody held that."""

        async def none() -> list[str]:
            return []

        monkeypatch.setattr(self.journal.holds, "held", none)


@pytest.fixture
async def stores(settings: Settings) -> AsyncIterator[Stores]:
    """An installation that was started, and into which nothing was put."""
    stores = Stores(settings)
    await stores.open()
    yield stores
    await stores.journal.close()
    await stores.audit.close()


def places(path: Path) -> list[tuple[int, int]]:
    """Return the partition and n of each entry in a file."""
    return [at_place(document["_id"]) for document in documents.read(path)]


async def test_each_part_goes_as_far_as_it_must(stores: Stores, settings: Settings, directory: Path) -> None:
    """The journal begins where accounts or audit store end, and the audit store ends no later than the journal."""
    await stores.append(1, range(1, 10))
    await stores.follow(1, range(1, 6))
    await stores.checkpoint(1, 4)
    await stores.append(2, range(1, 4))
    await stores.follow(2, range(1, 3))
    path, taken = await Taking(settings, unseen).into(directory)
    nothing = PartitionFacts(Position(), 0, 0, 0)
    checkpoint = Position(4, 5, 1_700_000_000_004)
    assert taken.partitions == (
        nothing,
        PartitionFacts(checkpoint, 4, 9, 5),
        PartitionFacts(Position(), 0, 3, 2),
        nothing,
    )
    assert places(path / JOURNAL) == [*((1, n) for n in range(5, 10)), *((2, n) for n in range(1, 4))]
    assert places(path / AUDIT) == [*((1, n) for n in range(1, 6)), (2, 1), (2, 2)]
    assert [found["_id"] for found in documents.read(path / ACCOUNTS)] == ["00001/alice"]
    assert manifest.read(path) == taken


async def test_a_partition_that_is_trimmed_to_its_end_is_whole(
    stores: Stores, settings: Settings, directory: Path
) -> None:
    """Everything of it is in the accounts and in the audit store."""
    await stores.append(0, range(1, 6))
    await stores.follow(0, range(1, 6))
    await stores.checkpoint(0, 5)
    await stores.journal.trim(0, 5)
    path, taken = await Taking(settings, unseen).into(directory)
    assert taken.partitions[0] == PartitionFacts(Position(5, 6, 1_700_000_000_005), 5, 5, 5)
    assert places(path / JOURNAL) == []
    assert places(path / AUDIT) == [(0, n) for n in range(1, 6)]


async def test_an_audit_store_that_is_ahead_is_cut(
    stores: Stores, settings: Settings, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is appended and followed after the journal was copied is not in the backup: accounts would not have it."""
    await stores.append(0, range(1, 4))
    copy = Taking._copy_entries

    async def more_meanwhile(self: Taking, path: Path, *rest: object) -> object:
        if path.name == AUDIT:
            await stores.append(0, range(4, 6))
            await stores.follow(0, range(1, 6))
        return await copy(self, path, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Taking, "_copy_entries", more_meanwhile)
    path, taken = await Taking(settings, unseen).into(directory)
    assert places(path / AUDIT) == [(0, 1), (0, 2), (0, 3)]
    assert (taken.partitions[0].head, taken.partitions[0].audited) == (3, 3)


async def test_trimming_is_held_while_accounts_and_journal_are_copied(
    stores: Stores, settings: Settings, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever wants to trim meanwhile cannot; when the journal is copied, the hold is gone."""
    await stores.append(0, range(1, 6))
    await stores.follow(0, range(1, 6))
    await stores.checkpoint(0, 3)
    tried: list[tuple[str, bool]] = []
    write = Taking._write

    async def trims_meanwhile(self: Taking, file: documents.DocumentFile, *rest: object) -> None:
        await stores.journal.accounts.set_checkpoint(0, Position(5, 6, 1_700_000_000_005))
        tried.append((str(rest[-1]), await stores.journal.trim(0, 5)))
        await write(self, file, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Taking, "_write", trims_meanwhile)
    path, taken = await Taking(settings, unseen).into(directory)
    assert tried == [("accounts", False), ("entries", False), ("audit_entries", True)]
    assert taken.partitions[0].mark == 3
    assert places(path / JOURNAL) == [(0, 4), (0, 5)]
    assert await stores.journal.holds.held() == []


async def test_a_trimming_that_looked_before_the_hold_takes_nothing_that_is_needed(
    stores: Stores, settings: Settings, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes up to the checkpoint and the audited entry of then; the copy of the journal begins no earlier."""
    await stores.append(0, range(1, 8))
    await stores.follow(0, range(1, 8))
    await stores.checkpoint(0, 5)
    stores.overlook_holds(monkeypatch)
    starts = Taking._starts

    async def trimmed_after(self: Taking, partitions: int) -> object:
        found = await starts(self, partitions)
        await stores.journal.trim(0, 5)
        return found

    monkeypatch.setattr(Taking, "_starts", trimmed_after)
    path, taken = await Taking(settings, unseen).into(directory)
    assert taken.partitions[0].mark == 5
    assert places(path / JOURNAL) == [(0, 6), (0, 7)]


async def test_entries_that_vanish_meanwhile_are_noticed(
    stores: Stores, settings: Settings, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A replica of a build that knows no holds may trim: then there is no backup, rather than one with a gap."""
    await stores.append(0, range(1, 8))
    await stores.follow(0, range(1, 8))
    await stores.checkpoint(0, 3)
    stores.overlook_holds(monkeypatch)
    heads = Taking._head

    async def trimmed_after(self: Taking, partition: int, mark: int) -> int:
        found = await heads(self, partition, mark)
        await stores.journal.trim(0, 5)
        return found

    monkeypatch.setattr(Taking, "_head", trimmed_after)
    with pytest.raises(BackupError, match="entries lacks entry 4 of partition 0"):
        await Taking(settings, unseen).into(directory)
    assert names_in(directory) == [".lock"]


async def test_a_journal_that_lost_entries_is_not_backed_up(
    stores: Stores, settings: Settings, directory: Path
) -> None:
    """An account that is ahead of the journal tells of entries that are gone."""
    await stores.append(2, range(1, 4))
    await stores.journal.accounts.store(2, [account("alice", 7)])
    with pytest.raises(BackupError, match="partition 2 is stored as of entry 7, and the journal ends with entry 3"):
        await Taking(settings, unseen).into(directory)


async def test_an_audit_store_that_lost_entries_is_not_backed_up(
    stores: Stores, settings: Settings, directory: Path
) -> None:
    """The journal was trimmed since they were in the audit store, so nobody has them."""
    await stores.append(0, range(1, 6))
    await stores.journal.set_audited({0: 5})
    await stores.audit.store(entries(0, range(1, 3)))
    await stores.checkpoint(0, 5)
    with pytest.raises(BackupError, match="audit store ends with entry 2 of partition 0, and the journal begins after"):
        await Taking(settings, unseen).into(directory)


async def test_a_database_without_an_installation_is_not_backed_up(settings: Settings, directory: Path) -> None:
    """An empty backup of the wrong database would push out the good ones."""
    with pytest.raises(BackupError, match="there is no installation in the database test_"):
        await Taking(settings, unseen).into(directory)


async def test_many_documents_are_read_in_many_replies(
    stores: Stores, settings: Settings, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is copied once, in order, however few a reply holds."""
    monkeypatch.setattr("daytrader.backup.reading.BATCH", 3)
    await stores.append(0, range(1, 20))
    await stores.follow(0, range(1, 20))
    await stores.journal.accounts.store(0, [account(f"user{number:03d}", 1) for number in range(50)])
    seen: list[tuple[int, int, str]] = []
    path, _ = await Taking(settings, lambda *shown: seen.append(shown)).into(directory)
    assert places(path / AUDIT) == [(0, n) for n in range(1, 20)]
    assert [found["_id"] for found in documents.read(path / ACCOUNTS)] == [f"00000/user{n:03d}" for n in range(50)]
    assert seen[-1] == (88, 88, "audit entries")
