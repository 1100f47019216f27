"""`daytrader backup` and `daytrader restore`: of the cluster mode, into directories on a disk or a volume."""

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import ParamSpec, TypeVar

import click
from pymongo.errors import PyMongoError
from rich.console import Console
from rich.table import Table

from daytrader.backup import manifest
from daytrader.backup.directory import backups, chosen, prune
from daytrader.backup.manifest import ACCOUNTS, AUDIT, JOURNAL, BackupError, Manifest
from daytrader.backup.restore import checked
from daytrader.backup.restore import restore as restore_backup
from daytrader.backup.take import Taking
from daytrader.settings import Settings, SettingsError, load
from daytrader.workload.progress import display

P = ParamSpec("P")
T = TypeVar("T")

_DIRECTORY = click.Path(file_okay=False, path_type=Path)
_EXISTING = click.Path(exists=True, file_okay=False, path_type=Path)

_data_uri = click.option("--data-uri", metavar="URI", help="The data set.  [default: DAYTRADER_DATA_URI]")
_audit_uri = click.option("--audit-uri", metavar="URI", help="The audit set.  [default: DAYTRADER_AUDIT_URI]")


@click.group()
def backup() -> None:
    """Back up the cluster mode while it trades, and look at backups. `daytrader restore` restores one.

    A backup is a directory of its own, named by the moment in which it began. Whatever was acknowledged before that
    moment is in it.
    """


@backup.command()
@click.argument("directory", type=_DIRECTORY)
@click.option("--keep", type=click.IntRange(1), metavar="N", help="Afterwards, delete all but the newest N.")
@_data_uri
@_audit_uri
def create(directory: Path, keep: int | None, data_uri: str | None, audit_uri: str | None) -> None:
    """Write a new backup into DIRECTORY.

    The system goes on as it does; only trimming is held while accounts and journal are copied. The backup appears
    under its name when it is whole and on disk: what is broken off leaves nothing that could be taken for one.

    Backups that hold entries which the new one does not are never deleted: this may be an installation that came up
    empty by mistake. They are named on standard error.

    Exit status 0 when the backup is there, even where old ones cannot be deleted: standard error says so. Settings are
    the services' own (DAYTRADER_DATA_URI, DAYTRADER_AUDIT_URI).

    \b
    Examples:
      daytrader backup create /backups --keep 7
      daytrader backup check /backups/20260102T030405.678Z
    """
    settings = _settings(data_uri, audit_uri)
    with display() as shown:
        path, taken = _run(lambda: Taking(settings, shown.show).into(directory))
    click.echo(f"{path}: {_contents(taken)}")
    if keep:
        _prune(directory, keep)


@backup.command("list")
@click.argument("directory", type=_EXISTING)
def list_(directory: Path) -> None:
    """List the backups in DIRECTORY, oldest first; their files are not read (`check` does that).

    How many seconds each took; how many accounts, entries of the journal, and entries of the log it holds; its size.
    """
    table = Table("backup", "s", "accounts", "journal", "log", "MB", "build")
    table.columns[0].no_wrap = True
    for column in table.columns[1:6]:
        column.justify = "right"
    for path in _tell(backups, directory):
        try:
            taken = manifest.read(path)
        except BackupError as error:
            table.add_row(path.name, str(error))
            continue
        counts = (f"{taken.documents(name):,}" for name in (ACCOUNTS, JOURNAL, AUDIT))
        seconds, megabytes = f"{(taken.finished - taken.began) / 1_000:.1f}", f"{taken.size / 1_000_000:,.1f}"
        table.add_row(path.name, seconds, *counts, megabytes, taken.build)
    Console().print(table)


@backup.command()
@click.argument("path", metavar="BACKUP", type=_EXISTING)
def check(path: Path) -> None:
    """Look whether every file of BACKUP is what was written; in a directory of backups, of the newest.

    Exit status 0 only where all are; else the first that is not is named.
    """
    found = _tell(chosen, path)
    with display() as shown:
        taken = _tell(checked, found, shown.show)
    click.echo(f"{found}: whole, {_contents(taken)}")


@click.command()
@click.argument("path", metavar="BACKUP", type=_EXISTING)
@_data_uri
@_audit_uri
def restore(path: Path, data_uri: str | None, audit_uri: str | None) -> None:
    """Restore BACKUP, or the newest in a directory of backups, into an empty installation.

    Empty is one in which nobody has traded yet. Its transaction and audit services must be stopped, since those that
    took it for empty would go on so; for 60 s it waits until they have let go. Services that start while it runs wait
    for its end.

    All checksums are verified before anything is written. A restore that was broken off is simply run again: until one
    is complete, no service serves what is there.

    Exit status 0 when everything is restored.

    \b
    Examples:
      daytrader restore /backups/20260102T030405.678Z
      daytrader restore /backups
    """
    settings = _settings(data_uri, audit_uri)
    found = _tell(chosen, path)
    with display() as shown:
        taken = _run(lambda: restore_backup(found, settings, shown.show))
    click.echo(f"{found}: restored, {_contents(taken)}; start the services")


def _prune(directory: Path, keep: int) -> None:
    """Delete old backups; say what was deleted, and which ones are ahead of the newest.

    What goes wrong is only said: the backup is there, and whoever runs a failed one again would write another.
    """
    try:
        pruned = prune(directory, keep)
    except (BackupError, OSError) as error:
        click.echo(
            f"Warning: the backup is whole, but older ones could not be deleted ({error}): see to the volume before it "
            "is full; the next backup tries again",
            err=True,
        )
        return
    for name in pruned.deleted:
        click.echo(f"{directory / name}: deleted, it was older than the newest {keep}")
    if pruned.ahead:
        click.echo(
            f"Warning: the new backup lacks entries that earlier ones hold (the newest of {len(pruned.ahead)}: "
            f"{directory / pruned.ahead[-1]}), so these are kept, however old they are: look whether this installation "
            "has lost something; if it was emptied on purpose, delete them by hand",
            err=True,
        )


def _settings(data_uri: str | None, audit_uri: str | None) -> Settings:
    given = {"DAYTRADER_DATA_URI": data_uri, "DAYTRADER_AUDIT_URI": audit_uri}
    settings = _tell(load, {**os.environ, **{name: uri for name, uri in given.items() if uri}})
    for name, uri in (("data", settings.data_uri), ("audit", settings.audit_uri)):
        if not uri:
            raise click.UsageError(f"where is the {name} set? Set DAYTRADER_{name.upper()}_URI or give --{name}-uri")
    return settings


def _run(work: Callable[[], Coroutine[None, None, T]]) -> T:
    """Do `work`; what ends this process by a signal ends it in order first."""

    async def interruptible() -> T:
        task = asyncio.current_task()
        if task is not None:
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await work()

    try:
        return _tell(asyncio.run, interruptible())
    except asyncio.CancelledError:
        raise click.ClickException("stopped by SIGTERM before the end") from None


def _tell(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Return what `work` returns; what goes wrong ends the command with a sentence."""
    try:
        return work(*args, **kwargs)
    except (BackupError, SettingsError, PyMongoError, OSError) as error:
        raise click.ClickException(str(error)) from error


def _contents(taken: Manifest) -> str:
    counts = [taken.documents(name) for name in (ACCOUNTS, JOURNAL, AUDIT)]
    began = datetime.fromtimestamp(taken.began / 1_000, UTC)
    return (
        f"everything up to {began:%Y-%m-%d %H:%M:%S} UTC; {counts[0]:,} accounts, {counts[1]:,} entries of the "
        f"journal, {counts[2]:,} of the log, {taken.size / 1_000_000:,.1f} MB"
    )
