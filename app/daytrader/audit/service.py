"""The audit service: follows the journal, and answers with the log."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import aclosing, contextmanager
from typing import Final

from daytrader.audit import metrics
from daytrader.audit.dump import log_of
from daytrader.audit.follower import AuditBehindError, Follower
from daytrader.audit.port import AuditStore
from daytrader.audit.stream import RecordStream, of_user, whole
from daytrader.clock import clock_of
from daytrader.health import Part
from daytrader.journal.entry import Entry
from daytrader.journal.port import Journal
from daytrader.settings import Settings

BEHIND_LIMIT: Final = 15.0
"""Seconds that a dump waits for the audit store to reach what it must contain."""

DUMPS_AT_ONCE: Final = 16

LAG_LIMIT_MS: Final = 10_000
"""Further behind than this, the service says that it is unwell."""


class TooManyDumpsError(Exception):
    """As many logs as may be are being written already."""


class AuditService:
    """Follows `journal` into `store` from `start` on. `close` closes the store, not the journal: others use it too."""

    def __init__(self, settings: Settings, journal: Journal, store: AuditStore) -> None:
        self._clock = clock_of(settings.clock_file)
        self._partitions = settings.partitions
        self._store = store
        self._follower = Follower(journal, store, settings.partitions, self._clock)
        self._dumps = 0
        self._draining = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> asyncio.Task[None]:
        """Start to follow; the task that is returned ends only by `close`, or with the error that ended the service."""
        metrics.LAG_SECONDS.set_function(lambda: self.lag_ms() / 1000)
        self._task = asyncio.create_task(self._follower.run(), name="audit follower")
        return self._task

    def refuse(self) -> None:
        """Be not ready from now on; what is asked all the same is still answered."""
        self._draining = True

    async def close(self) -> None:
        """Stop following and let go of the store; a dump that is under way fails."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._store.close()

    def lag_ms(self) -> int:
        """Return for how many ms it is not known that the audit store holds all that the journal has acknowledged."""
        return max(0, self._clock() - self._follower.level_at)

    def waits_for(self) -> str:
        """Return what keeps the service from being ready, in words; empty when it is."""
        if self._draining:
            return "it is draining: logs are to be asked for elsewhere"
        if not self._follower.heads:
            return self._follower.trouble
        return next(iter(self._follower.blocked.values()), "")

    async def health(self) -> list[Part]:
        """Return how the service and its store are; the journal's health is told by those who write it."""
        follower = self._follower
        lag = self.lag_ms()
        wrong = self.waits_for() or follower.trouble
        if not wrong and lag > LAG_LIMIT_MS:
            wrong = f"{lag / 1000:.0f} s behind the journal: a log asked for now has to wait"
        says = wrong or f"holds the log up to {lag} ms ago; {self._dumps} logs are being written"
        return [Part("audit", not wrong, says), *await self._store.health()]

    async def dump(self, user: str | None, places: Mapping[int, int]) -> AsyncGenerator[bytes, None]:
        """Yield the log in chunks of about 64 KiB: of `user`, or the whole one where that is None.

        It goes up to and including entry n of each partition in `places` (partition -> n), where the barriers of the
        DUMPLOG stand; a user's log needs the user's partition alone. Nothing is yielded before all of that is stored.

        Raises ValueError for a partition that there is not, TooManyDumpsError and AuditBehindError (503: ask again
        later) before the first chunk. Raises AuditUnavailableError at any time, and then what was yielded is no log.
        """
        foreign = sorted(places.keys() - set(range(self._partitions)))
        if foreign:
            raise ValueError(f"there is no partition {foreign[0]}: there are {self._partitions}, counted from 0")
        with self._counted("all" if user is None else "user"):
            await self._follower.passed(places, BEHIND_LIMIT)
            streams = [RecordStream(p, self._entries(p, upto, user), user) for p, upto in places.items()]
            async with aclosing(log_of(streams, self._partitions)) as chunks:
                async for chunk in chunks:
                    metrics.DUMP_BYTES.inc(len(chunk))
                    yield chunk

    def _entries(self, partition: int, upto: int, user: str | None) -> AsyncIterator[list[Entry]]:
        if user is None:
            return whole(self._store, partition, upto)
        return of_user(self._store, self._follower.index(partition), user, upto)

    @contextmanager
    def _counted(self, kind: str) -> Iterator[None]:
        if self._dumps >= DUMPS_AT_ONCE:
            metrics.DUMPS.labels(kind, "busy").inc()
            raise TooManyDumpsError(f"{self._dumps} logs are being written already, no more at once: ask again later")
        began = time.monotonic()
        self._dumps += 1
        metrics.DUMPS_RUNNING.set(self._dumps)
        end = "failed"
        try:
            yield
            end = "complete"
            metrics.DUMP_SECONDS.labels(kind).observe(time.monotonic() - began)
        except AuditBehindError:
            end = "behind"
            raise
        except (GeneratorExit, asyncio.CancelledError):
            end = "abandoned"
            raise
        finally:
            self._dumps -= 1
            metrics.DUMPS_RUNNING.set(self._dumps)
            metrics.DUMPS.labels(kind, end).inc()
