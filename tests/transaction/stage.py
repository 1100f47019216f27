"""A stage for hosts: a store and a quote server that do what the test says, and simulated time."""

import asyncio
import itertools
from collections.abc import Callable, Iterable, Sequence
from random import Random
from typing import Any, cast

import msgspec

from daytrader.domain.command import CommandName, parse
from daytrader.domain.event import Event
from daytrader.domain.quote import Hit, Quote
from daytrader.domain.record import Record
from daytrader.journal.entry import Entry, decode_records, partition_of
from daytrader.journal.port import Fate
from daytrader.quotes.memory import MemoryQuoteCache
from daytrader.quotes.port import Answer, Clock, OnStrayHit, QuoteUnavailable
from daytrader.quotes.source import QuoteSource
from daytrader.settings import Settings
from daytrader.transaction.host import Host
from daytrader.transaction.message import Reply, Request
from daytrader.transaction.waiting import Batch
from tests.simulation.loop import Process, SimulatedLoop
from tests.simulation.store import DataSet, SimulatedAccounts, SimulatedJournal

EPOCH_MS = 1_700_000_000_000
PARTITIONS = 4

ACCEPTED = Reply(200)


class SimulatedTime:
    """Stands in for the module `time`: the running loop's."""

    CLOCK_BOOTTIME = 7

    def clock_gettime(self, _: int) -> float:
        """Return the simulated seconds."""
        return asyncio.get_running_loop().time()

    def time_ns(self) -> int:
        """Return the simulated ns since the epoch."""
        return EPOCH_MS * 1_000_000 + int(asyncio.get_running_loop().time() * 1_000_000_000)


async def until(done: Callable[[], bool], seconds: float = 30) -> None:
    """Wait until `done()`."""
    async with asyncio.timeout(seconds):
        while not done():  # noqa: ASYNC110  nobody tells when a part of the system under test is ready
            await asyncio.sleep(0.01)


class HeldJournal(SimulatedJournal):
    """A journal whose appends wait while `held` is set, and end as `fates` says, the next one first."""

    def __init__(self, data: DataSet, process: Process) -> None:
        super().__init__(data, process)
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.answers: list[str] = []
        """For the next appends: "lost" (never inserted) or "answer lost" (inserted, but nobody knows)."""
        self.appends: list[list[Entry]] = []

    def hold(self) -> None:
        """Let appends wait from now on."""
        self.go_on.clear()

    def let_go(self) -> None:
        """Let them go on."""
        self.go_on.set()

    async def append(self, entries: Sequence[Entry]) -> list[Fate]:
        """Insert the entries when the test lets them."""
        self.appends.append(list(entries))
        await self.go_on.wait()
        answer = self.answers.pop(0) if self.answers else ""
        if answer == "lost":
            return [Fate.UNSETTLED] * len(entries)
        fates = await super().append(entries)
        return [Fate.UNSETTLED] * len(entries) if answer == "answer lost" else fates


class Quotes:
    """A quote server: prices by symbol in cents (0: none is to be had), held back while the test wants it."""

    error = ""

    def __init__(self, clock: Clock) -> None:
        self.prices: dict[str, int] = {}
        self.asked: list[str] = []
        self.paid: list[Hit] = []
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.seconds = 0.0
        self._clock = clock

    async def ask(self, symbol: str, user: str, on_sent: Callable[[], None]) -> Answer:
        """Sell a quote."""
        on_sent()
        asked_at = self._clock()
        self.asked.append(symbol)
        await asyncio.sleep(self.seconds)
        await self.go_on.wait()
        price = self.prices.get(symbol, 500)
        if not price:
            raise QuoteUnavailable("the price is none")
        hit = Hit(symbol, user, price, asked_at, f"key{len(self.paid)}")
        self.paid.append(hit)
        return Answer(Quote(symbol, price, asked_at, asked_at), hit)

    async def close(self) -> None:
        """Do nothing."""


class Actor:
    """A host with the parts it is made of."""

    def __init__(self, stage: "Stage", name: str, settings: Settings, owned: Callable[[], Iterable[int]]) -> None:
        self.process = Process(name)
        self.journal = HeldJournal(stage.data, self.process)
        self.accounts = SimulatedAccounts(stage.data, self.process)
        self.quotes = stage.quotes
        self.host = Host(
            settings,
            self.journal,
            self.accounts,
            clock=stage.clock,
            owned=owned,
            quotes=lambda stray: self._source(stage, stray),
        )
        self.task = asyncio.create_task(self.host.run(), name=name)

    def _source(self, stage: "Stage", stray: OnStrayHit) -> QuoteSource:
        return QuoteSource(stage.quotes, MemoryQuoteCache(), clock=stage.clock, on_stray_hit=stray)

    async def ready(self) -> None:
        """Wait until every partition it owns is open."""
        await until(self.host.is_ready)

    async def stop(self) -> None:
        """Kill it."""
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    def send(self, request: Request) -> asyncio.Task[Reply]:
        """Send a request by itself; the task ends with the reply."""
        return asyncio.create_task(self.host.submit(request))

    async def batch(self, requests: list[Request], *, polling: bool = False, limit: float = 1.0) -> list[Reply | None]:
        """Send several requests as web does."""
        batch = Batch(len(requests), asyncio.get_running_loop())
        for index, request in enumerate(requests):
            self.host.take(request, batch, index)
        return list(await batch.answers(polling=polling, limit=limit))


class Stage:
    """What hosts stand on."""

    def __init__(self) -> None:
        self.loop = cast("SimulatedLoop", asyncio.get_running_loop())
        self.data = DataSet(self.loop, Random(1))
        self.ahead_ms = 0
        """By how much the clock has been turned."""
        self.quotes = Quotes(self.clock)
        self.actors: list[Actor] = []
        self._ids = itertools.count(1)

    def clock(self) -> int:
        """Return the simulated ms since the epoch."""
        return EPOCH_MS + int(self.loop.time() * 1000) + self.ahead_ms

    def actor(
        self,
        name: str = "one",
        owned: Callable[[], Iterable[int]] = lambda: range(PARTITIONS),
        *,
        fresh: bool = False,
        trigger_ms: int = 3_600_000,
        memory: int = 10**9,
        checkpoint: int = 10**6,
        keep_ms: int = 3_600_000,
        batching: bool = True,
    ) -> Actor:
        """Start a host."""
        settings = Settings(
            replica=name,
            partitions=PARTITIONS,
            quotes_fresh_for_orders=fresh,
            triggers_interval_ms=trigger_ms,
            accounts_in_memory_bytes=memory,
            checkpoint_records=checkpoint,
            journal_keep_ms=keep_ms,
            journal_batching=batching,
        )
        actor = Actor(self, name, settings, owned)
        self.actors.append(actor)
        return actor

    async def started(self, name: str = "one", **options: Any) -> Actor:
        """Start a host and wait until it is ready."""
        actor = self.actor(name, **options)
        await actor.ready()
        return actor

    async def close(self) -> None:
        """Stop all hosts; none of them may have met a defect."""
        for actor in self.actors:
            assert not actor.host.fault, actor.host.fault
            if actor.task.done() and not actor.task.cancelled():
                actor.task.result()
            await actor.stop()

    def request(self, line: str, user: str = "alice", *, key: str = "", attempt: int = 0) -> Request:
        """Return the request for a command as it stands in a workload file, but for the user: `BUY,A,5.00`."""
        name, *rest = line.split(",")
        symbol = rest.pop(0) if rest and not rest[0][0].isdigit() and rest[0].isupper() else ""
        command = parse(cast("CommandName", name), user, symbol, *rest)
        request_id = f"k:{key}" if key else f"w:{next(self._ids)}"
        return Request(request_id, partition_of(command.user, PARTITIONS), command, self.clock(), attempt)

    async def run(self, actor: Actor, lines: str, user: str = "alice") -> list[Reply]:
        """Run commands separated by blanks, one after the other; return their replies."""
        return [await actor.host.submit(self.request(line, user)) for line in lines.split()]

    async def accepted(self, actor: Actor, lines: str, user: str = "alice") -> None:
        """Run commands that must all be accepted."""
        for line, reply in zip(lines.split(), await self.run(actor, lines, user), strict=True):
            assert reply.status == 200, f"{line}: {reply}"

    def entries(self) -> list[Entry]:
        """Return all entries that are durable, in the order in which they landed."""
        return [self.data.history[key] for key in sorted(self.data.history, key=lambda key: self.data.landed_at[key])]

    def records(self) -> list[Record]:
        """Return the records of all entries that are durable."""
        return [record for entry in self.entries() for record in decode_records(entry)]

    def events(self) -> list[Event]:
        """Return the events of all entries that are durable."""
        return [record.event for record in self.records() if record.event is not None]

    def hits(self) -> list[Hit]:
        """Return the hits that are in the journal."""
        return [record.hit for record in self.records() if record.hit is not None]


def again(request: Request) -> Request:
    """The request as it is sent a second time."""
    return msgspec.structs.replace(request, attempt=request.attempt + 1)


def users_of(partition: int, number: int) -> list[str]:
    """Return so many users whose accounts live in a partition."""
    names = (f"user{number}" for number in itertools.count())
    return list(itertools.islice((name for name in names if partition_of(name, PARTITIONS) == partition), number))
