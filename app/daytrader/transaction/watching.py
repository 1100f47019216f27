"""What one web replica watches at a transaction replica: it changes what that is, and is told what happens."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncGenerator, Callable
from typing import Final

from daytrader.domain.quote import Quote
from daytrader.transaction.feed import Beat, Changes, Hello, Message, NewQuotes, Update
from daytrader.transaction.follower import Follower
from daytrader.transaction.settling import Settling
from daytrader.transaction.watched import Watched

TICK: Final = 0.1
"""Seconds between two looks whether there is something to tell."""

GATHER: Final = 0.25
"""Seconds for which more is waited for once something has happened to a user: commands seldom come alone."""

TELL_EVERY: Final = 0.5
"""Seconds between two messages about one user; what happens meanwhile comes together."""

BEAT_EVERY: Final = 1.0
"""Seconds between two beats, by which a web replica knows that nothing was lost, and we that it is there."""

MOST_FOLLOWED: Final = 50_000
"""Users that one web replica may watch at a replica."""


class Watchings:
    """All that is watched here, by the names of those who watch."""

    def __init__(self, watched: Watched) -> None:
        self._watched = watched
        self._by_name: dict[str, Watching] = {}
        self._closed = False

    def __len__(self) -> int:
        return len(self._by_name)

    def new(self) -> "Watching":
        """Return a new one, whose `messages` have to be taken; it is over when they end."""
        one = Watching(self._watched)
        if self._closed:
            one.close()
        else:
            self._by_name[one.name] = one
            one.when_closed = self._forget
        return one

    def _forget(self, one: "Watching") -> None:
        self._by_name.pop(one.name, None)

    def named(self, name: str) -> "Watching | None":
        """Return the one of that name, None where it is over."""
        return self._by_name.get(name)

    def close(self) -> None:
        """End all, and make no more: web replicas turn to another replica."""
        self._closed = True
        for one in list(self._by_name.values()):
            one.close()


class Watching:
    """What one web replica watches."""

    def __init__(self, watched: Watched) -> None:
        self.name = secrets.token_urlsafe(12)
        self.when_closed: Callable[[Watching], None] = lambda _: None
        self._watched = watched
        self._settling = Settling(watched, self._noted)
        self._followers: dict[int, Follower] = {}
        """By sub."""
        self._to_tell: dict[Follower, None] = {}
        """Settled ones of whom something has happened."""
        self._symbols: frozenset[str] = frozenset()
        self._quotes: dict[str, Quote] = {}
        """Newest quotes that are not told yet."""
        self._closed = False

    def change(self, changes: Changes) -> None:
        """Watch other users and symbols from now on."""
        if self._closed:
            return
        for sub in changes.unwatch:
            follower = self._followers.pop(sub, None)
            if follower is not None:
                self._remove(follower)
        partitions = self._watched.partitions
        for watch in changes.watch:
            if watch.sub in self._followers or not watch.user or not 0 <= watch.partition < len(partitions):
                continue
            if len(self._followers) >= MOST_FOLLOWED:
                break
            follower = Follower(watch, partitions[watch.partition], self._noted)
            self._followers[watch.sub] = follower
            self._watched.add(follower)
            self._settling.add(follower)
        if changes.symbols is not None:
            self._listen(frozenset(changes.symbols))

    def _listen(self, symbols: frozenset[str]) -> None:
        for symbol in symbols - self._symbols:
            quote = self._watched.newest(symbol)
            if quote is not None:
                self._quotes[symbol] = quote
        self._symbols = symbols
        if symbols:
            self._watched.listeners[self] = self._learned
        else:
            self._watched.listeners.pop(self, None)

    def _learned(self, quote: Quote) -> None:
        if quote.symbol in self._symbols:
            self._quotes[quote.symbol] = quote

    def _noted(self, follower: Follower) -> None:
        if follower in self._to_tell:
            return
        if follower.settled:
            follower.due = max(follower.due, asyncio.get_running_loop().time() + GATHER)
            self._to_tell[follower] = None
        else:
            self._settling.add(follower)

    def _remove(self, follower: Follower) -> None:
        follower.closed = True
        self._watched.remove(follower)
        self._settling.drop(follower)
        self._to_tell.pop(follower, None)

    async def messages(self) -> AsyncGenerator[list[Message], None]:
        """Yield what there is to tell, a beat at least every second, until this is closed."""
        settling = asyncio.create_task(self._settling.run(), name="settling of watched accounts")
        loop = asyncio.get_running_loop()
        beat_at = loop.time()
        try:
            yield [Hello(self.name)]
            while not self._closed:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(TICK):
                        await self._settling.told.wait()
                if settling.done():
                    settling.result()
                now = loop.time()
                messages = [*self._settling.take(), *self._due(now)]
                if now >= beat_at:
                    beat_at = now + BEAT_EVERY
                    messages.append(self._beat())
                if messages:
                    yield messages
        finally:
            settling.cancel()
            await asyncio.gather(settling, return_exceptions=True)
            self.close()

    def _due(self, now: float) -> list[Message]:
        """Return the updates whose time has come, and the new quotes."""
        messages: list[Message] = []
        for follower in list(self._to_tell):
            if not follower.settled:
                del self._to_tell[follower]
                self._settling.add(follower)
            elif follower.due <= now:
                del self._to_tell[follower]
                n = self._watched.place(follower.partition).n
                if not follower.settled:  # just now it was found that something was not noted
                    continue
                messages.append(Update(follower.sub, follower.told, n, follower.happened))
                follower.told = n
                follower.happened = []
                follower.due = now + TELL_EVERY
        if self._quotes:
            messages.append(NewQuotes(list(self._quotes.values())))
            self._quotes = {}
        return messages

    def _beat(self) -> Beat:
        partitions = {follower.partition for follower in self._followers.values()}
        heads = {partition.number: self._watched.place(partition).n for partition in partitions}
        # after the look at the places, which may have found that something was not noted
        behind = [follower.sub for follower in (*self._to_tell, *self._settling.waiting)]
        return Beat(heads, behind)

    def close(self) -> None:
        """Watch nothing any more; `messages` end."""
        if self._closed:
            return
        self._closed = True
        self._watched.listeners.pop(self, None)
        for follower in self._followers.values():
            self._remove(follower)
        self._followers = {}
        self._settling.told.set()
        self.when_closed(self)
