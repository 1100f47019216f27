"""Those who watch accounts in the simulation, through real hubs: they come and go, and miss nothing."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from random import Random

from daytrader.clock import Clock
from daytrader.domain.record import Record
from daytrader.journal.entry import Entry, decode_records, partition_of
from daytrader.transaction.feed import Changes, Message
from daytrader.transaction.watched import user_of
from daytrader.web.account_stream import AccountUpdate
from daytrader.web.event_id import EventId
from daytrader.web.hub import FeedBrokenError, Hub
from tests.simulation.check import Truth
from tests.simulation.loop import SimulatedLoop
from tests.simulation.replica import Replica

PROBE_EVERY = 0.5
SILENCE = 3.0

Alive = Callable[[str], Replica | None]


class Probed:
    """The membership of a hub: a replica that does not answer is not ready."""

    def __init__(self, names: Sequence[str], alive: Alive) -> None:
        self._names = names
        self._alive = alive
        self._ready: tuple[str, ...] = ()
        self._subscribers: list[Callable[[], None]] = []

    def ready(self) -> Sequence[str]:
        """Return the replicas that answered the last probe."""
        return self._ready

    def failures(self) -> dict[str, str]:
        """Return nothing."""
        return {}

    def suspect(self, replica: str, reason: str) -> None:
        """Do nothing."""

    def subscribe(self, changed: Callable[[], None]) -> None:
        """Call `changed` when others are ready."""
        self._subscribers.append(changed)

    async def run(self) -> None:
        """Probe for ever."""
        while True:
            living = [(name, self._alive(name)) for name in self._names]
            ready = tuple(sorted(name for name, one in living if one is not None and not one.process.frozen))
            if ready != self._ready:
                self._ready = ready
                for changed in self._subscribers:
                    changed()
            await asyncio.sleep(PROBE_EVERY)


class SimulatedFeed:
    """The feed of a replica as it lives now; what goes to and fro takes its turns in the replica's process."""

    def __init__(self, replica: Replica | None, random: Random) -> None:
        self._replica = replica
        self._random = random
        self._told: asyncio.Queue[list[Message] | None] = asyncio.Queue()
        self._watching = None if replica is None else replica.host.watchings.new()

    def change(self, changes: Changes) -> None:
        """Watch other users."""
        if self._replica is not None and self._watching is not None:
            context = self._replica.process.context
            self._replica.loop.call_later(
                self._random.uniform(0.001, 0.05), self._watching.change, changes, context=context
            )

    async def messages(self) -> AsyncGenerator[list[Message], None]:
        """Yield what is told; the connection breaks now and then."""
        replica = self._replica
        if replica is None:
            raise FeedBrokenError("cannot be reached")
        telling = replica.loop.create_task(self._tell(), context=replica.process.context)
        try:
            while True:
                try:
                    async with asyncio.timeout(SILENCE):
                        messages = await self._told.get()
                except TimeoutError as error:
                    raise FeedBrokenError("was silent") from error
                if messages is None or self._random.random() < 0.01:
                    raise FeedBrokenError("the connection broke")
                yield messages
        finally:
            telling.cancel()

    async def _tell(self) -> None:
        assert self._watching is not None
        async for messages in self._watching.messages():
            self._told.put_nowait(messages)
        self._told.put_nowait(None)


class Viewer:
    """Reads one user's stream, at one hub after the other."""

    def __init__(self, user: str, partition: int, hubs: Sequence[Hub], random: Random) -> None:
        self.user = user
        self.partition = partition
        self.read: list[AccountUpdate] = []
        self.at: EventId | None = None
        """The id to go on after."""
        self._hubs = hubs
        self._random = random
        self.settled = False
        """Whether it shall stay until the end."""

    async def run(self) -> None:
        """Read for ever, with pauses."""
        while True:
            stream = self._random.choice(self._hubs).account(self.user, self.at)
            left = self._random.choice((1, 5, 30, 1_000))
            try:
                while left or self.settled:
                    left -= bool(left)
                    self.read.append(await anext(stream))
                    self.at = self.read[-1].id
                    if self._random.random() < 0.3:
                        await asyncio.sleep(self._random.uniform(0, 2))
            except StopAsyncIteration:
                pass
            if not stream.waits and stream.joined and self._random.random() < 0.5:
                self.at = stream.id
            await stream.aclose()
            await asyncio.sleep(self._random.choice((0.05, 0.5, 4)))

    def check(self, truth: Truth, happened: list[tuple[int, int, Record]]) -> int:
        """Hold what was read against the journal: each update tells all that happened since the one before."""
        known: int | None = None
        for update in self.read:
            place = update.id.n
            assert update.account == truth.account_at(self.partition, self.user, place) or (
                update.account is not None
                and (true := truth.account_at(self.partition, self.user, place)) is not None
                and _but_forgotten(update) == (true.cents, true.holdings, true.buys, true.sells, true.recent)
            ), f"{self.user} at {update.id}: {update.account}"
            if update.snapshot:
                assert update.happened == ()
            else:
                assert known is not None
                expected = [one for one in happened if known < one[0] <= place]
                assert [(one.n, one.number, one.record) for one in update.happened] == expected, (
                    f"{self.user} after {known} up to {place}"
                )
            known = place
        if happened:
            assert known is not None, f"{self.user} was told nothing"
            assert happened[-1][0] <= known, f"{self.user} was not told of {happened[-1]}, only up to {known}"
        return len(self.read)


def _but_forgotten(update: AccountUpdate) -> tuple[object, ...]:
    account = update.account
    assert account is not None
    return (account.cents, account.holdings, account.buys, account.sells, account.recent)


class Viewers:
    """Two hubs, and two viewers of each user."""

    def __init__(
        self, loop: SimulatedLoop, seed: int, names: Sequence[str], alive: Alive, partitions: int, clock: Clock
    ) -> None:
        random = Random(f"viewers {seed}")
        self._memberships = [Probed(names, alive) for _ in range(2)]
        self._hubs = [
            Hub(
                membership,
                lambda name: SimulatedFeed(alive(name), random),
                partitions=partitions,
                clock=clock,
            )
            for membership in self._memberships
        ]
        self._loop = loop
        self._random = random
        self._partitions = partitions
        self._viewers: list[Viewer] = []
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, users: Sequence[str]) -> None:
        """Begin to watch."""
        for user in (*users, "never"):
            for _ in range(2):
                self._viewers.append(Viewer(user, partition_of(user, self._partitions), self._hubs, self._random))
        runs = [one.run() for parts in (self._memberships, self._hubs, self._viewers) for one in parts]
        self._tasks = [self._loop.create_task(run) for run in runs]

    def settle(self) -> None:
        """Let all go on to the end from now on."""
        for viewer in self._viewers:
            viewer.settled = True

    def check(self, truth: Truth, history: dict[tuple[int, int], Entry]) -> int:
        """Nothing may be missing; returns how many updates there were."""
        for task in self._tasks:
            if task.done():
                task.result()
                raise AssertionError(f"{task.get_name()} ended")
        by_user: dict[str, list[tuple[int, int, Record]]] = {viewer.user: [] for viewer in self._viewers}
        for (_, n), entry in sorted(history.items()):
            for number, record in enumerate(decode_records(entry), entry.first):
                if user_of(record) in by_user:
                    by_user[user_of(record)].append((n, number, record))
        return sum(viewer.check(truth, by_user[viewer.user]) for viewer in self._viewers)
