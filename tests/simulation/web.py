"""The web side of the simulation: batches to replicas, and every command sent again until it is answered."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from random import Random
from typing import Final

import msgspec

from daytrader.transaction.message import Reply, Request
from tests.simulation.loop import SimulatedLoop
from tests.simulation.replica import Replica

SILENCE: Final = 2.0
"""Seconds without an answer after which a replica is taken to be gone."""

LARGEST_BATCH: Final = 40


class Sending:
    """One command until it has its answer."""

    def __init__(self, request: Request, answer: asyncio.Future[Reply]) -> None:
        self.request = request
        self.answer = answer


class Network:
    """What can happen to a batch between web and a replica."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.late = 0.0
        self.lost = 0.0
        self.answer_lost = 0.0
        self.broken = 0.0
        """Connections that break when the batch is through."""
        self.misrouted = 0.0


class Web:
    """One web replica. Batches to one transaction replica go one after the other."""

    def __init__(
        self,
        loop: SimulatedLoop,
        network: Network,
        replica: Callable[[str], Replica | None],
        names: Sequence[str],
        owner: Callable[[int], str],
    ) -> None:
        """`replica(name)` is the replica as it lives now, `owner(partition)` the name of the one it falls to."""
        self._loop = loop
        self._network = network
        self._replica = replica
        self._names = names
        self._owner = owner
        self._queues: dict[str, deque[Sending]] = {name: deque() for name in names}
        self._wake: dict[str, asyncio.Event] = {name: asyncio.Event() for name in names}
        self._suspect: dict[str, float] = dict.fromkeys(names, 0.0)
        self.tasks = [loop.create_task(self._link(name), name=f"link to {name}") for name in names]

    async def submit(self, request: Request, limit: float) -> Reply | None:
        """Return the answer to a command, None where there was none in `limit` seconds."""
        sending = Sending(request, self._loop.create_future())
        self._send(sending)
        try:
            async with asyncio.timeout(limit):
                return await sending.answer
        except TimeoutError:
            return None

    def _send(self, sending: Sending) -> None:
        name = self._route(sending.request.partition)
        self._queues[name].append(sending)
        self._wake[name].set()

    def _route(self, partition: int) -> str:
        now = self._loop.time()
        fit = [name for name in self._names if self._suspect[name] <= now] or list(self._names)
        if self._network.random.random() < self._network.misrouted:
            return self._network.random.choice(fit)
        owner = self._owner(partition)
        return owner if owner in fit else fit[partition % len(fit)]

    async def _link(self, name: str) -> None:
        queue = self._queues[name]
        wake = self._wake[name]
        while True:
            await wake.wait()
            wake.clear()
            while queue:
                batch = [queue.popleft() for _ in range(min(LARGEST_BATCH, len(queue)))]
                batch = [sending for sending in batch if not sending.answer.done()]
                if batch:
                    await self._exchange(name, batch)

    async def _exchange(self, name: str, batch: list[Sending]) -> None:
        try:
            async with asyncio.timeout(SILENCE):
                replies: Sequence[Reply | None] = await self._carry(name, [sending.request for sending in batch])
        except (TimeoutError, ConnectionError):
            self._suspect[name] = self._loop.time() + self._network.random.uniform(0.3, 3)
            waiting = [*batch, *self._queues[name]]
            self._queues[name].clear()
            await asyncio.sleep(0.01)
            for sending in waiting:
                self._again(sending)
                self._send(sending)
            return
        for sending, reply in zip(batch, replies, strict=True):
            if reply is None:
                self._again(sending)
        unanswered = [sending for sending, reply in zip(batch, replies, strict=True) if reply is None]
        self._queues[name].extendleft(reversed(unanswered))
        for sending, reply in zip(batch, replies, strict=True):
            if reply is not None and not sending.answer.done():
                sending.answer.set_result(reply)

    @staticmethod
    def _again(sending: Sending) -> None:
        sending.request = msgspec.structs.replace(sending.request, attempt=sending.request.attempt + 1)

    def _carry(self, name: str, requests: list[Request]) -> asyncio.Future[list[Reply | None]]:
        network = self._network
        random = network.random
        answer: asyncio.Future[list[Reply | None]] = self._loop.create_future()
        answer.add_done_callback(lambda done: done.cancelled() or done.exception())
        chance = random.random()
        if chance < network.lost:
            return answer
        there = random.uniform(0.0002, 0.002)
        if network.lost <= chance < network.lost + network.late:
            there = random.uniform(0.5, 7)
        answers = random.random() >= network.answer_lost
        replica = self._replica(name)

        def respond(replies: list[Reply | None]) -> None:
            if not answer.done():
                answer.set_result(replies)

        def answered(replies: list[Reply | None]) -> None:
            if answers:
                self._loop.call_later(random.uniform(0.0002, 0.002), respond, replies)

        if network.broken and random.random() < network.broken:
            self._loop.call_later(there + 0.001, self._break, answer)

        def deliver() -> None:
            if replica is None or replica.process.dead:
                self._break(answer)
            else:
                replica.deliver(requests, answered)

        self._loop.call_later(there, deliver)
        return answer

    @staticmethod
    def _break(answer: asyncio.Future[list[Reply | None]]) -> None:
        if not answer.done():
            answer.set_exception(ConnectionError("the connection broke"))
