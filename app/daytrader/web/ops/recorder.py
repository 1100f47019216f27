"""The last ten minutes of an installation: a look at all metrics every five seconds, and at all parts while watched."""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Final

import structlog

from daytrader.health import Part
from daytrader.web.health import Health
from daytrader.web.ops.figures import Figures, PartitionHeads, figures_of, heads_of
from daytrader.web.ops.interval import Interval, between, levels_of, together
from daytrader.web.ops.reading import Snapshot
from daytrader.web.ops.scrape import Scraper
from daytrader.web.ops.troubles import Trouble, troubles_of

EVERY: Final = 5.0
"""Seconds between two looks at the metrics."""

LOOK_EVERY: Final = 1.0
"""Seconds between two looks at the parts while somebody watches."""

KEPT_MS: Final = 600_000
"""How long what was seen is kept."""

MINUTE_MS: Final = 60_000

_log = structlog.get_logger(__name__)


class Recorder:
    """What is known of the installation. `run` keeps it up to date."""

    def __init__(self, scraper: Scraper, health: Health) -> None:
        self.parts: Sequence[Part] = ()
        """Every part as it was at the last look."""
        self.newest: Snapshot | None = None
        """What the services said last; None before they were asked."""
        self._scraper = scraper
        self._health = health
        self._intervals: deque[Interval] = deque()
        self._points: deque[Figures] = deque()
        self._watchers = 0
        self._looked_at = float("-inf")
        self._somebody = asyncio.Event()
        self._changed = asyncio.Condition()
        self._looks = 0

    async def run(self) -> None:
        """Look again and again until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._record(), name="metrics of all services")
            group.create_task(self._look(), name="health of all parts")

    async def _record(self) -> None:
        while True:
            began = asyncio.get_running_loop().time()
            await self.record()
            await asyncio.sleep(max(0.0, began + EVERY - asyncio.get_running_loop().time()))

    async def _look(self) -> None:
        while True:
            await self._somebody.wait()
            await self.look()
            await asyncio.sleep(LOOK_EVERY)

    async def record(self) -> None:
        """Look at the metrics once."""
        snapshot = await self._scraper.scrape()
        if self.newest is not None:
            interval = between(self.newest, snapshot)
            self._intervals.append(interval)
            self._points.append(figures_of(interval))
            while self._intervals[0].until < snapshot.at - KEPT_MS:
                self._intervals.popleft()
                self._points.popleft()
        self.newest = snapshot
        await self._announce()

    async def look(self) -> None:
        """Look at the parts once."""
        try:
            self.parts = await self._health.parts()
        except Exception as error:  # whatever a part does, the page has to go on
            _log.exception("the parts cannot be looked at")
            self.parts = [Part("health", False, f"the parts cannot be looked at: {error!r}")]
        self._looked_at = asyncio.get_running_loop().time()
        await self._announce()

    async def look_if_older(self) -> None:
        """Look at the parts, unless that was just done."""
        if asyncio.get_running_loop().time() - self._looked_at > 2 * LOOK_EVERY:
            await self.look()

    async def _announce(self) -> None:
        self._looks += 1
        async with self._changed:
            self._changed.notify_all()

    @property
    def watched(self) -> bool:
        """Whether anybody waits for changes."""
        return self._watchers > 0

    def watch(self) -> None:
        """Look at the parts again and again, until as many have called `unwatch` as have called this."""
        self._watchers += 1
        self._somebody.set()

    def unwatch(self) -> None:
        """Need the parts no more."""
        self._watchers -= 1
        if not self._watchers:
            self._somebody.clear()

    async def newer(self, than: int) -> int:
        """Wait until more is known than at the look of number `than`; returns the newest one's number, from 1 on."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._looks > than)
            return self._looks

    def points(self) -> Sequence[Figures]:
        """Return the figures of every interval of the last ten minutes, the oldest first."""
        return tuple(self._points)

    def now(self) -> Figures | None:
        """Return the figures of the newest interval; None before there is one."""
        return self._points[-1] if self._points else None

    def since(self, ms: int) -> Figures | None:
        """Return the figures of all that is kept from `ms` (since the epoch) on; None where that is nothing."""
        kept = [interval for interval in self._intervals if interval.since >= ms]
        return figures_of(together(kept)) if kept else None

    def heads(self) -> Sequence[PartitionHeads]:
        """Return how far journal and log of each partition are, as far as somebody told at the last look."""
        return () if self.newest is None else heads_of(levels_of(self.newest.sources))

    def last(self, ms: int) -> Figures | None:
        """Return the figures of the last `ms` as one interval; None before there is one."""
        if not self._intervals:
            return None
        return self.since(self._intervals[-1].until - ms - 1) or self._points[-1]

    def troubles(self) -> list[Trouble]:
        """Return what is not well."""
        sources = () if self.newest is None else self.newest.sources
        return troubles_of(self.last(MINUTE_MS), self.parts, sources)

    async def close(self) -> None:
        """Let go of the connections."""
        await self._scraper.close()
