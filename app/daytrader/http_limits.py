"""uvicorn's HTTP/1.1 protocol, with bounds on slow clients, which uvicorn leaves to a proxy in front of it."""

import asyncio
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LARGEST_HEAD: Final = 64 * 1024
"""Bytes that may come of a head (request line and headers) without it coming to its end.

The piece of data in which it began is not counted, for that may hold whole requests as well.
"""

HEAD_SECONDS: Final = 20.0
"""How long a head that has begun may take to come to its end."""

REST_SECONDS: Final = 10.0
"""How long the rest of a body may take to come that was answered before it was all there; nobody reads it."""

WRITE_SECONDS: Final = 60.0
"""How long a client may take nothing of an answer that waits for it. Then its buffers hold more than 64 KiB."""

MOST_WAITING: Final = 100
"""Requests that a client may send on one connection ahead of the answer that is under way. One read takes in 256 KiB of
them, and what is prepared for so many small ones would be 16 MiB."""

_TOO_LARGE: Final = b"The head of the request is larger than %d bytes" % LARGEST_HEAD
_REFUSAL: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: text/plain; charset=utf-8\r\n"
    b"content-length: %d\r\nconnection: close\r\n\r\n%b" % (len(_TOO_LARGE), _TOO_LARGE)
)


class _TooManyWaiting(Exception):
    """Ends the parsing of what one read took in."""


class LimitedHttpProtocol(HttpToolsProtocol):
    """Answers 431 to a head that is too large, and closes a connection whose client keeps it waiting.

    A connection on which nothing ever came is closed after the keep-alive time. How long a body may take that somebody
    reads is the reader's affair.
    """

    _in_head = False
    _head_bytes = 0
    _head_timer: asyncio.TimerHandle | None = None
    _in_body = False
    _rest_timer: asyncio.TimerHandle | None = None
    _write_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start to wait for the first request."""
        super().connection_made(transport)
        # A TLS handshake may have begun before the server began to take leave, which changed both.
        self.app = self.config.loaded_app
        self.timeout_keep_alive = self.config.timeout_keep_alive
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        self._end_head()
        self._end_body()
        self._end_write()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Note that a head has begun; cut off a client that sends many requests and takes no answers."""
        if len(self.pipeline) >= MOST_WAITING:
            self.transport.abort()
            raise _TooManyWaiting
        self._in_head = True
        super().on_message_begin()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP, where somebody is there to read it."""
        if not self.transport.is_closing():
            super().send_400_response(msg)

    def on_headers_complete(self) -> None:
        """Note that it is complete, and the body begins."""
        self._end_head()
        self._in_body = True
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Note that the body is complete."""
        self._end_body()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Wait for the rest of a body only for a while: each byte of it would put off the keep-alive time's end."""
        if self._in_body and self._rest_timer is None:
            self._rest_timer = self.loop.call_later(REST_SECONDS, self.timeout_keep_alive_handler)
        super().on_response_complete()

    def pause_writing(self) -> None:
        """Wait only for a while until the client takes something."""
        super().pause_writing()
        if self._write_timer is None:
            self._write_timer = self.loop.call_later(WRITE_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """Note that it did."""
        self._end_write()
        super().resume_writing()

    def data_received(self, data: bytes) -> None:
        """Take the next bytes, and look whether they left a head incomplete."""
        super().data_received(data)
        if self.timeout_keep_alive_task is None and self._is_idle():
            # Line ends between two requests are no request, and put off the keep-alive time's end for good.
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )
        if self._in_head and not self.transport.is_closing():
            if self._head_timer is None:
                self._head_timer = self.loop.call_later(HEAD_SECONDS, self.timeout_keep_alive_handler)
            else:
                self._head_bytes += len(data)
                if self._head_bytes > LARGEST_HEAD:
                    self.transport.write(_REFUSAL)
                    self.transport.close()

    def timeout_keep_alive_handler(self) -> None:
        """Close the connection; what the client did not take of an answer until now it will not take."""
        if not self.transport.is_closing() and self.transport.get_write_buffer_size():
            self.transport.abort()
        super().timeout_keep_alive_handler()

    def _is_idle(self) -> bool:
        """Return whether nothing has begun that is not over."""
        answered = self.cycle is None or self.cycle.response_complete
        return answered and not self._in_head and not self._in_body and not self.transport.is_closing()

    def _end_head(self) -> None:
        self._in_head = False
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
            self._head_bytes = 0

    def _end_body(self) -> None:
        self._in_body = False
        if self._rest_timer is not None:
            self._rest_timer.cancel()
            self._rest_timer = None

    def _end_write(self) -> None:
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None
