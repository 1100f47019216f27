"""Streams of quotes: the newest of each symbol, as it becomes known."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Self

from daytrader.domain.quote import Quote


class QuoteBoard:
    """The newest quotes of all symbols of which there are streams."""

    def __init__(self, changed: Callable[[], None]) -> None:
        """`changed` is called when other symbols are wanted than before."""
        self._changed = changed
        self._newest: dict[str, Quote] = {}
        self._streams: dict[str, dict[QuoteStream, None]] = {}
        """By symbol."""

    def symbols(self) -> list[str]:
        """Return all symbols of which there are streams."""
        return list(self._streams)

    def stream(self, symbols: frozenset[str]) -> "QuoteStream":
        """Return a new stream, with what is known already."""
        stream = QuoteStream(self, symbols)
        before = len(self._streams)
        for symbol in symbols:
            self._streams.setdefault(symbol, {})[stream] = None
            if symbol in self._newest:
                stream.tell(self._newest[symbol])
        if len(self._streams) > before:
            self._changed()
        return stream

    def take(self, quotes: Iterable[Quote]) -> None:
        """Tell what is newer than what is known."""
        for quote in quotes:
            known = self._newest.get(quote.symbol)
            if quote.symbol in self._streams and (known is None or known.asked_at < quote.asked_at):
                self._newest[quote.symbol] = quote
                for stream in self._streams[quote.symbol]:
                    stream.tell(quote)

    def left(self, stream: "QuoteStream") -> None:
        """Note that a stream is closed."""
        before = len(self._streams)
        for symbol in stream.symbols:
            streams = self._streams.get(symbol, {})
            streams.pop(stream, None)
            if not streams:
                self._streams.pop(symbol, None)
                self._newest.pop(symbol, None)
        if len(self._streams) < before:
            self._changed()

    def end(self) -> None:
        """End all streams."""
        for streams in self._streams.values():
            for stream in streams:
                stream.end()


class QuoteStream:
    """Yields quotes until it is closed, or ended by the other side. A slow reader gets the newest of each symbol."""

    __slots__ = ("_board", "_ended", "_quotes", "_waiter", "symbols")

    def __init__(self, board: QuoteBoard, symbols: frozenset[str]) -> None:
        self.symbols = symbols
        self._board = board
        self._quotes: dict[str, Quote] = {}
        self._ended = False
        self._waiter: asyncio.Future[None] | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Quote:
        while not self._quotes:
            if self._ended:
                raise StopAsyncIteration
            waiter = self._waiter = asyncio.get_running_loop().create_future()
            try:
                await waiter
            finally:
                self._waiter = None
        return self._quotes.pop(next(iter(self._quotes)))

    @property
    def waits(self) -> bool:
        """Whether a quote waits to be read."""
        return bool(self._quotes)

    async def aclose(self) -> None:
        """Read no more."""
        self.end()
        self._board.left(self)

    def tell(self, quote: Quote) -> None:
        """Note a newer quote."""
        self._quotes[quote.symbol] = quote
        self._wake()

    def end(self) -> None:
        """Come to the end once what waits is read."""
        self._ended = True
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
