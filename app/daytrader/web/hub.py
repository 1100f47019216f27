"""The hub: all streams of a web replica, over one connection to each transaction replica."""

import asyncio
import itertools
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import Final, Protocol

import structlog

from daytrader.clock import Clock
from daytrader.journal.entry import partition_of
from daytrader.membership import Membership, rendezvous
from daytrader.transaction.feed import Beat, Changes, Message, NewQuotes, State, Update
from daytrader.web.account_stream import AccountStream, AccountUpdate
from daytrader.web.event_id import EventId
from daytrader.web.quote_stream import QuoteBoard, QuoteStream
from daytrader.web.watched_user import WatchedUser

__all__ = ["AccountStream", "AccountUpdate", "EventId", "Feed", "FeedBrokenError", "Hub", "QuoteStream"]

RETRY_AFTER: Final = 0.2
"""Seconds before a transaction replica is connected to again."""

LOST_AFTER: Final = 10.0
"""Seconds without a transaction replica after which a stream ends, so that its client knows that it is out of date."""

LOOK_EVERY: Final = 1.0
"""Seconds between two looks for such streams."""

_log = structlog.get_logger(__name__)


class FeedBrokenError(Exception):
    """A transaction replica died, fell silent or spoke nonsense."""


class Feed(Protocol):
    """What is watched at one transaction replica: in this process, or elsewhere."""

    def change(self, changes: Changes) -> None:
        """Watch other users and symbols from now on."""

    def messages(self) -> AsyncGenerator[list[Message], None]:
        """Yield what there is to tell, from now on; the first list at once. Raises FeedBrokenError."""


class _Source:
    """A transaction replica, connected to or not."""

    def __init__(self) -> None:
        self.feed: Feed | None = None
        self.task: asyncio.Task[None] | None = None
        self.failed = False
        """Whether the last try to connect to it was in vain."""


class Hub:
    """Gives streams of accounts and quotes. What it asks whom for follows the membership, as the router does."""

    def __init__(
        self, membership: Membership, connect: Callable[[str], Feed], *, partitions: int, clock: Clock
    ) -> None:
        """`connect(replica)` returns a new feed of a transaction replica."""
        self._membership = membership
        self._connect = connect
        self._clock = clock
        self._sources: dict[str, _Source] = {}
        self._source_of: list[_Source | None] = [None] * partitions
        self._users: dict[str, WatchedUser] = {}
        self._by_sub: dict[int, WatchedUser] = {}
        self._subs = itertools.count(1)
        self._board = QuoteBoard(self._symbols_changed)
        self._ended = False
        self._tasks: asyncio.TaskGroup | None = None

    def account(self, user: str, after: EventId | None = None) -> AccountStream:
        """Return a stream of what happens to `user`, to be closed by its reader.

        It begins with a snapshot, or with what happened since `after` where that is still to be had. A user that does
        not exist is told as such, and as an account once there is one.
        """
        watched = self._users.get(user)
        if watched is None:
            partition = partition_of(user, len(self._source_of))
            watched = self._users[user] = WatchedUser(user, partition, self._clock, self._left)
        stream, wanted = watched.join(after)
        if self._ended:
            stream.end()
        elif wanted:
            self._watch([watched])
        return stream

    def quotes(self, symbols: frozenset[str]) -> QuoteStream:
        """Return a stream of the quotes of `symbols` as they become known, to be closed by its reader.

        It begins with those that are known already, however old. Nothing is asked of the quote server for it.
        """
        stream = self._board.stream(symbols)
        if self._ended:
            stream.end()
        return stream

    @property
    def ended(self) -> bool:
        """Whether all streams have been ended."""
        return self._ended

    def watched(self) -> int:
        """Return how many users are watched."""
        return len(self._users)

    async def run(self) -> None:
        """Serve until cancelled."""
        async with asyncio.TaskGroup() as self._tasks:
            self._membership.subscribe(self._reassign)
            self._reassign()
            while True:
                await asyncio.sleep(LOOK_EVERY)
                self._end_lost(asyncio.get_running_loop().time())

    def end(self) -> None:
        """End all streams, and those that are still asked for at once: their clients go on at another replica."""
        self._ended = True
        self._board.end()
        for watched in self._users.values():
            for stream in watched.streams:
                stream.end()

    # Whom to ask.

    def _reassign(self) -> None:
        """Find out anew which replica each partition falls to, and ask that one."""
        if self._tasks is None:
            return
        ready = self._membership.ready()
        for url in self._sources.keys() - set(ready):
            task = self._sources.pop(url).task
            if task is not None:
                task.cancel()
        for url in ready:
            if url not in self._sources:
                source = self._sources[url] = _Source()
                source.task = self._tasks.create_task(self._follow(url, source), name=f"streams of {url}")
        before = self._source_of
        self._source_of = [self._sources[rendezvous(number, ready)] if ready else None for number in range(len(before))]
        moved = {number for number, source in enumerate(self._source_of) if source is not before[number]}
        users = [watched for watched in self._users.values() if watched.partition in moved]
        self._unwatch(users, before)
        self._watch(users)

    def _unwatch(self, users: Sequence[WatchedUser], sources: Sequence[_Source | None]) -> None:
        of_source: dict[_Source, list[int]] = {}
        for watched in users:
            source = sources[watched.partition]
            if self._by_sub.pop(watched.sub, None) is not None and source is not None:
                of_source.setdefault(source, []).append(watched.sub)
        for source, subs in of_source.items():
            if source.feed is not None:
                source.feed.change(Changes(unwatch=subs))

    def _watch(self, users: Sequence[WatchedUser]) -> None:
        """Subscribe to these anew."""
        now = asyncio.get_running_loop().time()
        self._unwatch(users, self._source_of)
        of_source: dict[_Source, Changes] = {}
        for watched in users:
            sub = next(self._subs)
            self._by_sub[sub] = watched
            watch = watched.watch(sub, now)
            source = self._source_of[watched.partition]
            if source is not None:
                of_source.setdefault(source, Changes([])).watch.append(watch)
        for source, changes in of_source.items():
            if source.feed is not None:
                source.feed.change(changes)

    def _left(self, watched: WatchedUser) -> None:
        if self._users.get(watched.user) is watched:
            del self._users[watched.user]
        self._unwatch([watched], self._source_of)

    def _symbols_changed(self) -> None:
        for source in self._sources.values():
            if source.feed is not None:
                source.feed.change(Changes(symbols=self._board.symbols()))

    def _end_lost(self, now: float) -> None:
        for watched in self._users.values():
            if not watched.live and watched.lost_at and now - watched.lost_at >= LOST_AFTER:
                for stream in watched.streams:
                    stream.end()

    # What is told.

    async def _follow(self, url: str, source: _Source) -> None:
        """Stay connected to a replica."""
        while True:
            try:
                await self._take_all(url, source)
            except FeedBrokenError as error:
                if source.feed is not None or not source.failed:
                    _log.info("streams are followed anew", replica=url, reason=str(error))
                source.failed = source.feed is None
            finally:
                source.feed = None
                now = asyncio.get_running_loop().time()
                for watched in self._of(source):
                    watched.lose(now)
            await asyncio.sleep(RETRY_AFTER)

    async def _take_all(self, url: str, source: _Source) -> None:
        feed = self._connect(url)
        async with aclosing(feed.messages()) as batches:
            async for messages in batches:
                if source.feed is None:
                    source.feed = feed
                    if self._board.symbols():
                        feed.change(Changes(symbols=self._board.symbols()))
                    self._watch(self._of(source))
                self._take(messages, source)

    def _of(self, source: _Source) -> list[WatchedUser]:
        return [watched for watched in self._users.values() if self._source_of[watched.partition] is source]

    def _take(self, messages: list[Message], source: _Source) -> None:
        for message in messages:
            if isinstance(message, Update):
                watched = self._by_sub.get(message.sub)
                if watched is not None and not watched.update(message):
                    self._watch([watched])
            elif isinstance(message, State):
                watched = self._by_sub.get(message.sub)
                if watched is not None:
                    watched.state(message)
            elif isinstance(message, NewQuotes):
                self._board.take(message.quotes)
            elif isinstance(message, Beat):
                self._reach(message, source)

    def _reach(self, beat: Beat, source: _Source) -> None:
        behind = set(beat.behind)
        for watched in self._of(source):
            n = beat.heads.get(watched.partition)
            if n is not None and watched.sub not in behind:
                watched.reach(n)
