"""Settling what is watched: telling the account and what happened lately, from where on all that happens is noted."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

import msgspec
import structlog

from daytrader.domain.account import Account
from daytrader.domain.summary import HISTORY
from daytrader.journal.entry import UnknownFormatError, decode_records
from daytrader.journal.port import JournalUnavailableError
from daytrader.transaction.feed import Happened, Message, State
from daytrader.transaction.follower import MOST_HAPPENED, Follower
from daytrader.transaction.partition import Partition
from daytrader.transaction.watched import Watched, user_of

MOST_ENTRIES: Final = 1_000
"""Entries that are looked through for what happened since; an asker that knows less is told the account alone."""

MOST_RECORDS: Final = 50_000
"""Records that are looked through."""

OPENS_WITHIN: Final = 1.0
"""Seconds for which an opening is waited for before it is looked at again."""

RETRY_AFTER: Final = 0.1
"""Seconds before what could not be settled is tried again."""

TELL_EVERY: Final = 0.5
"""Seconds between this answer and the first update."""

MOST_UNSENT: Final = 2_000
"""Answers that wait to be sent; above that no more are made."""

_log = structlog.get_logger(__name__)


class Settling:
    """Answers watches, those of one partition together."""

    def __init__(self, watched: Watched, noted: Callable[[Follower], None]) -> None:
        """`noted(follower)` is called for one that is settled and of whom there is something to tell already."""
        self.waiting: dict[Follower, None] = {}
        """Not settled yet."""
        self.told = asyncio.Event()
        """Set while there are answers to take."""
        self._watched = watched
        self._noted = noted
        self._answers: list[Message] = []
        self._work = asyncio.Event()
        self._room = asyncio.Event()

    def add(self, follower: Follower) -> None:
        """Settle a follower."""
        self.waiting[follower] = None
        self._work.set()

    def drop(self, follower: Follower) -> None:
        """Forget a follower."""
        self.waiting.pop(follower, None)

    def take(self) -> list[Message]:
        """Return the answers that have been made."""
        answers, self._answers = self._answers, []
        self.told.clear()
        self._room.set()
        return answers

    async def run(self) -> None:
        """Settle for ever."""
        while True:
            if not self.waiting:
                self._work.clear()
                await self._work.wait()
            by_partition: dict[Partition, list[Follower]] = {}
            for follower in self.waiting:
                by_partition.setdefault(follower.partition, []).append(follower)
            await asyncio.gather(*(self._settle(partition, some) for partition, some in by_partition.items()))
            if self.waiting:
                await asyncio.sleep(RETRY_AFTER)
            while len(self._answers) > MOST_UNSENT:
                self._room.clear()
                await self._room.wait()

    async def _settle(self, partition: Partition, followers: list[Follower]) -> None:
        """Settle these as far as it can be done now."""
        try:
            if not await self._is_current(partition, followers):
                return
            followers = [follower for follower in followers if not follower.closed]
            if not followers:
                return
            place = self._watched.place(partition)
            gaps, head = place.gaps, place.n
            await self._watched.opening.load_all(partition, {follower.user for follower in followers})
            happened, since = await self._happened(partition, followers, head)
        except (JournalUnavailableError, TimeoutError) as error:
            _log.info("watched accounts wait for the store", partition=partition.number, error=str(error))
            return
        except UnknownFormatError as error:
            _log.error("watched accounts cannot be followed", partition=partition.number, error=str(error))
            return
        followers = [follower for follower in followers if not follower.closed]
        if not followers or not partition.is_open or self._watched.place(partition).gaps != gaps:
            return
        due = asyncio.get_running_loop().time() + TELL_EVERY
        for follower in followers:
            if not follower.settled and self._is_known(follower, partition):
                self._answer(follower, happened.get(follower.user, []), since, head)
                follower.due = due

    async def _is_current(self, partition: Partition, followers: list[Follower]) -> bool:
        """Whether the partition is open, and as far as everybody knows it to be."""
        if not partition.is_open:
            async with asyncio.timeout(OPENS_WITHIN):
                await asyncio.shield(self._watched.partitions.open(partition))
            if not partition.is_open:
                return False
        if max(follower.reached for follower in followers) > partition.head.n:
            head = partition.head.n
            await self._watched.partitions.confirm([partition])
            if not partition.is_open or partition.head.n != head or partition.flight:
                return False
            for follower in followers:  # nobody knows of an entry after it
                follower.reached = min(follower.reached, head)
        return True

    def _is_known(self, follower: Follower, partition: Partition) -> bool:
        """Whether its account is in memory, and not of a time that the partition is still to catch up with.

        It is ahead where another replica appended, and stored the account, since we last looked.
        """
        accounts = partition.accounts
        return follower.user in accounts and accounts.place(follower.user) <= self._watched.place(partition).n

    async def _happened(
        self, partition: Partition, followers: Iterable[Follower], head: int
    ) -> tuple[dict[str, list[Happened]], int]:
        """Return, by user, what the journal says happened up to entry `head`, and after which entry that begins."""
        found: dict[str, list[Happened]] = {follower.user: [] for follower in followers}
        mark = max(await self._mark(partition, followers, head), head - MOST_ENTRIES)
        after = min((one.after for one in followers if one.after is not None and one.after >= mark), default=head)
        since, records = after, 0
        while after < head:
            entries = await self._watched.journal.read(partition.number, after, min(MOST_ENTRIES, head - after))
            records += sum(entry.count for entry in entries)
            if not entries or records > MOST_RECORDS:
                return {}, head
            for entry in entries:
                for number, record in enumerate(decode_records(entry), entry.first):
                    of_user = found.get(user_of(record))
                    if of_user is not None:
                        of_user.append(Happened(entry.n, number, record))
                await asyncio.sleep(0)
            after = entries[-1].n
        return found, since

    async def _mark(self, partition: Partition, followers: Iterable[Follower], head: int) -> int:
        if all(one.after is None or one.after >= head for one in followers):
            return 0
        return await self._watched.journal.mark(partition.number)

    def _answer(self, follower: Follower, happened: list[Happened], since: int, head: int) -> None:
        """Tell the account as it is, and what happened after the entry that is known, where that can be told."""
        partition = follower.partition
        n = self._watched.place(partition).n
        after = follower.after
        told: list[Happened] = []
        if after is not None and since <= after <= head:
            told = [one for one in happened if one.n > after]
            told += [one for one in follower.happened if one.n > head]
        if after is None or not since <= after <= head or len(told) > MOST_HAPPENED:
            after, told = None, []
        account = shown(partition.accounts.peek(follower.user))
        self._answers.append(State(follower.sub, n, account, after, told))
        follower.told = n
        follower.happened = []
        follower.settled = True
        self.waiting.pop(follower, None)
        self.told.set()


def shown(account: Account | None) -> Account | None:
    """Return the account without those of its last commands that nobody is shown."""
    if account is None or len(account.recent) <= HISTORY:
        return account
    return msgspec.structs.replace(account, recent=account.recent[-HISTORY:], forgotten=True)
