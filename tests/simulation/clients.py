"""Users of the simulated system: what they send, and the history of what they were told."""

import asyncio
from dataclasses import dataclass, field
from random import Random
from typing import Final

from daytrader.domain.command import Command, CommandName, parse
from daytrader.journal.entry import partition_of
from daytrader.transaction.message import Reply, Request
from tests.simulation.loop import SimulatedLoop
from tests.simulation.web import Web

SYMBOLS: Final = ("A", "BB", "CCC")

MIX: Final[tuple[tuple[CommandName, int], ...]] = (
    ("ADD", 10),
    ("QUOTE", 8),
    ("BUY", 18),
    ("COMMIT_BUY", 14),
    ("CANCEL_BUY", 3),
    ("SELL", 9),
    ("COMMIT_SELL", 7),
    ("CANCEL_SELL", 2),
    ("SET_BUY_AMOUNT", 9),
    ("SET_BUY_TRIGGER", 12),
    ("CANCEL_SET_BUY", 2),
    ("SET_SELL_AMOUNT", 8),
    ("SET_SELL_TRIGGER", 11),
    ("CANCEL_SET_SELL", 2),
    ("DISPLAY_SUMMARY", 6),
    ("DUMPLOG", 2),
)

PATIENCE: Final = 25.0
"""Seconds after which a client gives up."""


@dataclass
class Sent:
    """One command that a client sent, and what it was told."""

    request: Request
    sent: float
    """Simulated seconds."""
    order: int
    """Number of the command among those of its user."""
    repeats: "Sent | None" = None
    """The command that this one repeats under the same key."""
    reply: Reply | None = None
    answered: float = 0.0


@dataclass
class History:
    """Everything that was sent."""

    sent: list[Sent] = field(default_factory=list)


def next_command(random: Random, user: str) -> Command:
    """Return a command of the usual mix, with amounts that are often accepted."""
    name = random.choices([name for name, _ in MIX], [weight for _, weight in MIX])[0]
    symbol = random.choice(SYMBOLS)
    if random.random() < 0.03:
        return parse(name, user, random.choice(("", "abcd", "A")), random.choice(("-1.00", "0.00", "x")))
    cents = random.randint(300, 700) if "TRIGGER" in name else random.randint(500, 5_000)
    if name == "ADD":
        cents = random.randint(2_000, 20_000)
    return parse(name, user, symbol, f"{cents // 100}.{cents % 100:02d}", "dump.xml")


class User:
    """Sends commands one after the other, now and then many at once, and sometimes the same one twice."""

    def __init__(
        self,
        name: str,
        loop: SimulatedLoop,
        random: Random,
        web: Web,
        history: History,
        *,
        partitions: int,
        skew: float,
        pace: float,
    ) -> None:
        self.name = name
        self._loop = loop
        self._random = random
        self._web = web
        self._history = history
        self._partitions = partitions
        self._skew = skew
        self._pace = pace
        self._orders = 0

    async def run(self, until: float) -> None:
        """Send commands until the simulated time `until`."""
        if self._random.random() < 0.7:
            await self._send(parse("ADD", self.name, "", "200.00"))
        while self._loop.time() < until:
            await asyncio.sleep(self._random.expovariate(1 / self._pace))
            if self._random.random() < 0.12:
                burst = [next_command(self._random, self.name) for _ in range(self._random.randint(2, 9))]
                await asyncio.gather(*[self._send(command) for command in burst])
            else:
                await self._send_and_repeat()

    async def finish(self) -> None:
        """Ask for the summary until it comes: the system has healed, so it must."""
        for _ in range(3):
            sent = await self._send(parse("DISPLAY_SUMMARY", self.name))
            if sent.reply is not None and sent.reply.status in (200, 400):
                return
        raise AssertionError(f"{self.name} gets no answer from a healed system: {sent}")

    async def _send_and_repeat(self) -> None:
        random = self._random
        sent = await self._send(next_command(random, self.name))
        if not sent.request.id.startswith("k:"):
            return
        if sent.reply is None or sent.reply.status in (429, 503) or random.random() < 0.2:
            assert sent.request.command is not None
            await self._send(sent.request.command, sent)
        elif random.random() < 0.1:
            await self._send(next_command(random, self.name), sent)

    async def _send(self, command: Command, repeats: Sent | None = None) -> Sent:
        order = self._orders
        self._orders += 1
        request_id = f"{self._random.choice('kww')}:{self.name}-{order}" if repeats is None else repeats.request.id
        now = self._loop.time()
        request = Request(
            request_id,
            partition_of(command.user, self._partitions),
            command,
            int((now + self._skew) * 1000) + EPOCH_MS,
        )
        sent = Sent(request, now, order, repeats)
        self._history.sent.append(sent)
        sent.reply = await self._web.submit(request, PATIENCE)
        sent.answered = self._loop.time()
        return sent


EPOCH_MS: Final = 1_700_000_000_000
"""The simulated clock's time at the loop's 0 seconds."""
