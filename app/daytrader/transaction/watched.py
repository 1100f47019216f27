"""The watched accounts and symbols of a replica: what is durable, or learned, is noted for those who watch."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

from daytrader.clock import boot_seconds
from daytrader.domain.quote import Quote
from daytrader.domain.record import Record
from daytrader.journal.entry import Entry
from daytrader.journal.port import Journal
from daytrader.transaction.feed import Happened
from daytrader.transaction.follower import Follower
from daytrader.transaction.opening import Opening
from daytrader.transaction.partition import Decided, Partition
from daytrader.transaction.partitions import Partitions

CONFIRM_EVERY: Final = 0.5
"""Seconds between two looks whether others appended to watched partitions, and how old what is known may be then."""


class Watched:
    """What is watched, by partition. Where nothing is, an entry costs one look into a dictionary."""

    def __init__(
        self, journal: Journal, opening: Opening, partitions: Partitions, newest: Callable[[str], Quote | None]
    ) -> None:
        """`newest(symbol)` gives the newest quote that is known, None where there is none."""
        self.journal = journal
        self.opening = opening
        self.partitions = partitions
        self.newest = newest
        self.listeners: dict[object, Callable[[Quote], None]] = {}
        """Are called with each new newest quote; by whoever listens."""
        self._places: dict[int, Place] = {}

    def add(self, follower: Follower) -> None:
        """Note from now on what happens to a user."""
        number = follower.partition.number
        place = self._places.get(number)
        if place is None:
            place = self._places[number] = Place(follower.partition.head.n)
        place.add(follower)

    def remove(self, follower: Follower) -> None:
        """Note nothing more for it."""
        number = follower.partition.number
        place = self._places[number]
        place.remove(follower)
        if not place.followers:
            del self._places[number]

    def place(self, partition: Partition) -> "Place":
        """Return how far a watched partition has been noted, which is up to its head while it is open."""
        place = self._places[partition.number]
        if partition.is_open:
            place.jump(partition.head.n)
        return place

    # What happens.

    def landed(self, partition: Partition, decided: list[Decided]) -> None:
        """Note what has become durable in an entry of ours."""
        place = self._places.get(partition.number)
        if place is not None:
            head = partition.head
            place.note(head.n, head.next_record - len(decided), [one.record for one in decided])

    def followed(self, partition: Partition, entries: list[tuple[Entry, list[Record]]]) -> None:
        """Note what the journal holds, of others or of our own."""
        place = self._places.get(partition.number)
        if place is not None:
            for entry, records in entries:
                place.note(entry.n, entry.first, records)

    def learned(self, quote: Quote) -> None:
        """Note a new newest quote."""
        for listener in self.listeners.values():
            listener(quote)

    # What others append is looked for.

    async def run(self) -> None:
        """Follow what others append to watched partitions, for ever."""
        while True:
            await asyncio.sleep(CONFIRM_EVERY)
            watched = [self.partitions[number] for number in self._places]
            await self.confirm(watched)

    async def confirm(self, partitions: Iterable[Partition]) -> None:
        """Find out whether these are at the ends of their journals, and have those that are not catch up."""
        since = boot_seconds() - CONFIRM_EVERY
        stale = []
        for partition in partitions:
            if not partition.is_open:
                self.partitions.open(partition)
            elif partition.head_known_at < since:
                stale.append(partition)
        await self.partitions.confirm(stale)


class Place:
    """How far a partition has been noted, and who wants to know of whom."""

    def __init__(self, n: int) -> None:
        self.n = n
        self.gaps = 0
        """How many times something was not noted; what was noted before is not to be added to what comes after."""
        self.followers: dict[str, list[Follower]] = {}
        """By user."""

    def add(self, follower: Follower) -> None:
        """Note for it what happens from now on."""
        self.followers.setdefault(follower.user, []).append(follower)

    def remove(self, follower: Follower) -> None:
        """Note nothing more for it."""
        of_user = self.followers[follower.user]
        of_user.remove(follower)
        if not of_user:
            del self.followers[follower.user]

    def note(self, n: int, first: int, records: list[Record]) -> None:
        """Note entry `n`, whose first record has the number `first`."""
        if n <= self.n:
            return
        self.jump(n - 1)
        self.n = n
        followers = self.followers
        for number, record in enumerate(records, first):
            of_user = followers.get(user_of(record))
            if of_user is not None:
                happened = Happened(n, number, record)
                for follower in of_user:
                    follower.note(happened)

    def jump(self, n: int) -> None:
        """Go on after entry `n`; where something before it was not noted, everybody has to catch up."""
        if n > self.n:
            self.n = n
            self.gaps += 1
            for of_user in self.followers.values():
                for follower in of_user:
                    follower.missed()


def user_of(record: Record) -> str:
    """Return the user whom a record concerns, who need not exist; empty: nobody."""
    if record.account:
        return record.account
    return "" if record.command is None else record.command.user
