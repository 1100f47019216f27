"""The armed triggers of one partition, by symbol and price."""

from collections.abc import Iterable, Iterator

from sortedcontainers import SortedList

from daytrader.domain.account import Account
from daytrader.domain.quote import Quote


class Armed:
    """The armed triggers of one partition, those that fire first in front."""

    def __init__(self) -> None:
        self._prices: dict[tuple[str, str, bool], int] = {}
        self._by_symbol: dict[str, tuple[SortedList, SortedList]] = {}

    def __len__(self) -> int:
        return len(self._prices)

    def set(self, user: str, symbol: str, sells: bool, price: int) -> None:
        """Note that the trigger is armed at `price` cents; 0: that it is not."""
        key = (user, symbol, sells)
        old = self._prices.get(key, 0)
        if old == price:
            return
        sides = self._by_symbol.get(symbol)
        if sides is None:
            sides = self._by_symbol[symbol] = (SortedList(), SortedList())
        side = sides[sells]
        if old:
            side.remove((old if sells else -old, user))
        if price:
            side.add((price if sells else -price, user))
            self._prices[key] = price
        else:
            del self._prices[key]
            if not sides[0] and not sides[1]:
                del self._by_symbol[symbol]

    def note(self, user: str, symbol: str, account: Account) -> None:
        """Note the triggers on `symbol` as they stand in the account."""
        for sells, triggers in ((False, account.buy_triggers), (True, account.sell_triggers)):
            trigger = triggers.get(symbol)
            self.set(user, symbol, sells, trigger.price if trigger else 0)

    def symbols(self) -> list[tuple[str, str]]:
        """Return each symbol with an armed trigger, and a user who has one."""
        return [(symbol, (buys or sells)[0][1]) for symbol, (buys, sells) in self._by_symbol.items()]

    def due(self, quote: Quote) -> Iterator[tuple[str, bool]]:
        """Yield user and side of the triggers that fire at `quote`."""
        buys, sells = self._by_symbol.get(quote.symbol, ((), ()))
        for _, user in list(_while(buys, -quote.price)):
            yield user, False
        for _, user in list(_while(sells, quote.price)):
            yield user, True


def _while(side: Iterable[tuple[int, str]], most: int) -> Iterator[tuple[int, str]]:
    for price, user in side:
        if price > most:
            return
        yield price, user
