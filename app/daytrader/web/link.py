"""The link to one transaction replica: one batch under way, and polls for the commands that take long."""

import asyncio
from collections import deque
from collections.abc import Callable

import aiohttp
import msgspec
import structlog

from daytrader.session import InternalSession
from daytrader.transaction.message import Reply, Request, decode_replies, encode_requests
from daytrader.web import metrics
from daytrader.web.gathering import Gathering

_log = structlog.get_logger(__name__)


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How much and how long, for the links to the transaction replicas."""

    under_way: int = 10_000
    """Commands under way through one router; above that 429."""
    batch: int = 1_000
    """Commands in one batch."""
    polls: int = 4
    """Polls under way at a replica. With one, a command that got slow during a poll would wait for the poll's end."""
    silence: float = 2.0
    """Seconds without an answer after which a replica counts as dead. It answers polls after 1 s at the latest."""
    deadline: float = 10.0
    """Seconds after which a command is answered, whatever is known of it."""
    back_off: float = 0.05
    """Seconds before the same replica is asked again after it failed or had nothing new to say."""


class Pending:
    """A command that waits for its reply."""

    __slots__ = ("expires", "in_flight", "reply", "request")

    def __init__(self, request: Request, reply: asyncio.Future[Reply], expires: float) -> None:
        self.request = request
        self.reply = reply
        self.expires = expires
        """Loop time in seconds."""
        self.in_flight = False

    @property
    def may_be_decided(self) -> bool:
        """Whether some replica may have got it."""
        return self.in_flight or self.request.attempt > 0

    def lost_sight(self) -> None:
        """Note that it is to be sent again without anybody knowing what became of it."""
        self.request = msgspec.structs.replace(self.request, attempt=self.request.attempt + 1)


class NotTakenError(Exception):
    """The replica did not take the batch: nothing came of its commands."""


class BrokenError(Exception):
    """The replica died, fell silent or spoke nonsense: nobody knows what became of the batch."""


class Link:
    """Sends commands to one replica, in the order in which they come, and hands back what it could not deliver."""

    def __init__(
        self, url: str, session: InternalSession, limits: Limits, failed: Callable[["Link", str], None]
    ) -> None:
        """`failed(link, reason)` is called when an exchange failed; its commands stand in `queue` again then."""
        self.url = url
        self.queue: deque[Pending] = deque()
        self.deferred: deque[Pending] = deque()
        """Commands that the replica has and has not answered yet."""
        self._batch_url = f"{url}/batch"
        self._session = session
        self._limits = limits
        self._timeout = aiohttp.ClientTimeout(total=limits.silence)
        self._failed = failed
        self._gathering = Gathering()
        self._sender: asyncio.Task[None] | None = None
        self._polls: set[asyncio.Task[None]] = set()

    @property
    def idle(self) -> bool:
        """Whether nothing is under way or waits."""
        return not (self._sender or self._polls or self.queue or self.deferred)

    def put(self, pending: Pending) -> None:
        """Queue a command for the next batch."""
        self.queue.append(pending)
        if self._sender is None:
            self._sender = asyncio.create_task(self._send(), name=f"batches to {self.url}")
        else:
            self._gathering.arrived(len(self.queue))

    async def close(self) -> None:
        """Drop everything."""
        tasks = [*self._polls, *([self._sender] if self._sender else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _send(self) -> None:
        try:
            while batch := self._take(self.queue):
                replies = await self._exchange(batch)
                if replies is None:
                    await asyncio.sleep(self._limits.back_off)
                elif wanted := self._gathering.wanted(len(batch), len(self.queue)):
                    self._hand_out(batch, replies)
                    await self._gathering.wait(wanted, self.queue)
                else:
                    # In two turns of the loop: in this one the next batch is made, in the next one it leaves. So the
                    # replica is at work again while we answer, instead of waiting until a hundred clients have their
                    # answers.
                    loop = asyncio.get_running_loop()
                    loop.call_soon(loop.call_soon, self._hand_out, batch, replies)
        finally:
            self._sender = None

    async def _poll(self) -> None:
        while batch := self._take(self.deferred):
            replies = await self._exchange(batch)
            if replies is not None:
                self._hand_out(batch, replies)
            if replies is None or not any(replies):
                await asyncio.sleep(self._limits.back_off)

    def _take(self, waiting: deque[Pending]) -> list[Pending]:
        batch: list[Pending] = []
        while waiting and len(batch) < self._limits.batch:
            pending = waiting.popleft()
            if not pending.reply.done():
                batch.append(pending)
        return batch

    async def _exchange(self, batch: list[Pending]) -> list[Reply | None] | None:
        """Send a batch and return the replies, None where the exchange failed."""
        for pending in batch:
            pending.in_flight = True
        try:
            replies = await self._post(batch)
        except NotTakenError as error:
            self._give_back(batch, str(error))
            return None
        except Exception as error:
            if not isinstance(error, BrokenError):
                _log.exception("defect in an exchange with a transaction replica", url=self.url)
            for pending in batch:
                pending.lost_sight()
            self._give_back(batch, str(error))
            return None
        return replies

    async def _post(self, batch: list[Pending]) -> list[Reply | None]:
        metrics.BATCH_COMMANDS.observe(len(batch))
        body = encode_requests([pending.request for pending in batch])
        try:
            async with self._session.post(self._batch_url, body, self._timeout) as response:
                answer = await response.read()
        except aiohttp.ClientConnectorError as error:
            raise NotTakenError(f"cannot be reached: {error}") from error
        except TimeoutError as error:
            raise BrokenError(f"was silent for {self._limits.silence} s") from error
        except (aiohttp.ClientError, OSError) as error:
            raise BrokenError(f"the connection broke: {error!r}") from error
        if response.status == 503 or 400 <= response.status < 500:
            raise NotTakenError(f"answers {response.status} to a batch: {answer[:200].decode(errors='replace')}")
        if response.status != 200:
            raise BrokenError(f"answers {response.status} to a batch: {answer[:200].decode(errors='replace')}")
        try:
            replies = decode_replies(answer)
        except msgspec.MsgspecError as error:
            raise BrokenError(f"its replies cannot be read: {error}") from error
        if len(replies) != len(batch):
            raise BrokenError(f"it gave {len(replies)} replies to {len(batch)} commands")
        return replies

    def _hand_out(self, batch: list[Pending], replies: list[Reply | None]) -> None:
        polled = 0
        for pending, reply in zip(batch, replies, strict=True):
            if reply is None:
                pending.in_flight = False
                pending.lost_sight()
                self.deferred.append(pending)
                polled += 1
            elif not pending.reply.done():
                pending.reply.set_result(reply)
        if polled:
            metrics.POLLED.inc(polled)
        if self.deferred and len(self._polls) < self._limits.polls:
            poll = asyncio.create_task(self._poll(), name=f"poll of {self.url}")
            self._polls.add(poll)
            poll.add_done_callback(self._polls.discard)

    def _give_back(self, batch: list[Pending], reason: str) -> None:
        metrics.RETRIES.inc(len(batch))
        for pending in batch:
            pending.in_flight = False
        self.queue.extendleft(reversed([*self.deferred, *batch]))  # the older first
        self.deferred.clear()
        self._failed(self, reason)
