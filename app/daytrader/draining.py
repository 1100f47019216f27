"""How a server takes leave of its clients, so that none of them sends a request into a connection that is closing."""

from typing import Final, cast

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LAST_SECONDS: Final = 2
"""How long a connection without a request is kept from then on. Closing it at once would lose a request that is on its
way: the client sees a connection that ends without an answer, and cannot tell whether the request was served."""


class LastAnswers:
    """ASGI middleware: each answer says `Connection: close`, so the client's next request goes elsewhere."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the app answer, and add the header."""

        async def send_last(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), (b"connection", b"close")]}
            await send(message)

        await self._app(scope, receive, send_last)


def take_leave(server: uvicorn.Server) -> None:
    """End every connection with its next answer, or when none was asked for in `LAST_SECONDS`; go on serving.

    Nothing of this costs anything before it is called: connections look up their app at each request anyway.
    """
    config = server.config
    app = LastAnswers(cast("ASGIApp", config.loaded_app))
    config.loaded_app = app  # connections that are made from now on
    config.timeout_keep_alive = LAST_SECONDS
    for connection in list(server.server_state.connections):
        if isinstance(connection, HttpToolsProtocol):
            _leave(connection, app)


def _leave(connection: HttpToolsProtocol, app: LastAnswers) -> None:
    connection.app = app
    connection.timeout_keep_alive = LAST_SECONDS
    cycle = connection.cycle
    if cycle is not None and not cycle.response_complete:
        if not cycle.response_started:  # else the head is out, and the client takes the connection for one that stays
            cycle.keep_alive = False
    elif connection.timeout_keep_alive_task is not None:
        connection.timeout_keep_alive_task.cancel()
        connection.timeout_keep_alive_task = connection.loop.call_later(
            LAST_SECONDS, connection.timeout_keep_alive_handler
        )
