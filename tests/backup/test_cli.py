"""`daytrader backup` and `daytrader restore` as programs: what they say, how they end, and when they are killed."""

import asyncio
import contextlib
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner

from daytrader.backup.directory import backups
from daytrader.backup.manifest import AUDIT
from daytrader.cli.backup import backup, restore
from daytrader.journal.mongodb import MongoJournal
from daytrader.journal.port import Position
from daytrader.settings import Settings
from tests.backup.conftest import NewInstallation, names_in
from tests.backup.installation import PARTITIONS
from tests.backup.test_restore import flip
from tests.journal.stores import account, entry

HOLD_S = 3.0
"""What a hold lasts in the programs that are started here."""

PROGRAM = f"""
from daytrader.backup import hold
hold.HOLD_S, hold.RENEW_EVERY = {HOLD_S}, {HOLD_S / 6}
from daytrader.cli.main import main
main()
"""

IMPATIENT = """
from daytrader.backup import reading
reading.PATIENCE = 0.0
from daytrader.cli.main import main
main()
"""


def environment(settings: Settings) -> dict[str, str]:
    """Return the settings as services have them."""
    return {
        "DAYTRADER_DATA_URI": settings.data_uri,
        "DAYTRADER_AUDIT_URI": settings.audit_uri,
        "DAYTRADER_PARTITIONS": str(settings.partitions),
        "COLUMNS": "200",
    }


@pytest.fixture
async def journal(settings: Settings) -> AsyncIterator[MongoJournal]:
    """The journal of an installation with 30,000 accounts, so that a backup takes a while."""
    journal = MongoJournal(settings.data_uri)
    await journal.open(PARTITIONS)
    await journal.append([entry(0, 1)])
    await journal.accounts.store(0, [account(f"user{n}", 1, state=os.urandom(500)) for n in range(30_000)])
    await journal.accounts.set_checkpoint(0, Position(1, 2, 1_700_000_000_001))
    yield journal
    await journal.close()


async def started(settings: Settings, directory: Path) -> asyncio.subprocess.Process:
    """Start a backup."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PROGRAM, "backup", "create", str(directory)),
        env={**os.environ, **environment(settings)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


async def until_held(journal: MongoJournal, held: bool) -> None:
    """Wait until somebody holds trimming, or nobody does."""
    async with asyncio.timeout(30):
        while bool(await journal.holds.held()) is not held:
            pass


async def struck(journal: MongoJournal, settings: Settings, directory: Path, number: signal.Signals) -> tuple[int, str]:
    """Send the signal to a backup that holds trimming; one that had come to its end by then is thrown away."""
    for _ in range(5):
        process = await started(settings, directory)
        await until_held(journal, True)
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)
        status, said = await ended(process)
        if status:
            return status, said
        for whole in backups(directory):
            shutil.rmtree(whole)
    raise AssertionError("five backups were at their end before the signal reached them")


async def test_a_killed_backup_leaves_no_backup_and_no_lasting_hold(
    journal: MongoJournal, settings: Settings, directory: Path
) -> None:
    """Its hold ends by itself; what it wrote is never taken for a backup, and goes with the next one."""
    await struck(journal, settings, directory, signal.SIGKILL)
    assert backups(directory) == []
    assert await journal.holds.held() != []
    await until_held(journal, False)
    assert await journal.trim(0, 0)
    status, said = await ended(await started(settings, directory))
    assert status == 0, said
    assert len(backups(directory)) == 1
    assert len(names_in(directory)) == 2


async def test_a_backup_that_is_told_to_stop_leaves_nothing(
    journal: MongoJournal, settings: Settings, directory: Path
) -> None:
    """Neither files nor a hold, at once."""
    status, said = await struck(journal, settings, directory, signal.SIGTERM)
    assert (status, said.strip().splitlines()[-1]) == (1, "Error: stopped by SIGTERM before the end")
    assert await journal.holds.held() == []
    assert names_in(directory) == [".lock"]


async def ended(process: asyncio.subprocess.Process) -> tuple[int, str]:
    """Return the exit status, and what was said."""
    said, _ = await process.communicate()
    return process.returncode or 0, said.decode()


class Program:
    """Runs commands in this process."""

    def __init__(self, settings: Settings) -> None:
        self._environment = environment(settings)

    def __call__(self, command: Sequence[object], *, succeeds: bool = True) -> str:
        """Run a command; return what it says."""
        main, *arguments = command
        runner = CliRunner(env=self._environment)
        result = runner.invoke({"backup": backup, "restore": restore}[str(main)], [str(each) for each in arguments])
        assert (result.exit_code == 0) is succeeds, result.output
        return result.output


@pytest.fixture
async def program(settings: Settings) -> Program:
    """The program, for an installation in which nobody has traded."""
    journal = MongoJournal(settings.data_uri)
    await journal.open(PARTITIONS)
    await journal.append([entry(2, 1)])
    await journal.close()
    return Program(settings)


def test_backups_are_made_listed_checked_and_pruned(program: Program, directory: Path) -> None:
    """Each command says what it did."""
    for _ in range(3):
        said = program(["backup", "create", directory, "--keep", "2"])
        assert "0 accounts, 1 entries of the journal, 0 of the log" in said
    assert said.count("deleted, it was older than the newest 2") == 1
    kept = [path.name for path in backups(directory)]
    assert len(kept) == 2
    listed = program(["backup", "list", directory])
    assert [name for name in kept if name in listed] == kept
    assert f"{kept[1]}: whole, everything up to" in program(["backup", "check", directory])
    flip(directory / kept[0] / AUDIT)
    said = program(["backup", "check", directory / kept[0]], succeeds=False)
    assert f"{AUDIT} is damaged: its SHA-256 is" in said


def test_an_installation_that_came_up_empty_does_not_push_out_good_backups(
    program: Program, directory: Path, new_installation: NewInstallation
) -> None:
    """The backup is there, so it ends well; the good one is kept, and named."""
    program(["backup", "create", directory])
    good = backups(directory)[0]
    empty = new_installation()
    asyncio.run(_opened(empty))
    for _ in range(2):
        said = Program(empty)(["backup", "create", directory, "--keep", "1"])
        assert f"the new backup lacks entries that earlier ones hold (the newest of 1: {good})" in said
    assert len(backups(directory)) == 2
    assert backups(directory)[0] == good


def test_a_backup_is_good_where_old_ones_cannot_be_deleted(
    program: Program, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says so, and does not fail: a Job would write whole backups again and again until the volume is full."""

    def fails(path: Path) -> None:
        raise OSError(f"{path}: the volume broke")

    program(["backup", "create", directory])
    monkeypatch.setattr(shutil, "rmtree", fails)
    said = program(["backup", "create", directory, "--keep", "1"])
    assert "Warning: the backup is whole, but older ones could not be deleted" in said
    assert "the volume broke" in said


async def _opened(settings: Settings) -> None:
    """Start an installation in which nobody trades."""
    journal = MongoJournal(settings.data_uri)
    await journal.open(PARTITIONS)
    await journal.close()


def test_a_backup_is_restored_by_its_directory(
    program: Program, directory: Path, new_installation: NewInstallation
) -> None:
    """The newest of a directory of backups is taken, and named."""
    program(["backup", "create", directory])
    newest = program(["backup", "create", directory])
    empty = Program(new_installation())
    said = empty(["restore", directory])
    assert said.partition(":")[0] == newest.partition(":")[0]
    assert "restored, everything up to" in said
    assert "start the services" in said
    assert "is not empty" in empty(["restore", directory], succeeds=False)


def test_missing_and_unusable_settings_are_said(directory: Path) -> None:
    """By the name under which they are set."""
    runner = CliRunner(env={"DAYTRADER_DATA_URI": None, "DAYTRADER_AUDIT_URI": None})
    said = runner.invoke(backup, ["create", str(directory), "--data-uri", "mongodb://127.0.0.1"]).output
    assert "where is the audit set? Set DAYTRADER_AUDIT_URI or give --audit-uri" in said


async def test_a_set_that_is_away_is_said(directory: Path) -> None:
    """When patience is at its end; and nothing is left."""
    away = {"DAYTRADER_DATA_URI": "mongodb://127.0.0.1:1/?replicaSet=none"}
    away["DAYTRADER_AUDIT_URI"] = away["DAYTRADER_DATA_URI"]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", IMPATIENT, "backup", "create", str(directory)),
        env={**os.environ, **away},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    status, said = await ended(process)
    assert status == 1
    assert "Error: holding trimming failed for 0 s (JournalUnavailableError: the data set did not do" in said
    assert names_in(directory) == [".lock"]
