"""What stands behind the web app in its tests: whatever a test wants to be answered."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping

from daytrader.auth.entrance import Entrance
from daytrader.auth.guard import Guard
from daytrader.health import Part
from daytrader.membership import Alone
from daytrader.tracing import Tracing
from daytrader.transaction.message import Reply, Request
from daytrader.web.app import WebApp
from daytrader.web.hub import Feed, Hub
from daytrader.web.page.visitor import Visitors


class Behind:
    """Decides commands, keeps the log, and knows how it is, as the test tells it to."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.arrived: asyncio.Queue[Request] = asyncio.Queue()
        self.answer: Callable[[Request], Reply] = lambda _: Reply(200)
        self.waits_for: Callable[[Request], Awaitable[object] | None] = lambda _: None
        self.dumps: list[tuple[str | None, dict[int, int]]] = []
        self.chunks: Callable[[], AsyncGenerator[bytes, None]] = _log
        self.said: list[Part] = []

    async def submit(self, request: Request) -> Reply:
        """Answer one command."""
        self.requests.append(request)
        self.arrived.put_nowait(request)
        waits_for = self.waits_for(request)
        if waits_for is not None:
            await waits_for
        return self.answer(request)

    def dump(self, user: str | None, places: Mapping[int, int]) -> AsyncGenerator[bytes, None]:
        """Yield the log that the test gave."""
        self.dumps.append((user, dict(places)))
        return self.chunks()

    async def parts(self) -> list[Part]:
        """Return the parts that the test gave."""
        return list(self.said)

    def app(
        self,
        guard: Guard | None = None,
        tracing: Tracing | None = None,
        visitors: Visitors | None = None,
        entrance: Entrance | None = None,
    ) -> WebApp:
        """Return a web app in front of it, behind `guard` where there is one; with pages where there are `visitors`."""
        return WebApp(
            self,
            self,
            Alone("here"),
            self,
            silent_hub(),
            version="a build",
            partitions=16,
            clock=lambda: 1_234,
            guard=guard,
            tracing=tracing,
            visitors=visitors,
            entrance=entrance,
        )


def silent_hub() -> Hub:
    """Return a hub whose streams tell nothing: nobody runs it."""
    return Hub(Alone("here"), _no_feed, partitions=16, clock=lambda: 1_234)


def _no_feed(_: str) -> Feed:
    raise AssertionError("nobody runs this hub")


async def _log() -> AsyncGenerator[bytes, None]:
    yield b"<log>"
    yield b"</log>"
