"""The triggers of an account, as the page shows them."""

from collections.abc import Mapping

import msgspec

from daytrader.domain.account import Account, Trigger
from daytrader.domain.quote import Quote
from daytrader.web.page.trade.pending import Side


class ShownTrigger(msgspec.Struct, frozen=True):
    """A buy or sell trigger on one symbol."""

    side: Side
    symbol: str
    amount: int
    """Cents to buy or sell for."""
    price: int | None
    """Cents a share at which it fires; None while it is not armed."""
    shares: int
    """Shares that an armed sell trigger reserves."""
    quote: Quote | None
    """The newest one that is known."""


def shown_triggers(account: Account, quotes: Mapping[str, Quote]) -> tuple[ShownTrigger, ...]:
    """Return all triggers of `account` in the order of their symbols, beside the newest of `quotes` (by symbol)."""
    both: tuple[tuple[Side, dict[str, Trigger]], ...] = (("buy", account.buy_triggers), ("sell", account.sell_triggers))
    found = [
        ShownTrigger(side, symbol, one.amount, one.price or None, one.shares, quotes.get(symbol))
        for side, triggers in both
        for symbol, one in triggers.items()
    ]
    return tuple(sorted(found, key=lambda one: (one.symbol, one.side)))
