"""The stream that makes a page live: server-sent events, each the HTML of what has changed."""

from collections.abc import Awaitable, Callable

from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from daytrader.clock import Clock
from daytrader.web.event_id import EventId
from daytrader.web.hub import Hub
from daytrader.web.page.trade.account_now import JOIN_WITHIN
from daytrader.web.page.trade.live import LiveTrade, Parts, Wanted
from daytrader.web.page.trade.seen import Seen
from daytrader.web.sse import Streams, StreamsFullError, event, heartbeat


class PartStream(Response):
    """Sends what changes until the client goes, or may see it no longer."""

    def __init__(
        self,
        hub: Hub,
        streams: Streams,
        seen: Seen,
        clock: Clock,
        wanted: Wanted,
        *,
        after: EventId | None,
        name: str,
        still: Callable[[], Awaitable[bool]],
    ) -> None:
        """`after` is the id of the last event the client knows, `name` whose streams it counts among, empty: nobody's.

        `still()` tells whether the client may still see it.
        """
        super().__init__()
        self._hub = hub
        self._streams = streams
        self._seen = seen
        self._clock = clock
        self._wanted = wanted
        self._after = after
        self._name = name
        self._still = still

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        try:
            self._streams.check_room(self._name)
        except StreamsFullError as error:
            await _later(429, str(error))(scope, receive, send)
            return
        stream = self._hub.account(self._wanted.user, self._after)
        live = LiveTrade(stream, self._hub.quotes, self._seen, self._clock, self._wanted)
        try:
            joined = await stream.join(JOIN_WITHIN)
        except BaseException:
            await live.aclose()
            raise
        if not joined:
            await live.aclose()
            await _later(503, "No transaction replica tells of the account now")(scope, receive, send)
            return
        await self._streams.serve(
            receive,
            send,
            live,
            _encoded,
            beat=lambda: heartbeat(str(stream.id)),
            name=self._name,
            still=self._still,
        )


def _encoded(parts: Parts) -> bytes:
    return event(parts.html, event_id=parts.id)


def _later(status: int, words: str) -> Response:
    return PlainTextResponse(words, status, {"Retry-After": "1"})
