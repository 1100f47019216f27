"""What an account is worth: cash and shares at the newest quotes that are known."""

from collections.abc import Mapping

import msgspec

from daytrader.domain.account import Account
from daytrader.domain.quote import Quote


class Holding(msgspec.Struct, frozen=True):
    """Shares of one stock."""

    symbol: str
    free: int
    reserved: int
    """Shares that an armed sell trigger reserves."""
    quote: Quote | None
    """The newest one that is known, which may be old."""

    @property
    def shares(self) -> int:
        """All of them."""
        return self.free + self.reserved

    @property
    def value(self) -> int | None:
        """What they are worth in cents; None where no quote is known."""
        return None if self.quote is None else self.shares * self.quote.price


class Portfolio(msgspec.Struct, frozen=True):
    """Everything that a user has."""

    free: int
    """Cash in cents, as the next one."""
    reserved: int
    """What buy triggers reserve."""
    holdings: tuple[Holding, ...]
    """In the order of their symbols."""

    @property
    def cash(self) -> int:
        """All cash, cents."""
        return self.free + self.reserved

    @property
    def shares_value(self) -> int:
        """What the shares are worth, in cents, as far as quotes are known."""
        return sum(one.value or 0 for one in self.holdings)

    @property
    def total(self) -> int:
        """Cash and shares, cents."""
        return self.cash + self.shares_value

    @property
    def unpriced(self) -> tuple[str, ...]:
        """The symbols of shares that no quote is known of, so that they count for nothing."""
        return tuple(one.symbol for one in self.holdings if one.quote is None)


def portfolio(account: Account, quotes: Mapping[str, Quote]) -> Portfolio:
    """Return what `account` has, with shares at `quotes` (by symbol)."""
    reserved = {symbol: trigger.shares for symbol, trigger in account.sell_triggers.items() if trigger.shares}
    symbols = sorted(account.holdings.keys() | reserved.keys())
    holdings = tuple(
        Holding(symbol, account.holdings.get(symbol, 0), reserved.get(symbol, 0), quotes.get(symbol))
        for symbol in symbols
    )
    return Portfolio(account.cents, account.reserved_cents, holdings)


def symbols_of(account: Account) -> frozenset[str]:
    """Return the symbols whose quotes matter to `account`: of its shares, pending orders and triggers."""
    orders = {order.symbol for order in (*account.buys, *account.sells)}
    return frozenset(orders | account.holdings.keys() | account.buy_triggers.keys() | account.sell_triggers.keys())
