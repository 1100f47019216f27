"""A page's stream of HTML: whatever has changed, as server-sent events."""

from collections.abc import Awaitable, Callable

from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from daytrader.web.sse import Source, Streams, StreamsFullError, event


class HtmlStream(Response):
    """Sends what comes of a source as long as `still()` says that it may be seen."""

    def __init__(
        self,
        streams: Streams,
        begin: Callable[[], Source[str]],
        still: Callable[[], Awaitable[bool]],
        name: str = "",
    ) -> None:
        """`begin` makes the source, once there is room; `name` is what the stream counts among, empty: nothing."""
        super().__init__()
        self._streams = streams
        self._begin = begin
        self._still = still
        self._name = name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        try:
            self._streams.check_room(self._name)
        except StreamsFullError as error:
            await PlainTextResponse(str(error), 429, {"Retry-After": "1"})(scope, receive, send)
            return
        await self._streams.serve(receive, send, self._begin(), event, name=self._name, still=self._still)
