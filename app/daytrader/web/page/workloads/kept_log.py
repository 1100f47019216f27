"""The log that a workload file asks for, kept in a file of bounded size until somebody downloads it."""

import asyncio
from pathlib import Path
from typing import IO, Final

from starlette.types import Message

from daytrader.transaction.message import Reply, Request
from daytrader.web.dump import Dumps
from daytrader.web.page.workloads.report import Report

LARGEST_LOG: Final = 1024 * 1024 * 1024
"""Bytes; a log of more is not kept."""


class KeptLog:
    """The last log of a run."""

    def __init__(self, dumps: Dumps, path: Path, report: Report, *, largest: int = LARGEST_LOG) -> None:
        """`report` is told how large the log is."""
        self._dumps = dumps
        self._path = path
        self._report = report
        self._largest = largest

    async def dump(self, request: Request) -> Reply:
        """Have the log made that `request` asks for, in place of the one before; 413 where it is too large."""
        self._report.log_bytes = 0
        sink = _Sink(await asyncio.to_thread(self._path.open, "wb"), self._largest)
        try:
            answer = await self._dumps.answer(request, _nobody_leaves, sink.send)
        except _TooLargeError:
            return Reply(413, f"The log has more than {self._largest} bytes".encode())
        finally:
            await asyncio.to_thread(sink.file.close)
        if isinstance(answer, Reply):
            return answer
        if answer != 200:
            return Reply(answer, b"The log broke off")
        self._report.log_bytes = sink.size
        return Reply(200)


class _TooLargeError(Exception):
    pass


class _Sink:
    """Takes an answer as an ASGI server does, and writes its body into a file."""

    def __init__(self, file: IO[bytes], largest: int) -> None:
        self.file = file
        self.size = 0
        self._largest = largest

    async def send(self, message: Message) -> None:
        body = message.get("body", b"")
        self.size += len(body)
        if self.size > self._largest:
            raise _TooLargeError
        if body:
            await asyncio.to_thread(self.file.write, body)


async def _nobody_leaves() -> Message:
    """Wait for ever: a client that is this process does not disconnect."""
    await asyncio.Event().wait()
    raise AssertionError("unreachable")
