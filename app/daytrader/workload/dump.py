"""DUMPLOG: run alone, its body streamed into a file."""

import asyncio
import secrets
from pathlib import Path
from time import monotonic
from typing import IO, Final

import msgspec

from daytrader.workload.connection import Connection
from daytrader.workload.lane import FIRST_WAIT, LONGEST_WAIT, TRY_AGAIN
from daytrader.workload.request import Endpoint

SILENCE: Final = 60.0
"""Seconds without a byte of the answer after which it is given up. (The log's end has to reach the store first.)"""
TRIED_AGAIN_FOR: Final = 60.0
"""Seconds after the first sending in which a failed DUMPLOG is sent again, where retries are allowed."""
_LOOK: Final = 0.5


class Dumped(msgspec.Struct):
    """A DUMPLOG and its outcome."""

    line: int
    """Line in the workload file; one more than its last where the DUMPLOG was added to the run."""
    status: int = 0
    """HTTP status of the last answer; 0: none."""
    bytes: int = 0
    """Length of the log's XML."""
    seconds: float = 0.0
    """From the first sending to the last byte."""
    reason: str = ""
    """What the answer said or what went wrong, where the status is not 200."""
    sent: list[float] = msgspec.field(default_factory=list)
    """The sendings, seconds of the monotonic clock."""


class Dump:
    """One DUMPLOG request with its sendings again."""

    def __init__(self, endpoint: Endpoint, request: bytes, file: Path | None, *, retry: bool) -> None:
        """`file` gets the log once it is complete; None throws it away."""
        self._endpoint = endpoint
        self._request = request
        self._file = file
        self._retry = retry

    async def run(self, line: int) -> Dumped:
        """Ask for the log until it has come, or the time for it is over. Raises OSError when it cannot be written."""
        dumped = Dumped(line)
        first = monotonic()
        wait = FIRST_WAIT
        while True:
            attempt = await self._attempt(dumped)
            again = self._retry and (attempt.status == 0 or attempt.status in TRY_AGAIN)
            pause = wait if attempt.retry_after is None else attempt.retry_after
            dumped.seconds = monotonic() - first
            if not again or dumped.seconds + pause > TRIED_AGAIN_FOR:
                return dumped
            await asyncio.sleep(pause)
            wait = min(LONGEST_WAIT, wait * 2)

    async def _attempt(self, dumped: Dumped) -> "_Attempt":
        if self._file is None:
            return await self._ask(dumped, None)
        partial = self._file.with_name(f"{self._file.name}.{secrets.token_hex(4)}.part")
        try:
            with partial.open("wb") as file:
                attempt = await self._ask(dumped, file)
            if attempt.status == 200:
                partial.replace(self._file)
            return attempt
        finally:
            partial.unlink(missing_ok=True)

    async def _ask(self, dumped: Dumped, file: IO[bytes] | None) -> "_Attempt":
        attempt = _Attempt(file)
        connection = Connection(attempt, attempt.keep)
        try:
            async with asyncio.timeout(SILENCE):
                endpoint = self._endpoint
                await asyncio.get_running_loop().create_connection(
                    lambda: connection, endpoint.host, endpoint.port, ssl=endpoint.tls_context()
                )
            dumped.sent.append(monotonic())
            connection.send(self._request)
            await attempt.end()
            attempt.retry_after = connection.retry_after
        except OSError as error:
            if attempt.error is not None:
                raise
            attempt.reason = f"cannot connect ({error or 'no answer'})"
        finally:
            connection.abandon()
        dumped.status, dumped.bytes, dumped.reason = attempt.status, attempt.bytes, attempt.reason
        return attempt


class _Attempt:
    """One sending: owner of its connection."""

    def __init__(self, file: IO[bytes] | None) -> None:
        self._file = file
        self._ended = asyncio.Event()
        self._last = monotonic()
        self.status = 0
        self.bytes = 0
        self.reason = ""
        self.retry_after: float | None = None
        self.error: Exception | None = None

    def keep(self, piece: bytes) -> None:
        self._last = monotonic()
        self.bytes += len(piece)
        if self._file is not None:
            self._file.write(piece)

    def answered(self, status: int, body: bytes) -> None:
        self.status = status
        self.reason = body[:200].decode(errors="replace")
        self._ended.set()

    def lost(self, reason: str) -> None:
        self.reason = reason
        self._ended.set()

    def broken(self, error: Exception) -> None:
        self.error = error
        self._ended.set()

    async def end(self) -> None:
        """Wait for the answer's end, as long as bytes keep coming. Raises what `broken` was told."""
        while not self._ended.is_set():
            if monotonic() - self._last > SILENCE:
                self.reason = f"no byte of the answer within {SILENCE:g} s"
                return
            try:
                async with asyncio.timeout(_LOOK):
                    await self._ended.wait()
            except TimeoutError:
                continue
        if self.error is not None:
            raise self.error
