"""The live parts of a page: HTML of what has changed, each time that something happens to the account or its quotes."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Final, Literal, TypeVar

import msgspec

from daytrader.clock import Clock
from daytrader.domain.account import Account
from daytrader.domain.quote import Quote
from daytrader.web.account_stream import AccountStream, AccountUpdate
from daytrader.web.page.grouped import grouped
from daytrader.web.page.trade.past import Filter, Line, of_fired
from daytrader.web.page.trade.pending import next_expiry
from daytrader.web.page.trade.picture import Picture, picture, watched_symbols
from daytrader.web.page.trade.seen import Seen
from daytrader.web.page.view import text
from daytrader.web.quote_stream import QuoteStream

View = Literal["trade", "history"]

T = TypeVar("T")

Quotes = Callable[[frozenset[str]], QuoteStream]

PARTS: Final[dict[View, tuple[str, ...]]] = {
    "trade": ("account", "cash", "worth", "quote", "holdings", "pending", "triggers", "history"),
    "history": ("history",),
}
"""The live parts of each page; the template of one is named after it, and its element has its name as id."""


class Wanted(msgspec.Struct, frozen=True):
    """What a live page shows."""

    user: str
    csrf: str
    """What its forms carry."""
    view: View = "trade"
    symbol: str = ""
    lines: Filter | None = None
    """None: the short history."""


class Parts(msgspec.Struct, frozen=True):
    """What has changed."""

    id: str
    """The id of the event that brought it."""
    html: str


def rendered(part: str, shown: Picture, csrf: str, key: str = "") -> str:
    """Return the HTML of one part of the page; `key` names what its forms send."""
    return text(f"trade/{part}.html", picture=shown, csrf=csrf, key=key)


class LiveTrade:
    """A source of what changes on one page, for as long as it is read."""

    def __init__(self, stream: AccountStream, quotes: Quotes, seen: Seen, clock: Clock, wanted: Wanted) -> None:
        """`stream` is of the account, and closed together with this; `quotes` gives streams of symbols."""
        self._stream = stream
        self._quotes_of = quotes
        self._seen = seen
        self._clock = clock
        self._wanted = wanted
        self._account: Account | None = None
        self._known = False
        self._quotes: QuoteStream | None = None
        self._next_update: asyncio.Task[AccountUpdate] | None = None
        self._next_quote: asyncio.Task[Quote] | None = None
        self._sent: dict[str, int] = {}
        """A hash of what each part said last: streams are many, and what they said is long."""
        self._news: list[str] = []

    @property
    def waits(self) -> bool:
        """Whether something waits to be read; what comes together is told together, so nothing ever does."""
        return False

    def __aiter__(self) -> "LiveTrade":
        return self

    async def __anext__(self) -> Parts:
        """Return what has changed, once something has."""
        while True:
            await self._something()
            html = self._changed()
            if html:
                return Parts(str(self._stream.id), html)

    async def aclose(self) -> None:
        """Read no more."""
        tasks = [task for task in (self._next_update, self._next_quote) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._stream.aclose()
        if self._quotes is not None:
            await self._quotes.aclose()

    async def _something(self) -> None:
        """Return once there is a new update or quote, or an order has expired. Raises StopAsyncIteration at the end."""
        if self._next_update is None:
            self._next_update = asyncio.create_task(_next(self._stream), name="next update of a page")
        waits_for: set[asyncio.Task[AccountUpdate] | asyncio.Task[Quote]] = {self._next_update}
        if self._quotes is not None and self._next_quote is None:
            self._next_quote = asyncio.create_task(_next(self._quotes), name="next quote of a page")
        if self._next_quote is not None:
            waits_for.add(self._next_quote)
        await asyncio.wait(waits_for, timeout=self._until_expiry(), return_when=asyncio.FIRST_COMPLETED)
        if self._next_update.done():
            update, self._next_update = self._next_update, None
            self._take(update.result())
            await self._follow_quotes()
        if self._next_quote is not None and self._next_quote.done():
            quote, self._next_quote = self._next_quote, None
            self._seen.note(quote.result())
            await self._take_waiting_quotes()

    async def _take_waiting_quotes(self) -> None:
        while self._quotes is not None and self._quotes.waits:
            self._seen.note(await anext(self._quotes))

    def _take(self, update: AccountUpdate) -> None:
        self._account, self._known = update.account, True
        records = [one.record for one in update.happened]
        fired = self._seen.account(self._wanted.user).note_fired(records)
        self._news += [_words(line) for line in map(of_fired, fired) if line is not None]

    async def _follow_quotes(self) -> None:
        """Follow the quotes of the symbols that matter now."""
        symbols = watched_symbols(self._account)
        if self._wanted.symbol:
            symbols |= {self._wanted.symbol}
        before = self._quotes
        if before is not None and before.symbols == symbols:
            return
        if self._next_quote is not None:
            self._next_quote.cancel()
            with suppress(asyncio.CancelledError, StopAsyncIteration):
                await self._next_quote
            self._next_quote = None
        self._quotes = self._quotes_of(symbols) if symbols else None  # before the old one goes, so that it is kept
        if before is not None:
            await before.aclose()
        await self._take_waiting_quotes()

    def _until_expiry(self) -> float | None:
        """Return the seconds until the next pending order expires; None where none is pending."""
        if self._account is None:
            return None
        now = self._clock()
        expiry = next_expiry(self._account, now)
        return None if expiry is None else max(0, expiry - now) / 1_000

    def _changed(self) -> str:
        """Return the HTML of the parts that are not as they were sent."""
        if not self._known:
            return ""
        wanted = self._wanted
        shown = picture(
            wanted.user, self._account, self._seen, self._clock(), symbol=wanted.symbol, wanted=wanted.lines
        )
        changed: list[str] = []
        for part in PARTS[wanted.view]:
            html = rendered(part, shown, wanted.csrf)
            if self._sent.get(part) != hash(html):
                self._sent[part] = hash(html)
                changed.append(html)
        if self._news:
            changed.append(text("trade/news.html", news=self._news))
            self._news = []
        return "".join(changed)


async def _next(stream: AsyncIterator[T]) -> T:
    return await anext(stream)


def _words(line: Line) -> str:
    return f"A trigger on {line.symbol} fired: {line.detail}, {grouped(line.cents)} in all."
