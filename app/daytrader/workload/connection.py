"""One keep-alive HTTP/1.1 connection with at most one request under way: callbacks only, no task and no future."""

import asyncio
from collections.abc import Callable
from typing import Protocol, cast

import httptools


class Owner(Protocol):
    """Who sends on a connection."""

    def answered(self, status: int, body: bytes) -> None:
        """The request under way has its whole answer."""

    def lost(self, reason: str) -> None:
        """The connection is gone; if a request was under way, it has no answer (or only a part of one)."""

    def broken(self, error: Exception) -> None:
        """The owner's own `answered`, or the sink, has raised this. The connection is gone."""


class Connection(asyncio.Protocol):
    """A client's connection. Chunked answers and such with a length are understood; a body ended by closing is not."""

    def __init__(self, owner: Owner, sink: Callable[[bytes], None] | None = None) -> None:
        """`sink` takes the body of answers with status 200 piece by piece; without it bodies are collected."""
        self._owner: Owner | None = owner
        self._sink = sink
        self._parser = httptools.HttpResponseParser(self)
        self._feed = self._parser.feed_data
        self._transport: asyncio.Transport | None = None
        self._pieces: list[bytes] = []
        self._waiting = False
        self._asked_for = False
        self._complete = False
        self._status = 0
        self._keep_alive = True
        self.retry_after: float | None = None
        """Seconds that the last answer asked to wait (Retry-After); None where it said nothing of the kind."""

    @property
    def usable(self) -> bool:
        """Whether a request can be sent: connected, and the last answer did not end the connection."""
        return self._owner is not None and self._transport is not None

    def send(self, request: bytes) -> None:
        """Send the bytes of one request. The one before must have its answer."""
        assert self._transport is not None, "send() needs a connection that is made"  # noqa: S101 - for the type checker
        self._waiting = True
        self._transport.write(request)

    def abandon(self) -> None:
        """Close at once; the owner hears no more of this connection."""
        self._owner = None
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are not of that class
        if self._owner is None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        try:
            self._feed(data)
            if self._complete:
                self._finish()
        except httptools.HttpParserCallbackError as error:
            self._break(error.__context__ if isinstance(error.__context__, Exception) else error)
        except httptools.HttpParserError as error:
            self._end(f"the answer is not HTTP ({error})")
        except Exception as error:  # the loop would only log it, and the run would wait for ever
            self._break(error)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end("the connection was closed" if exc is None else f"the connection broke ({exc})")

    # Called by the parser.

    def on_message_begin(self) -> None:
        self._asked_for = self._waiting and not self._complete
        self.retry_after = None

    def on_header(self, name: bytes, value: bytes) -> None:
        if len(name) == 11 and name.lower() == b"retry-after" and value.isdigit():
            self.retry_after = float(value)

    def on_body(self, body: bytes) -> None:
        if self._sink is not None and self._parser.get_status_code() == 200:
            self._sink(body)
        else:
            self._pieces.append(body)

    def on_message_complete(self) -> None:
        self._status = self._parser.get_status_code()
        self._keep_alive = self._parser.should_keep_alive()
        self._complete = self._status >= 200  # 1xx only announces the answer

    def _finish(self) -> None:
        # Not from the parser's callback, for the owner sends the next request at once.
        self._complete = False
        body = b""
        if self._pieces:
            body = b"".join(self._pieces)
            self._pieces.clear()
        if not self._asked_for:
            self._end("the server sent an answer that nobody asked for")
            return
        self._waiting = False
        owner = self._owner
        if not self._keep_alive:
            self.abandon()
        if owner is not None:
            owner.answered(self._status, body)

    def _end(self, reason: str) -> None:
        owner = self._owner
        self.abandon()
        if owner is not None:
            owner.lost(reason)

    def _break(self, error: Exception) -> None:
        owner = self._owner
        self.abandon()
        if owner is not None:
            owner.broken(error)
