"""Server-sent events: how a stream goes out to a client, how often, and until when."""

import asyncio
import resource
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, Final, Protocol, TypeVar

import structlog
from starlette.types import Receive, Send

from daytrader.web import metrics
from daytrader.web.deadline import Deadline

MEDIA_TYPE: Final = "text/event-stream"

MOST_STREAMS: Final = 12_000
"""Streams of a replica, where the limit of open files allows as many; above that 429."""

FILES: Final = 2 * MOST_STREAMS
"""Open files that do for it: commands, which have connections of their own, get as many as streams."""

MOST_OF_ONE: Final = 50
"""Streams of one trader; above that 429."""

EVENT_EVERY: Final = 0.5
"""Seconds between two events of a stream at the least."""

HEARTBEAT_EVERY: Final = 15.0
"""Seconds without an event after which a comment is sent: proxies close connections on which nothing comes."""

CLIENT_SECONDS: Final = 30.0
"""How long a client may take nothing before it is given up."""

CHECK_EVERY: Final = 4.0
"""Seconds between two looks whether those who read may still do so."""

CHECKS_A_SECOND: Final = 250
"""Where there are more than this times `CHECK_EVERY` who read, it takes longer until each is looked at."""

RECONNECT_MS: Final = 1_000
"""After what time a client that lost its stream should ask for it again."""

_HEADERS: Final = [
    (b"content-type", MEDIA_TYPE.encode()),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-accel-buffering", b"no"),
]
_OPENING: Final = b"retry: %d\n\n" % RECONNECT_MS

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

_log = structlog.get_logger(__name__)


class Source(Protocol[T_co]):
    """What is streamed."""

    @property
    def waits(self) -> bool:
        """Whether something waits to be read."""

    async def __anext__(self) -> T_co:
        """Return the next piece; it is not lost where the call is cancelled."""

    async def aclose(self) -> None:
        """Read no more."""


def event(data: str, name: str = "", event_id: str = "") -> bytes:
    """Return an event as it goes over the wire; a client resumes by the id of the last one."""
    lines = [f"id: {event_id}\n"] if event_id else []
    if name:
        lines.append(f"event: {name}\n")
    lines += [f"data: {line}\n" for line in data.split("\n")]
    return "".join([*lines, "\n"]).encode()


def json_event(data: bytes, name: str, event_id: str = "") -> bytes:
    """Return an event whose data is JSON, which is one line: at a third of the cost of `event`."""
    known = b"id: %b\n" % event_id.encode() if event_id else b""
    return b"%bevent: %b\ndata: %b\n\n" % (known, name.encode(), data)


def heartbeat(event_id: str = "") -> bytes:
    """Return a comment; with an id the client resumes by that one from now on, and sees no event."""
    return f": still here\nid: {event_id}\n\n".encode() if event_id else b": still here\n\n"


class StreamsFullError(Exception):
    """No further stream can be had; says why."""


class Streams:
    """All streams that a web replica gives."""

    def __init__(self) -> None:
        self.most = most_streams()
        self._open: dict[_Serving, None] = {}
        self._of_one: dict[str, int] = {}
        self._checks: asyncio.Task[None] | None = None
        self._ended = False
        metrics.STREAMS.set_function(lambda: len(self._open))

    def check_room(self, name: str) -> None:
        """Raise StreamsFullError where `name` (empty: nobody who is counted) gets no further stream."""
        if len(self._open) >= self.most:
            raise StreamsFullError("Too many streams are open")
        if name and self._of_one.get(name, 0) >= MOST_OF_ONE:
            raise StreamsFullError(f"{name} has {MOST_OF_ONE} streams open already: close some")

    def end(self) -> None:
        """End all streams, and those that are still asked for at once: their clients go on at another replica."""
        self._ended = True
        for serving in self._open:
            serving.end()

    async def serve(
        self,
        receive: Receive,
        send: Send,
        source: Source[T],
        encode: Callable[[T], bytes],
        *,
        beat: Callable[[], bytes] = heartbeat,
        name: str = "",
        still: Callable[[], Awaitable[bool]] | None = None,
        spaced: bool = False,
    ) -> None:
        """Send what comes of `source` until it ends, the client goes, or `still()` says that it may read no longer.

        `encode` makes an event of a piece, `beat` what is sent where nothing comes; `name` is whose stream it is, and
        `spaced` that pieces come no oftener than events should go, which saves a timer an event.
        """
        serving = _Serving(still)
        self._open[serving] = None
        self._of_one[name] = self._of_one.get(name, 0) + 1
        if still is not None and self._checks is None and not self._ended:
            self._checks = asyncio.create_task(self._check(), name="who reads streams")
        try:
            async with asyncio.timeout(CLIENT_SECONDS):
                await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
            if self._ended:
                serving.end()
            ended = await serving.run(
                _until_gone(receive), _send_all(send, source, encode, beat, 0 if spaced else EVENT_EVERY)
            )
        except TimeoutError:
            _log.info("a stream broke off", reason=f"the client took nothing for {CLIENT_SECONDS} s")
            return
        finally:
            del self._open[serving]
            self._of_one[name] -= 1
            if not self._of_one[name]:
                del self._of_one[name]
            await source.aclose()
        if ended:
            with suppress(TimeoutError):
                async with asyncio.timeout(CLIENT_SECONDS):
                    await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _check(self) -> None:
        """End the streams of those who may read no longer, as long as there are streams."""
        try:
            while self._open:
                began = asyncio.get_running_loop().time()
                for done, serving in enumerate(list(self._open), 1):
                    if serving in self._open and serving.still is not None and not await serving.still():
                        serving.end()
                    if done % CHECKS_A_SECOND == 0:
                        await asyncio.sleep(1)
                await asyncio.sleep(max(0.0, began + CHECK_EVERY - asyncio.get_running_loop().time()))
        finally:
            self._checks = None


class _Serving:
    """One stream under way."""

    __slots__ = ("_tasks", "over", "still")

    def __init__(self, still: Callable[[], Awaitable[bool]] | None) -> None:
        self.still = still
        self.over = False
        """Whether it was ended: its reader may read no longer, or the replica goes."""
        self._tasks: list[asyncio.Task[None]] = []

    async def run(self, until_gone: Coroutine[Any, Any, None], sending: Coroutine[Any, Any, None]) -> bool:
        """Send until the client is gone; returns whether that ended before, in an orderly way. Raises TimeoutError."""
        self._tasks = [asyncio.create_task(until_gone), asyncio.create_task(sending)]
        if self.over:
            self.end()
        sent = self._tasks[1]
        try:
            await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
        if not sent.cancelled():
            sent.result()
        return self.over or not sent.cancelled()

    def end(self) -> None:
        """End it soon."""
        self.over = True
        for task in self._tasks:
            task.cancel()


async def _send_all(
    send: Send, source: Source[T], encode: Callable[[T], bytes], beat: Callable[[], bytes], every: float
) -> None:
    deadline = Deadline()
    try:
        await _give(send, _OPENING, deadline)
        while True:
            deadline.within(HEARTBEAT_EVERY)
            try:
                pieces = [encode(await source.__anext__())]
            except StopAsyncIteration:
                return
            except asyncio.CancelledError:
                if not deadline.expired():
                    raise
                pieces = [beat()]
            while source.waits and len(pieces) < 100:  # quotes come one by one
                pieces.append(encode(await source.__anext__()))
            await _give(send, b"".join(pieces), deadline)
            if every:
                await asyncio.sleep(every)
    finally:
        deadline.close()


async def _give(send: Send, piece: bytes, deadline: Deadline) -> None:
    deadline.within(CLIENT_SECONDS)
    try:
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    except asyncio.CancelledError:
        if deadline.expired():
            raise TimeoutError from None
        raise
    deadline.off()


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue


def most_streams() -> int:
    """Return how many streams the limit of open files allows; it is raised as far as it may be and is of use."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    return MOST_STREAMS if soft == resource.RLIM_INFINITY else min(MOST_STREAMS, soft // 2)
