"""One seed, one story: replicas, users, faults, healing, and the check of everything at the end."""

import asyncio
from collections.abc import Iterator
from random import Random
from typing import Any, Final

from daytrader.domain.account import STRANGERS
from daytrader.domain.command import Command, parse
from daytrader.domain.decide import fire_buy, fire_sell
from daytrader.domain.quote import Quote
from daytrader.journal.entry import partition_of
from daytrader.journal.port import JournalUnavailableError, Position
from daytrader.settings import Settings
from daytrader.transaction.accounts import _unpack, armed_of
from daytrader.transaction.message import Reply, Request
from tests.simulation import check
from tests.simulation.clients import EPOCH_MS, History, Sent, User
from tests.simulation.loop import Process, SimulatedLoop
from tests.simulation.plan import Plan
from tests.simulation.quotes import QuoteMarket
from tests.simulation.replica import Replica
from tests.simulation.store import DataSet, Faults, SimulatedJournal, describe
from tests.simulation.viewers import Viewers
from tests.simulation.web import Network, Web

KEEP_MS: Final = 24_000

LONGEST_CUT: Final = 8.0
"""Seconds after which a primary without a majority has stepped down."""

NAMES: Final = ("one", "two", "three")


class World:
    """Everything that is simulated."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.plan = plan = Plan.of(self.random)
        self.loop = SimulatedLoop()
        self.data = DataSet(self.loop, self.random)
        self.market = QuoteMarket(self.loop, self.random, fixed=plan.fixed_price)
        self.network = Network(self.random)
        self.names = NAMES[: plan.replicas]
        self.skews = {name: self.random.uniform(-0.4, 0.4) for name in self.names}
        self.owners: dict[int, set[str]] = {}
        self.replicas: dict[str, Replica | None] = dict.fromkeys(self.names)
        self.lives: list[Replica] = []
        self.history = History()
        self.auditor = Process("audit")
        self.audit_errors: list[str] = []
        self.healed = False
        self.viewers = Viewers(
            self.loop, seed, self.names, lambda name: self.replicas[name], plan.partitions, lambda: EPOCH_MS
        )
        self._deal_partitions()

    def _deal_partitions(self) -> None:
        self.owners = {number: {self.random.choice(self.names)} for number in range(self.plan.partitions)}

    def owned(self, name: str) -> list[int]:
        """Return the partitions that the replica `name` believes to be its own."""
        return [number for number, names in self.owners.items() if name in names]

    def owner(self, partition: int) -> str:
        """Return where web sends the commands of a partition."""
        return min(self.owners[partition])

    def start(self, name: str) -> None:
        """Start a replica."""
        plan = self.plan
        settings = Settings(
            replica=name,
            partitions=plan.partitions,
            journal_keep_ms=KEEP_MS,
            journal_batching=plan.batching,
            triggers_interval_ms=1_000,
            accounts_in_memory_bytes=plan.memory,
            checkpoint_records=plan.checkpoint_records,
        )
        skew = self.skews[name]
        replica = Replica(
            name,
            settings,
            self.loop,
            self.data,
            self.market,
            lambda: EPOCH_MS + int((self.loop.time() + skew) * 1000),
            lambda: self.owned(name),
        )
        self.replicas[name] = replica
        self.lives.append(replica)

    def run(self) -> dict[str, Any]:
        """Tell the whole story, then check it; returns some figures."""
        try:
            return self.loop.run_until_complete(self._story())
        finally:
            self.loop.close()

    async def _story(self) -> dict[str, Any]:
        for name in self.names:
            self.start(name)
        webs = [
            Web(self.loop, self.network, self.replicas.get, self.names, self.owner)
            for _ in range(self.random.choice((1, 2)))
        ]
        users = [self._user(f"user{number}", webs) for number in range(self.plan.users)]
        until = self.loop.time() + self.plan.seconds
        self.viewers.start([user.name for user in users])
        self._set_faults()
        chaos = self.loop.create_task(self._chaos(until))
        audit = self.loop.create_task(self._audit(), context=self.auditor.context)
        await asyncio.gather(
            *[user.run(until) for user in users],
            self._strangers(webs[0], until),
            self._look_after_hosts(until),
        )
        await chaos
        self._heal()
        self.viewers.settle()
        await asyncio.sleep(4)
        await asyncio.gather(*[user.finish() for user in users])
        self.market._fixed = True
        await asyncio.sleep(14)
        self.market.closed = True
        await asyncio.sleep(1)
        audit.cancel()
        self.loop.thaw(self.data.process)
        return self._check()

    def _user(self, name: str, webs: list[Web]) -> User:
        return User(
            name,
            self.loop,
            self.random,
            self.random.choice(webs),
            self.history,
            partitions=self.plan.partitions,
            skew=self.random.uniform(-0.4, 0.4),
            pace=self.random.choice((0.05, 0.3, 0.8)),
        )

    # What goes wrong.

    def _set_faults(self) -> None:
        plan = self.plan
        faults = self.data.faults = Faults()
        faults.slow = 0.03 * plan.faults
        faults.lost = 0.01 * plan.faults
        faults.late = 0.01 * plan.faults
        faults.answer_lost = 0.02 * plan.faults
        faults.uncommitted = 0.02 * plan.faults
        faults.refused = 0.01 * plan.faults
        self.network.late = 0.02 * plan.network
        self.network.lost = 0.01 * plan.network
        self.network.answer_lost = 0.02 * plan.network
        self.network.broken = 0.02 * plan.network
        self.network.misrouted = 0.03 * plan.network
        self.market.failing = 0.15 * plan.quotes
        self.market.slow = 0.15 * plan.quotes

    async def _chaos(self, until: float) -> None:
        plan = self.plan
        events = [
            *((self._freeze,) * 2 if plan.freezes else ()),
            *((self._kill,) * 2 if plan.kills else ()),
            *((self._outage, self._cut, self._cut_off) if plan.outages else ()),
            *((self._move,) * 2 if plan.moves else ()),
        ]
        running = []
        while events and self.loop.time() < until:
            await asyncio.sleep(self.random.expovariate(1 / 3))
            running.append(self.loop.create_task(self.random.choice(events)()))
        await asyncio.gather(*running)

    def _living(self) -> list[Replica]:
        return [replica for replica in self.replicas.values() if replica is not None]

    async def _freeze(self) -> None:
        replica = self.random.choice(self._living() or [None])
        if replica is None or replica.process.frozen:
            return
        seconds = self.random.choice((0.5, 2.5, 5, 14, 30))
        self.loop.freeze(replica.process)
        await asyncio.sleep(seconds)
        replica.process.slept |= seconds * 1_000 > KEEP_MS
        self.loop.thaw(replica.process)

    async def _kill(self) -> None:
        name = self.random.choice(self.names)
        replica = self.replicas[name]
        if replica is None:
            return
        replica.process.dead = True
        self.replicas[name] = None
        await asyncio.sleep(self.random.uniform(0.1, 4))
        self.start(name)

    async def _outage(self) -> None:
        self.data.down = True
        await asyncio.sleep(self.random.uniform(0.2, 8))
        self.data.down = False

    async def _cut(self) -> None:
        replica = self.random.choice(self._living() or [None])
        if replica is not None:
            self.data.cut.add(replica.process)
            await asyncio.sleep(self.random.uniform(0.2, 8))
            self.data.cut.discard(replica.process)

    async def _cut_off(self) -> None:
        replica = self.random.choice(self._living() or [None])
        if replica is not None and replica.process not in self.data.views:
            self.data.cut_off(replica.process)
            await asyncio.sleep(self.random.uniform(0.2, LONGEST_CUT))
            self.data.rejoin(replica.process)

    async def _move(self) -> None:
        number = self.random.randrange(self.plan.partitions)
        self.owners[number] = set(self.random.sample(self.names, self.random.choice((1, 1, 2))))

    def _heal(self) -> None:
        self.data.faults = Faults()
        self.data.down = False
        self.data.cut.clear()
        self.data.views.clear()
        self.network.late = self.network.lost = self.network.answer_lost = 0
        self.network.broken = self.network.misrouted = 0
        self.market.failing = self.market.slow = 0
        for name, replica in self.replicas.items():
            if replica is None:
                self.start(name)
            else:
                self.loop.thaw(replica.process)
        self._deal_partitions()
        self.healed = True

    # Others who are there.

    async def _audit(self) -> None:
        """Follow the journal as the audit service does; what it reads must never change."""
        journal = SimulatedJournal(self.data, self.auditor)
        after = dict.fromkeys(range(self.plan.partitions), 0)
        while True:
            await asyncio.sleep(self.random.uniform(0.1, 2))
            try:
                for entry in await journal.read_all(after, 50):
                    if self.data.history.get((entry.partition, entry.n)) != entry:
                        self.audit_errors.append(f"audit read {entry}, which is not in the history")
                    after[entry.partition] = entry.n
                await journal.set_audited(after)
            except JournalUnavailableError:
                continue

    async def _strangers(self, web: Web, until: float) -> None:
        """Commands without a (valid) user, and dumps of everything."""
        number = 0
        while self.loop.time() < until:
            await asyncio.sleep(self.random.expovariate(1 / 2))
            number += 1
            dump = self.random.random() < 0.3
            command = parse("DUMPLOG") if dump else parse("BUY", self.random.choice(("!!", "a b")), "A", "5.00")
            sends = [self._send_for_nobody(web, f"w:nobody{number}", command, partition_of("", self.plan.partitions))]
            if dump:
                sends += [
                    self._send_for_nobody(web, f"w:nobody{number}", None, partition)
                    for partition in range(self.plan.partitions)
                    if partition != partition_of("", self.plan.partitions)
                ]
            await asyncio.gather(*sends)

    async def _send_for_nobody(self, web: Web, request_id: str, command: Command | None, partition: int) -> None:
        sent_at = self.loop.time()
        request = Request(request_id, partition, command, EPOCH_MS + int(sent_at * 1000))
        sent = Sent(request, sent_at, 0)
        before = max((n for number, n in self.data.history if number == partition), default=0)
        if command is not None:
            self.history.sent.append(sent)
        sent.reply = await web.submit(request, 25)
        sent.answered = self.loop.time()
        if sent.reply is not None and sent.reply.status == 200:
            assert sent.reply.place > before, f"a barrier at {sent.reply.place} in {partition} does not cover {before}"
            assert (partition, sent.reply.place) in self.data.history

    async def _look_after_hosts(self, until: float) -> None:
        while self.loop.time() < until:
            await asyncio.sleep(1)
            self._no_defect()

    def _no_defect(self) -> None:
        for life in self.lives:
            if life.ended is not None:
                raise AssertionError(f"{life.process} ended: {life.ended!r}") from life.ended
            assert not life.host.fault, life.host.fault

    # The end.

    def _check(self) -> dict[str, Any]:
        self._no_defect()
        assert not self.loop.defects, self.loop.defects
        assert not self.audit_errors, self.audit_errors
        truth = check.read(self.data.history, self.plan.partitions)
        orderly = not (self.plan.network or self.plan.moves or self.plan.kills or self.plan.freezes)
        check.check_clients(truth, self.history, orderly=orderly)
        check.check_hits(truth, self.market)
        check.check_money(truth, self.data.history, 500 if self.plan.fixed_price else 0)
        self._check_stored(truth)
        self._check_memory(truth)
        self._check_triggers(truth)
        told = self.viewers.check(truth, self.data.history)
        replies = [sent.reply for sent in self.history.sent]
        return {
            **describe(self.data),
            "sent": len(replies),
            "ok": _count(replies, 200),
            "refused": _count(replies, 400),
            "unknown": replies.count(None),
            "503": _count(replies, 503),
            "429": _count(replies, 429),
            "422": _count(replies, 422),
            "fired": truth.fired,
            "told": told,
            "hits": len(self.market.paid),
        }

    def _check_stored(self, truth: check.Truth) -> None:
        """A stored account is what a replay from scratch says; the checkpoint is not above one that is missing."""
        for (partition, user), stored in self.data.accounts.items():
            account = truth.account_at(partition, user, stored.place)
            assert account is not None
            assert _unpack(stored.state) == account, f"{user} is stored wrongly at {stored.place}"
            assert sorted(stored.armed) == sorted(armed_of(account))
        for partition, checkpoint in self.data.checkpoints.items():
            entry = self.data.history[partition, checkpoint.n]
            assert checkpoint == Position(entry.n, entry.first + entry.count, entry.time)
            for (number, user), places in truth.at.items():
                below = [n for n in places if n <= checkpoint.n]
                if number == partition and below:
                    assert self.data.accounts[partition, user].place >= max(below), f"{user} is missing in the store"

    def _check_memory(self, truth: check.Truth) -> None:
        """What the replicas keep in memory is what a replay says of that place, and owners know every armed trigger."""
        for replica in self._living():
            for partition in replica.host._partitions:
                if not partition.is_open:
                    assert partition.number not in self.owned(replica.process.name), f"{partition.number} is not open"
                    continue
                for user in (*partition.accounts._hot, *partition.accounts._packed):
                    known = partition.accounts.get(user)
                    place = max(partition.head.n, partition.accounts.place(user))
                    account = truth.account_at(partition.number, user, place)
                    assert known == account, f"{user} at {replica.process} in {partition.number}: {known} != {account}"
                if partition.number in self.owned(replica.process.name):
                    armed = {
                        (user, symbol, sells): price
                        for (number, user), account in truth.accounts.items()
                        if number == partition.number and user != STRANGERS
                        for symbol, sells, price in armed_of(account)
                    }
                    assert partition.armed._prices == armed

    def _check_triggers(self, truth: check.Truth) -> None:
        """After a quiet while at a constant price no armed trigger is left that its price has reached."""
        for (partition, user), account in truth.accounts.items():
            for symbol, sells, _ in armed_of(account):
                quote = Quote(symbol, self.market.price(symbol), 0, 0)
                fired = (fire_sell if sells else fire_buy)(account, symbol, quote)
                assert fired is None, f"a trigger of {user} on {symbol} in {partition} has not fired"


def _count(replies: list[Reply | None], status: int) -> int:
    return sum(reply is not None and reply.status == status for reply in replies)


def patches() -> Iterator[tuple[str, float]]:
    """Yield the limits that are made small, so that a short story reaches them."""
    yield "daytrader.domain.quote.VALID_MS", 4_000
    yield "daytrader.domain.account.LIVE_MS", 5_000
    yield "daytrader.domain.evolve.WINDOW", 24
    yield "daytrader.domain.evolve.STRANGERS_WINDOW", 30
    yield "daytrader.transaction.triggers.LOOK_EVERY", 0.25
    yield "daytrader.transaction.keeper.CHUNK", 3
    yield "daytrader.transaction.keeper.TRIM_EVERY", 2
    yield "daytrader.transaction.opening.ENTRIES_AT_ONCE", 4
    yield "daytrader.journal.appender.LARGEST_ENTRY", 4
    yield "daytrader.transaction.host.MOST_OF_A_USER", 8
    yield "daytrader.transaction.follower.MOST_HAPPENED", 20
    yield "daytrader.transaction.settling.MOST_HAPPENED", 20
    yield "daytrader.transaction.settling.MOST_ENTRIES", 30
    yield "daytrader.web.account_stream.MOST_HAPPENED", 30
