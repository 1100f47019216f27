"""The workload run of this replica: one at a time, with its file and its log in a directory that goes with it."""

import asyncio
import contextlib
import shutil
import tempfile
from pathlib import Path
from typing import IO, Final

import structlog

from daytrader.auth.role import Caller, may_as
from daytrader.clock import Clock
from daytrader.web.api.desk import Desk
from daytrader.web.dump import Dumps
from daytrader.web.page.workloads.kept_log import KeptLog
from daytrader.web.page.workloads.report import Report
from daytrader.web.page.workloads.run import Dump, WorkloadRun
from daytrader.workload.file import Workload

LONGEST_FILE: Final = 64 * 1024 * 1024
"""Bytes; a file of a million commands has about 40 million."""

_log = structlog.get_logger(__name__)


class BusyError(Exception):
    """A run is under way; the text says so."""


class Runs:
    """The last run, which may be under way."""

    def __init__(self, desk: Desk, dumps: Dumps, clock: Clock) -> None:
        self.report: Report | None = None
        self._desk = desk
        self._dumps = dumps
        self._clock = clock
        self._task: asyncio.Task[None] | None = None
        self._directory: Path | None = None
        self._taking = False

    @property
    def goes_on(self) -> bool:
        """Whether a run is under way, or about to begin."""
        return self._taking or (self._task is not None and not self._task.done())

    async def begin(self, name: str, content: IO[bytes], owner: str, caller: Caller | None) -> Report:
        """Run the commands that stand in `content`; `caller` gives them, None: somebody who may give all.

        Raises:
            BusyError: another run is under way.
            OSError: the file cannot be kept.
        """
        if self.goes_on:
            raise BusyError("A run is under way here: wait for its end, or stop it")
        self._taking = True
        try:
            await self._forget()
            self._directory = await asyncio.to_thread(_new_directory, content)
            report = self.report = Report(name, owner, self._clock())
            kept = KeptLog(self._dumps, self._directory / "log.xml", report)
            self._task = asyncio.create_task(self._run(report, self._directory, caller, kept.dump), name="workload run")
            return report
        finally:
            self._taking = False

    async def stop(self, why: str) -> None:
        """End the run, if there is one; what was acknowledged stays done."""
        if self._task is None or self._task.done():
            return
        self._task.cancel()
        await asyncio.wait([self._task])
        if self.report is not None:
            self.report.why = why

    async def close(self) -> None:
        """End the run and delete its files."""
        await self.stop("The replica ended")
        await self._forget()

    def may_see(self, caller: Caller | None, owner: str) -> bool:
        """Whether `caller` (None: everybody may everything) may stop the run of `owner` and have its log."""
        return caller is None or may_as(caller, owner, everybody=True) or caller.name == owner

    @property
    def log(self) -> Path | None:
        """Where the last log is that the run asked for; None where there is none."""
        if self._directory is None or self.report is None or not self.report.log_bytes:
            return None
        return self._directory / "log.xml"

    async def _forget(self) -> None:
        directory, self._directory, self.report = self._directory, None, None
        if directory is not None:
            await asyncio.to_thread(shutil.rmtree, directory, ignore_errors=True)

    async def _run(self, report: Report, directory: Path, caller: Caller | None, dump: Dump) -> None:
        try:
            workload = await asyncio.to_thread(Workload.open, directory / "workload.txt")
            with contextlib.closing(workload):
                report.commands, report.users = len(workload), workload.users
                report.malformed, report.malformed_count = workload.malformed, workload.malformed_count
                report.phase = "running"
                await WorkloadRun(workload, report, self._desk, caller, dump).run()
            report.end("done", self._clock())
        except asyncio.CancelledError:
            report.end("stopped", self._clock())
            raise
        except Exception as error:  # whatever it is, the page has to say that the run is over
            _log.exception("a workload run broke off")
            report.end("broken", self._clock(), str(error) or type(error).__name__)


def _new_directory(content: IO[bytes]) -> Path:
    """Return a new directory with a copy of `content`. Raises OSError."""
    directory = Path(tempfile.mkdtemp(prefix="daytrader-workload-"))
    try:
        with (directory / "workload.txt").open("wb") as file:
            shutil.copyfileobj(content, file, 1024 * 1024)
    except OSError:
        shutil.rmtree(directory, ignore_errors=True)
        raise
    return directory
