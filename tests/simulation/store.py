"""A simulated replica set that holds journal and accounts, and everything that can happen on the way to it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, TypeVar

from daytrader.health import Part
from daytrader.journal.entry import Entry
from daytrader.journal.port import Fate, JournalUnavailableError, Position, StoredAccount
from tests.simulation.loop import Process, SimulatedLoop

T = TypeVar("T")

Key = tuple[int, int]

CLIENT_LIMIT = 3.0
"""Seconds after which a client gives up an operation."""


@dataclass
class Faults:
    """How often what goes wrong; all 0 where the world is healed."""

    slow: float = 0.0
    """Operations that take up to 2.5 s."""
    lost: float = 0.0
    """Operations that never reach the set."""
    late: float = 0.0
    """Operations that reach it up to 8 s after the client gave up."""
    answer_lost: float = 0.0
    uncommitted: float = 0.0
    """Entries that the primary took, and that are rolled back or reach a majority later."""
    refused: float = 0.0
    """Operations that fail at once."""

    def draw(self, random: Random) -> str:
        """Return what goes wrong with one operation, "" where nothing does."""
        chance = random.random()
        for name in ("slow", "lost", "late", "answer_lost", "refused"):
            rate = getattr(self, name)
            if chance < rate:
                return name
            chance -= rate
        return ""


@dataclass
class View:
    """The data as they were when a primary was cut off; somebody still talks to it."""

    entries: dict[Key, Entry]
    marks: dict[int, int]
    audited: dict[int, int]
    accounts: dict[tuple[int, str], StoredAccount]
    checkpoints: dict[int, Position]
    own: dict[Key, Entry] = field(default_factory=dict)
    """What was inserted there since: it will be rolled back."""


class DataSet:
    """What a majority holds, and what it held: `history` keeps every entry that was ever the first at its place."""

    def __init__(self, loop: SimulatedLoop, random: Random) -> None:
        self.loop = loop
        self.random = random
        self.faults = Faults()
        self.process = Process("data set")
        self.entries: dict[Key, Entry] = {}
        self.history: dict[Key, Entry] = {}
        self.landed_at: dict[Key, float] = {}
        self.ghosts: list[Entry] = []
        """Entries that somebody inserted at a place that had been trimmed away."""
        self.uncommitted: dict[Key, Entry] = {}
        self.marks: dict[int, int] = {}
        self.audited: dict[int, int] = {}
        self.accounts: dict[tuple[int, str], StoredAccount] = {}
        self.checkpoints: dict[int, Position] = {}
        self.held_until = 0.0
        """Up to this moment of the loop nobody may trim."""
        self.views: dict[Process, View] = {}
        self.cut: set[Process] = set()
        """Processes that do not reach the set."""
        self.down = False
        """Whether there is no primary."""

    def cut_off(self, process: Process) -> None:
        """Let `process` go on with a primary that has just lost its majority."""
        self.views[process] = View(
            dict(self.entries), dict(self.marks), dict(self.audited), dict(self.accounts), dict(self.checkpoints)
        )

    def rejoin(self, process: Process) -> None:
        """Show `process` the primary of the majority; what it wrote to the other is rolled back."""
        self.views.pop(process, None)

    # Operations, at the moment in which the set carries them out.

    def insert(self, process: Process, entry: Entry) -> Fate:
        """Insert one entry."""
        key = (entry.partition, entry.n)
        view = self.views.get(process)
        if view is not None:
            if key in view.entries or key in view.own:
                return Fate.TAKEN
            view.own[key] = entry
            return Fate.UNSETTLED
        if key in self.entries or key in self.uncommitted:
            return Fate.TAKEN
        if self.random.random() < self.faults.uncommitted:
            self.uncommitted[key] = entry
            commits = self.random.random() < 0.5
            delay = self.random.uniform(0.01, 4)
            self.loop.call_later(delay, self._resolve, key, commits, context=self.process.context)
            return Fate.UNSETTLED
        self._commit(key, entry)
        return Fate.DURABLE

    def _resolve(self, key: Key, commits: bool) -> None:
        entry = self.uncommitted.pop(key)
        if commits:
            self._commit(key, entry)

    def _commit(self, key: Key, entry: Entry) -> None:
        self.entries[key] = entry
        if key[1] <= self.marks.get(key[0], 0):
            self.ghosts.append(entry)
        elif key not in self.history:
            self.history[key] = entry
            self.landed_at[key] = self.loop.time()
        else:
            raise AssertionError(f"place {key} was free again above the mark")

    def trim(self, partition: int, upto: int) -> bool:
        """Raise the mark, and delete some of what is below it: the rest goes later."""
        if self.held_until > self.loop.time():
            return False
        assert upto <= self.audited.get(partition, 0), "trimmed what the audit store does not hold"
        assert upto <= self.checkpoints.get(partition, Position()).n, "trimmed what is not checkpointed"
        self.marks[partition] = max(upto, self.marks.get(partition, 0))
        below = [key for key in self.entries if key[0] == partition and key[1] <= upto]
        self.random.shuffle(below)
        for key in below[: self.random.randint(0, len(below))]:
            del self.entries[key]
        return True

    def clear_below_marks(self) -> None:
        """Delete what is left below the marks."""
        for key in [key for key in self.entries if key[1] <= self.marks.get(key[0], 0)]:
            del self.entries[key]

    def store(self, partition: int, accounts: Sequence[StoredAccount]) -> None:
        """Store accounts over older ones."""
        for account in accounts:
            old = self.accounts.get((partition, account.user))
            if old is None or old.place < account.place:
                self.accounts[partition, account.user] = account


class Client:
    """The way of one process to the data set: latency, and what goes wrong on it."""

    def __init__(self, data: DataSet, process: Process) -> None:
        self.data = data
        self.process = process

    def seen(self) -> DataSet | View:
        """Return the data as the primary shows them that this process talks to."""
        return self.data.views.get(self.process, self.data)

    async def ask(self, operation: Callable[[], T], *, majority: bool = False) -> T:
        """Carry out `operation` at the set. Raises JournalUnavailableError."""
        data = self.data
        random = data.random
        answer: asyncio.Future[T] = data.loop.create_future()
        context = data.process.context
        there = random.uniform(0.0005, 0.004)
        back = random.uniform(0.0005, 0.004)
        limit = CLIENT_LIMIT
        answered = True
        happens = data.faults.draw(random)
        if happens == "slow":
            there, back = random.uniform(0, 2.5), random.uniform(0, 2.5)
        elif happens == "late":
            there = CLIENT_LIMIT + random.uniform(0, 8)
        elif happens == "answer_lost":
            answered = False
            limit = random.choice((0.01, CLIENT_LIMIT))

        def respond(result: T) -> None:
            if not answer.done():
                answer.set_result(result)

        def fail() -> None:
            if not answer.done():
                answer.set_exception(JournalUnavailableError("the simulated set does not answer"))

        def serve() -> None:
            if data.down or self.process in data.cut:
                return
            if majority and not isinstance(self.seen(), DataSet):
                return
            result = operation()
            if answered:
                data.loop.call_later(back, respond, result, context=context)

        if happens == "refused" or (data.down and random.random() < 0.5):
            limit = there
        elif happens != "lost":
            data.loop.call_later(there, serve, context=context)
        data.loop.call_later(limit, fail, context=context)
        return await answer


class SimulatedJournal(Client):
    """The journal as one process reaches it."""

    async def open(self, partitions: int) -> None:
        """Do nothing."""

    async def append(self, entries: Sequence[Entry]) -> list[Fate]:
        """Insert the entries; each is judged on its own."""
        assert len({entry.partition for entry in entries}) == len(entries), "two entries for one partition"
        fates = [Fate.UNSETTLED] * len(entries)

        def insert() -> list[Fate]:
            return [self.data.insert(self.process, entry) for entry in entries]

        with contextlib.suppress(JournalUnavailableError):
            return await self.ask(insert)
        return fates

    async def read(self, partition: int, after: int, limit: int) -> list[Entry]:
        """Return entries, dense from `after` + 1."""
        return await self.ask(lambda: _dense(self.seen().entries, partition, after, limit))

    async def read_all(self, after: Mapping[int, int], limit: int) -> list[Entry]:
        """Return entries of several partitions."""
        after = dict(after)

        def read() -> list[Entry]:
            found: list[Entry] = []
            for partition, n in after.items():
                found += _dense(self.seen().entries, partition, n, limit - len(found))
            return found

        return await self.ask(read)

    async def outdated(self, heads: Mapping[int, int]) -> set[int]:
        """Return the partitions in which something follows; a primary without a majority cannot say."""
        heads = dict(heads)
        data = self.data

        def find() -> set[int]:
            return {
                partition
                for partition, n in heads.items()
                if (partition, n + 1) in data.entries or data.marks.get(partition, 0) > n
            }

        return await self.ask(find, majority=True)

    async def mark(self, partition: int) -> int:
        """Return the trim mark; a primary without a majority cannot say."""
        return await self.ask(lambda: self.data.marks.get(partition, 0), majority=True)

    async def trim(self, partition: int, upto: int) -> bool:
        """Raise the mark, then delete."""
        return await self.ask(lambda: self.data.trim(partition, upto), majority=True)

    async def audited(self, partition: int) -> int:
        """Return what the audit service holds."""
        return await self.ask(lambda: self.seen().audited.get(partition, 0))

    async def set_audited(self, audited: Mapping[int, int]) -> None:
        """Say what the audit service holds."""
        after = dict(audited)

        def write() -> None:
            for partition, n in after.items():
                self.data.audited[partition] = max(n, self.data.audited.get(partition, 0))

        await self.ask(write, majority=True)

    async def clock_skew(self) -> int:
        """Return no skew."""
        return 0

    async def size(self) -> int:
        """Return the number of entries."""
        return len(self.data.entries)

    async def clear(self) -> None:
        """Nobody does."""
        raise NotImplementedError

    async def health(self) -> list[Part]:
        """Say nothing."""
        return []

    async def close(self) -> None:
        """Do nothing."""


def _dense(entries: dict[Key, Entry], partition: int, after: int, limit: int) -> list[Entry]:
    found: list[Entry] = []
    while len(found) < limit:
        entry = entries.get((partition, after + len(found) + 1))
        if entry is None:
            break
        found.append(entry)
    return found


class SimulatedAccounts(Client):
    """The account store as one process reaches it."""

    async def load(self, partition: int, users: Sequence[str]) -> dict[str, StoredAccount]:
        """Return the stored accounts of `users`."""
        wanted = list(users)

        def find() -> dict[str, StoredAccount]:
            accounts = self.seen().accounts
            return {user: accounts[partition, user] for user in wanted if (partition, user) in accounts}

        return await self.ask(find)

    async def store(self, partition: int, accounts: Sequence[StoredAccount]) -> None:
        """Store accounts; where it fails, some of them may be stored."""
        wanted = list(accounts)
        if wanted and self.data.random.random() < self.data.faults.answer_lost:
            wanted = wanted[: self.data.random.randint(0, len(wanted) - 1)]
            await self.ask(lambda: self.data.store(partition, wanted), majority=True)
            raise JournalUnavailableError("only some were stored")
        await self.ask(lambda: self.data.store(partition, wanted), majority=True)

    async def armed(self, partition: int) -> AsyncIterator[StoredAccount]:
        """Yield the accounts with armed triggers; the store goes on changing meanwhile."""
        users = await self.ask(lambda: [user for number, user in self.seen().accounts if number == partition])
        for user in users:
            stored = await self.ask(lambda user=user: self.seen().accounts[partition, user])  # type: ignore[misc]
            if stored.armed:
                yield stored

    async def users(self, partition: int) -> list[str]:
        """Return every user who has an account."""
        return await self.ask(lambda: [user for number, user in self.seen().accounts if number == partition])

    async def checkpoint(self, partition: int) -> Position:
        """Return the checkpoint."""
        return await self.ask(lambda: self.seen().checkpoints.get(partition, Position()))

    async def set_checkpoint(self, partition: int, position: Position) -> None:
        """Raise the checkpoint."""

        def write() -> None:
            if self.data.checkpoints.get(partition, Position()).n < position.n:
                self.data.checkpoints[partition] = position

        await self.ask(write, majority=True)

    async def clear(self) -> None:
        """Nobody does."""
        raise NotImplementedError


def describe(data: DataSet) -> dict[str, Any]:
    """Return some figures, to know that a simulation did something."""
    return {
        "entries": len(data.history),
        "trimmed": sum(data.marks.values()),
        "ghosts": len(data.ghosts),
        "accounts": len(data.accounts),
        "checkpoints": sum(position.n for position in data.checkpoints.values()),
    }
