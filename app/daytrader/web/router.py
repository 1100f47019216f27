"""The router: every command goes to the replica that its partition falls to, and to another where that one dies."""

import asyncio
from collections import deque
from itertools import chain
from typing import Final

import structlog

from daytrader.membership import Membership, rendezvous
from daytrader.session import InternalSession
from daytrader.transaction.message import Reply, Request
from daytrader.web import metrics
from daytrader.web.dispatch import FULL, NO_REPLICA, UNKNOWN
from daytrader.web.link import Limits, Link, Pending

EXPIRY_EVERY: Final = 0.1
"""Seconds between two looks for commands past their deadline."""

_log = structlog.get_logger(__name__)


class Router:
    """Sends commands to transaction replicas elsewhere, in batches, and again where nobody knows what became of them.

    A command keeps its id over all tries, so it takes effect once. Commands of one partition keep their order up to
    the replica, unless a replica dies under them.
    """

    def __init__(
        self, membership: Membership, session: InternalSession, partitions: int, limits: Limits | None = None
    ) -> None:
        self._membership = membership
        self._session = session
        self._limits = limits or Limits()
        self._links: dict[str, Link] = {}
        self._link_of: list[Link | None] = [None] * partitions
        self._homeless: deque[Pending] = deque()
        self._under_way: dict[Pending, None] = {}
        membership.subscribe(self._reassign)
        self._reassign()

    async def submit(self, request: Request) -> Reply:
        """Return the answer to `request`: 429 at once where too much is under way, 503 past its deadline."""
        if len(self._under_way) >= self._limits.under_way:
            return FULL
        loop = asyncio.get_running_loop()
        pending = Pending(request, loop.create_future(), loop.time() + self._limits.deadline)
        self._under_way[pending] = None
        try:
            self._route(pending)
            return await pending.reply
        finally:
            del self._under_way[pending]

    def under_way(self) -> int:
        """Return how many commands wait for their replies."""
        return len(self._under_way)

    async def run(self) -> None:
        """Answer commands past their deadline until cancelled, then drop what is left."""
        try:
            while True:
                await asyncio.sleep(EXPIRY_EVERY)
                self._expire(asyncio.get_running_loop().time())
        finally:
            await asyncio.gather(*(link.close() for link in self._links.values()))

    def _route(self, pending: Pending) -> None:
        link = self._link_of[pending.request.partition]
        if link is None:
            self._homeless.append(pending)
        else:
            link.put(pending)

    def _reassign(self) -> None:
        """Find out anew which replica each partition falls to, and move the commands that wait."""
        ready = self._membership.ready()
        metrics.REPLICAS_READY.set(len(ready))
        for url in [url for url, link in self._links.items() if link.idle and url not in ready]:
            del self._links[url]
        for url in ready:
            if url not in self._links:
                self._links[url] = Link(url, self._session, self._limits, self._link_failed)
        if ready:
            self._link_of = [self._links[rendezvous(number, ready)] for number in range(len(self._link_of))]
        else:
            self._link_of = [None] * len(self._link_of)
        self._move_waiting()

    def _move_waiting(self) -> None:
        queues = [self._homeless, *(link.queue for link in self._links.values())]
        waiting = list(chain.from_iterable(queues))
        for queue in queues:
            queue.clear()
        for pending in waiting:
            self._route(pending)

    def _link_failed(self, link: Link, reason: str) -> None:
        _log.warning("commands are sent again", replica=link.url, reason=reason, commands=len(link.queue))
        self._membership.suspect(link.url, reason)
        self._move_waiting()

    def _expire(self, now: float) -> None:
        for pending in self._under_way:  # the oldest first
            if pending.expires > now:
                break
            if not pending.reply.done():
                pending.reply.set_result(UNKNOWN if pending.may_be_decided else NO_REPLICA)
        while self._homeless and self._homeless[0].reply.done():
            self._homeless.popleft()
