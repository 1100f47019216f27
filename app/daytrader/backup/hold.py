"""Holding trimming for as long as something runs, and knowing for sure that it was held all the time."""

import asyncio
import contextlib
from types import TracebackType
from typing import Final, Self

import structlog

from daytrader.backup.manifest import BackupError
from daytrader.backup.reading import persist
from daytrader.clock import boot_seconds
from daytrader.journal.port import Holds, JournalUnavailableError

HOLD_S: Final = 120.0
"""Seconds that a hold lasts: whoever dies keeps nobody from trimming for longer."""

RENEW_EVERY: Final = 20.0
"""Seconds between two renewals; a store that is away for half a minute costs nothing."""

_log = structlog.get_logger(__name__)


class Hold:
    """Trimming is held while this is entered, as long as `check` raises nothing.

    A hold counts only for half of its time from the moment in which it was asked for, by a clock that goes on while
    this machine sleeps; so it had not ended, whatever the clock of the store does (within the other half).
    """

    def __init__(self, holds: Holds, name: str) -> None:
        self._holds = holds
        self._name = name
        self._asked = 0.0
        self._lost = False
        self._renewing: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Raises BackupError where the store is away for too long."""
        await persist("holding trimming", self._begin)
        self._renewing = asyncio.create_task(self._renew(), name="renewing the hold")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._renewing is not None:
            self._renewing.cancel()
            await asyncio.wait([self._renewing])
        with contextlib.suppress(JournalUnavailableError):  # then it ends by itself
            await self._holds.release(self._name)

    def check(self) -> None:
        """Raise BackupError where trimming may have gone on at some time since the beginning."""
        self._lost = self._lost or boot_seconds() - self._asked >= HOLD_S / 2
        if self._lost:
            raise BackupError(
                f"trimming could not be held all the time: the hold was not renewed for {HOLD_S / 2:.0f} s, since the "
                "data set was away or this process stood still; nothing was kept, run the backup again"
            )

    async def _begin(self) -> None:
        self._asked = boot_seconds()
        await self._holds.hold(self._name, HOLD_S)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(RENEW_EVERY)
            asked = boot_seconds()
            try:
                await self._holds.hold(self._name, HOLD_S)
                self.check()
            except JournalUnavailableError as error:
                _log.warning("the hold on trimming is not renewed", error=str(error))
            except BackupError:
                return  # whoever holds asks `check` too
            else:
                self._asked = asked
