"""A workload as one job: get the file, note what the log holds, send, dump the log, verify."""

import asyncio
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aiohttp
import msgspec
import uvloop

from daytrader.workload import maker, summary
from daytrader.workload.file import Workload
from daytrader.workload.options import Options
from daytrader.workload.report import Report
from daytrader.workload.run import run
from daytrader.workload.runner import Snapshot
from daytrader.workload.summary import Summary
from daytrader.workload.verify.acknowledged import HistoryError
from daytrader.workload.verify.asking import Asking, AskingError
from daytrader.workload.verify.before import LogTooLargeError, numbers_before
from daytrader.workload.verify.findings import Findings
from daytrader.workload.verify.numbers import NumberSet
from daytrader.workload.verify.verification import verify_log

LARGEST_FILE: Final = 1024 * 1024 * 1024
"""Bytes of a workload file that is fetched."""

_FETCH_WITHIN: Final = aiohttp.ClientTimeout(total=600, sock_connect=10, sock_read=60)

Show = Callable[[int, int, str], None]
"""Is told how far a step is: so much done, of so much, and which step it is."""


class NoFileError(Exception):
    """The workload file cannot be had; the text says why."""


class Made(msgspec.Struct, frozen=True):
    """A workload file that is made."""

    users: int
    commands: int
    seed: int


class Address(msgspec.Struct, frozen=True):
    """A workload file that is fetched."""

    url: str


@dataclass(frozen=True)
class Job:
    """One workload from its file to its verdict."""

    source: Made | Address | Path
    url: str
    """Of the web service."""
    options: Options
    directory: Path
    """Where the file, the history and the log go: as much as the commands and the whole log take."""
    verify: bool
    keep: Callable[[Summary], None]
    """Is given the summary as it would stand if the job ended now: whoever kills it still leaves one."""
    show: Show

    def run(self) -> Summary:
        """Do it all and return the summary.

        Raises:
            NoFileError: there is no workload file.
            ValueError, OSError, ProcessError: the run cannot be done at all; the text says why.
        """
        file = self._file()
        before: NumberSet | None = None
        told, why = summary.unverified, "verification is switched off"
        if self.verify:
            self.show(0, 1, "reading what the log holds")
            try:
                before = asyncio.run(numbers_before(self.url, self.options.ca, self.options.bearer))
            except LogTooLargeError as error:
                why = f"{error}, which takes long to read again; empty the installation for a verified run"
            except AskingError as error:
                told, why = summary.unverifiable, f"the log could not be read before the run ({error})"
        report = self._send(file, verify=before is not None)
        sent = summary.of_run(report)
        if before is None:
            return told(sent, why)
        if not self._log.exists():
            return summary.unverifiable(sent, "the log was not answered")
        self.keep(summary.unverifiable(sent, "ended while verifying"))
        try:
            return summary.with_findings(sent, self._check(before))
        except (AskingError, HistoryError) as error:
            return summary.unverifiable(sent, str(error))

    @property
    def _log(self) -> Path:
        return self.directory / "log.xml"

    @property
    def _history(self) -> Path:
        return self.directory / "history.jsonl"

    def _file(self) -> Path:
        source, file = self.source, self.directory / "workload.txt"
        if isinstance(source, Path):
            return source
        if isinstance(source, Address):
            self.show(0, 1, f"fetching {source.url}")
            asyncio.run(_fetch(source.url, file))
        else:
            commands = source.commands
            maker.write(
                file, source.users, commands, source.seed, lambda done: self.show(done, commands, "making the workload")
            )
        return file

    def _send(self, file: Path, *, verify: bool) -> Report:
        options = self.options
        if verify:
            options = msgspec.structs.replace(options, history=self._history, dump=self._log)
        with Workload.open(file) as workload:
            return uvloop.run(self._send_until_told_to_stop(workload, options))

    async def _send_until_told_to_stop(self, workload: Workload, options: Options) -> Report:
        interrupted = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, interrupted.set)

        def watch(now: Snapshot) -> None:
            rate = now.done / now.seconds if now.seconds > 1 else 0.0
            text = f"{now.phase} {rate:,.0f}/s, {now.refused:,} refused, {now.failed:,} failed"
            self.show(now.done, now.total, text)

        return await run(workload, self.url, options, watch=watch, interrupted=interrupted)

    def _check(self, before: NumberSet) -> Findings:
        size, read = self._log.stat().st_size + self._history.stat().st_size, 0

        def progress(more: int) -> None:
            nonlocal read
            read += more
            self.show(read, size, "replaying the log")

        replay, findings = verify_log(self._log, histories=[self._history], before=before, progress=progress)
        if findings.readable:
            users, asked = len(replay.users), 0

            def one_more() -> None:
                nonlocal asked
                asked += 1
                self.show(asked, users, "asking for balances")

            asyncio.run(Asking(self.url, replay, findings, self.options.ca, self.options.bearer).compare(one_more))
        return findings


async def _fetch(url: str, file: Path) -> None:
    size = 0
    try:
        async with aiohttp.ClientSession(timeout=_FETCH_WITHIN) as session, session.get(url) as answer:
            if answer.status != 200:
                raise NoFileError(f"{url} answered {answer.status}: give a URL that answers 200 with a workload file")
            with file.open("wb") as out:
                async for chunk in answer.content.iter_any():
                    size += len(chunk)
                    if size > LARGEST_FILE:
                        raise NoFileError(f"{url} has more than {LARGEST_FILE / 2**20:,.0f} MiB: cut it into parts")
                    out.write(chunk)
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        why = str(error) or "no answer in time"
        raise NoFileError(
            f"{url} cannot be fetched ({why}): network policies must let this pod reach it; or put the file into a "
            "ConfigMap"
        ) from error
