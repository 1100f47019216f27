"""The picture of an account: everything that the page and its live parts show at one moment."""

from collections.abc import Mapping
from typing import Final

import msgspec

from daytrader.domain.account import Account
from daytrader.domain.quote import VALID_MS, Quote
from daytrader.web.page.trade.chart import Chart, chart
from daytrader.web.page.trade.past import Filter, Line, history
from daytrader.web.page.trade.pending import Pending, pending_buys, pending_sells
from daytrader.web.page.trade.portfolio import Portfolio, portfolio, symbols_of
from daytrader.web.page.trade.seen import Seen, SeenAccount
from daytrader.web.page.trade.triggers import ShownTrigger, shown_triggers

LINES_BESIDE_TRADING: Final = 8
"""Lines of the history on the page where one trades; the page of the history has them all."""

ALL_LINES: Final = 150

LATELY: Final = 20
"""So many of the last commands are looked through for the symbols that somebody is interested in."""


class ShownQuote(msgspec.Struct, frozen=True):
    """The newest known quote of the symbol that the user last asked for."""

    symbol: str
    price: int | None
    """Cents; None where none is known here."""
    asked_at: int
    """Ms since the epoch."""
    source: str
    """Where it comes from, in words."""
    chart: Chart | None

    @property
    def good_until(self) -> int:
        """Ms since the epoch from which on it is not used for orders."""
        return self.asked_at + VALID_MS


class Picture(msgspec.Struct, frozen=True):
    """An account as it is shown."""

    user: str
    exists: bool
    """Whether somebody ever deposited."""
    now: int
    """Ms since the epoch."""
    portfolio: Portfolio
    buys: tuple[Pending, ...]
    sells: tuple[Pending, ...]
    triggers: tuple[ShownTrigger, ...]
    lines: tuple[Line, ...]
    wanted: Filter
    worth: Chart | None
    quote: ShownQuote | None
    """None where no symbol was asked for yet."""


def picture(
    user: str, account: Account | None, seen: Seen, now: int, *, symbol: str = "", wanted: Filter | None = None
) -> Picture:
    """Return the picture of `account` (None: there is none) at `now`, and note what it is worth in `seen`.

    `symbol` is the one whose quote is shown; empty: the one that the user last asked for. Without `wanted` the history
    is the short one.
    """
    shown = account or Account()
    quotes = known_quotes(shown, seen)
    has = portfolio(shown, quotes)
    about = seen.account(user)
    if account is not None and not has.unpriced:
        about.worth.add(now, has.total)
    return Picture(
        user=user,
        exists=account is not None,
        now=now,
        portfolio=has,
        buys=pending_buys(shown, now),
        sells=pending_sells(shown, now),
        triggers=shown_triggers(shown, quotes),
        lines=history(shown, about.fired, wanted or Filter(), LINES_BESIDE_TRADING if wanted is None else ALL_LINES),
        wanted=wanted or Filter(),
        worth=chart("worth-chart", f"What {user} has, in dollars", about.worth.points),
        quote=_shown_quote(symbol or last_symbol(shown), seen, about, quotes),
    )


def known_quotes(account: Account, seen: Seen) -> dict[str, Quote]:
    """Return the newest known quotes of the symbols that matter, by symbol: those seen, and those of orders."""
    quotes = seen.quotes(watched_symbols(account))
    for one in account.recent:
        if one.answer is not None:
            symbol, price = one.command.symbol, one.answer[0]
            known = quotes.get(symbol)
            # The quote of an order may have been known for a minute already.
            if known is None or known.asked_at < one.time - VALID_MS:
                quotes[symbol] = Quote(symbol, price, one.time - VALID_MS, 0)
    return quotes


def watched_symbols(account: Account | None) -> frozenset[str]:
    """Return the symbols whose quotes the page of `account` shows."""
    if account is None:
        return frozenset()
    lately = {one.command.symbol for one in account.recent[-LATELY:] if one.command.symbol}
    return symbols_of(account) | lately


def last_symbol(account: Account) -> str:
    """Return the symbol that was last asked for or ordered; empty where there is none."""
    wanted = ("QUOTE", "BUY", "SELL")
    for one in reversed(account.recent):
        if one.command.name in wanted and one.command.symbol:
            return one.command.symbol
    return ""


def _shown_quote(symbol: str, seen: Seen, about: SeenAccount, quotes: Mapping[str, Quote]) -> ShownQuote | None:
    if not symbol:
        return None
    newest = seen.quotes([symbol]).get(symbol) or quotes.get(symbol)
    if newest is None:
        return ShownQuote(symbol, None, 0, "", None)
    asked = about.asked.get(symbol)
    source = "the newest that is known"
    if asked is not None and asked.asked_at == newest.asked_at:
        source = "from the quote server" if asked.bought else "from the cache"
    title = f"Price of {symbol}, in dollars"
    return ShownQuote(symbol, newest.price, newest.asked_at, source, chart("price-chart", title, seen.prices(symbol)))
