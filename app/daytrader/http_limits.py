"""uvicorn's HTTP/1.1 protocol, with bounds on the head of a request, which uvicorn leaves to a proxy in front of it."""

import asyncio
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LARGEST_HEAD: Final = 64 * 1024
"""Bytes that may come of a head (request line and headers) without it coming to its end.

The piece of data in which it began is not counted, for that may hold whole requests as well.
"""

HEAD_SECONDS: Final = 20.0
"""How long a head that has begun may take to come to its end."""

_TOO_LARGE: Final = b"The head of the request is larger than %d bytes" % LARGEST_HEAD
_REFUSAL: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: text/plain; charset=utf-8\r\n"
    b"content-length: %d\r\nconnection: close\r\n\r\n%b" % (len(_TOO_LARGE), _TOO_LARGE)
)


class LimitedHttpProtocol(HttpToolsProtocol):
    """Answers 431 to a head that is too large, and closes a connection whose head does not come to its end.

    A connection on which nothing ever came is closed after the keep-alive time.
    """

    _in_head = False
    _head_bytes = 0
    _head_timer: asyncio.TimerHandle | None = None

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
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Note that a head has begun."""
        self._in_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Note that it is complete."""
        self._end_head()
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        """Take the next bytes, and look whether they left a head incomplete."""
        super().data_received(data)
        if self._in_head and not self.transport.is_closing():
            if self._head_timer is None:
                self._head_timer = self.loop.call_later(HEAD_SECONDS, self.transport.close)
            else:
                self._head_bytes += len(data)
                if self._head_bytes > LARGEST_HEAD:
                    self.transport.write(_REFUSAL)
                    self.transport.close()

    def _end_head(self) -> None:
        self._in_head = False
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
            self._head_bytes = 0
