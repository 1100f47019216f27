"""A stream of what happens to one user, as one client reads it; it may be slow."""

import asyncio
from collections.abc import Sequence
from typing import Final, Protocol, Self

import msgspec

from daytrader.domain.account import Account
from daytrader.transaction.feed import Happened
from daytrader.web.event_id import EventId

MOST_HAPPENED: Final = 1_000
"""Records that wait for a slow reader; where it gets more, the account alone is told."""


UPDATE_EVERY: Final = 0.5
"""Seconds between two updates of a stream at the least. A transaction replica seldom tells oftener."""


class AccountUpdate(msgspec.Struct, frozen=True):
    """The account as it is, and what happened since the update before."""

    id: EventId
    account: Account | None
    """None: there is no such user (yet). `recent` has the last 100 commands."""
    happened: tuple[Happened, ...]
    """In order; none twice, and none missing unless this is a snapshot."""
    snapshot: bool
    """Whether what happened before is not told: at the beginning, or because it was too much, or is too long ago."""
    now: int
    """When, ms since the epoch."""


class Subject(Protocol):
    """A watched user, as its streams need it."""

    account: Account | None

    @property
    def id(self) -> EventId:
        """The place up to which everything is known."""

    def now(self) -> int:
        """Return the time in ms since the epoch."""

    def left(self, stream: "AccountStream") -> None:
        """Note that a stream is closed."""


class AccountStream:
    """Yields updates until it is closed, or ended by the other side: then its client should resume it elsewhere.

    They keep a distance of `UPDATE_EVERY`, for which a timer is needed only where the next would come sooner.
    However slow its reader is, it holds no more than the newest state and the last `MOST_HAPPENED` records.
    """

    __slots__ = ("_dirty", "_ended", "_happened", "_snapshot", "_subject", "_taken_at", "_waiter", "after", "joined")

    def __init__(self, subject: Subject, after: int | None) -> None:
        self.after = after
        """Until it is joined: the entry up to which the client knows everything; None: it knows nothing."""
        self.joined = False
        """Whether from now on everything that becomes known of the user comes by here."""
        self._subject = subject
        self._happened: list[Happened] = []
        self._snapshot = False
        self._dirty = False
        self._ended = False
        self._taken_at = -UPDATE_EVERY
        self._waiter: asyncio.Future[None] | None = None

    @property
    def id(self) -> EventId:
        """The id to resume with after all updates that have been read, where none waits to be read."""
        return self._subject.id

    @property
    def waits(self) -> bool:
        """Whether an update waits to be read."""
        return self._dirty

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> AccountUpdate:
        while not self._dirty:
            if self._ended:
                raise StopAsyncIteration
            await self._changed()
        loop = asyncio.get_running_loop()
        early = self._taken_at + UPDATE_EVERY - loop.time()
        if early > 0 and not self._ended:
            await asyncio.sleep(early)
        self._taken_at = loop.time()
        return self._take()

    async def join(self, seconds: float) -> bool:
        """Return whether it is joined within that time; it goes on trying where it is not."""
        try:
            async with asyncio.timeout(seconds):
                while not self.joined and not self._ended:
                    await self._changed()
        except TimeoutError:
            return False
        return self.joined

    async def aclose(self) -> None:
        """Read no more."""
        self.end()
        self._subject.left(self)

    async def _changed(self) -> None:
        waiter = self._waiter = asyncio.get_running_loop().create_future()
        try:
            await waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _take(self) -> AccountUpdate:
        subject = self._subject
        happened, snapshot = tuple(self._happened), self._snapshot
        self._happened = []
        self._snapshot = self._dirty = False
        return AccountUpdate(subject.id, subject.account, happened, snapshot, subject.now())

    # What the hub tells.

    def tell(self, happened: Sequence[Happened]) -> None:
        """Note what has happened since."""
        self.joined = True
        if happened and not self._snapshot:
            self._happened += happened
            self._dirty = True
            if len(self._happened) > MOST_HAPPENED:
                self.start_over()
        self._wake()

    def start_over(self) -> None:
        """Tell the account alone, whatever happened before."""
        self.joined = True
        self._happened = []
        self._snapshot = self._dirty = True
        self._wake()

    def end(self) -> None:
        """Come to the end once what waits is read."""
        self._ended = True
        self._wake()
