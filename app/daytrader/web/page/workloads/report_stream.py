"""The stream that shows how a run goes on."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from daytrader.web.sse import Streams, StreamsFullError, event

LOOK_EVERY: Final = 0.5
"""Seconds between two looks."""


class Looking:
    """A source of HTML, which is looked at again and again."""

    def __init__(self, html: Callable[[], str], every: float = LOOK_EVERY) -> None:
        self._html = html
        self._every = every
        self._sent = ""

    @property
    def waits(self) -> bool:
        """Whether something waits to be read; never, for it is looked at when it is wanted."""
        return False

    async def __anext__(self) -> str:
        """Return the HTML once it is another."""
        while True:
            html = self._html()
            if html != self._sent:
                self._sent = html
                return html
            await asyncio.sleep(self._every)

    async def aclose(self) -> None:
        """Look no more."""


class ReportStream(Response):
    """Sends what `html` gives, whenever it has changed, as long as `still()` says that it may be seen."""

    def __init__(self, streams: Streams, html: Callable[[], str], still: Callable[[], Awaitable[bool]]) -> None:
        super().__init__()
        self._streams = streams
        self._html = html
        self._still = still

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        try:
            self._streams.check_room("")
        except StreamsFullError as error:
            await PlainTextResponse(str(error), 429, {"Retry-After": "1"})(scope, receive, send)
            return
        await self._streams.serve(receive, send, Looking(self._html), event, still=self._still)
