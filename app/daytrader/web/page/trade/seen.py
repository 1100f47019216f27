"""What this replica has seen of quotes and accounts while somebody looked: what the charts are drawn of.

Bounded: of the quotes and accounts looked at longest ago nothing is kept.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Final, Generic, TypeVar

from daytrader.domain.quote import Quote
from daytrader.domain.record import Record
from daytrader.web.page.trade.outcome import AskedQuote
from daytrader.web.page.trade.past import of_fired

MOST_POINTS: Final = 240
"""Of one line in a chart. Where there are more, each second one of the older half goes."""

MOST_FIRED: Final = 50
"""Triggers of one user that were seen to fire."""

MOST_ASKED: Final = 20
"""Symbols of one user that a quote was asked of."""

MOST_ACCOUNTS: Final = 1_000
MOST_SYMBOLS: Final = 2_000

APART: Final = 1_000
"""Ms that a point and the next but one are apart at the least; else the one between them goes."""


class Series:
    """Values in cents over time, the newest last."""

    def __init__(self) -> None:
        self.points: list[tuple[int, int]] = []
        """Each a time in ms since the epoch, and the value then."""

    def add(self, time: int, cents: int) -> None:
        """Note a value. One from before the newest is left out."""
        points = self.points
        if points and time < points[-1][0]:
            return
        if points and (time == points[-1][0] or (len(points) > 1 and time - points[-2][0] < APART)):
            points.pop()
        points.append((time, cents))
        if len(points) > MOST_POINTS:
            half = MOST_POINTS // 2
            self.points = points[:1] + points[1:half:2] + points[half:]


class SeenAccount:
    """What was seen of one account."""

    def __init__(self) -> None:
        self.worth = Series()
        self.fired: list[Record] = []
        self.asked: dict[str, AskedQuote] = {}
        """What the last QUOTEs from the page answered, by symbol."""

    def note_fired(self, records: Iterable[Record]) -> list[Record]:
        """Note the triggers among `records` that fired and were not known yet, and return them."""
        new = [one for one in records if of_fired(one) is not None and one not in self.fired]
        self.fired = (self.fired + new)[-MOST_FIRED:]
        return new


class SeenSymbol:
    """What was seen of one symbol's quotes."""

    def __init__(self) -> None:
        self.prices = Series()
        self.newest: Quote | None = None


Kept = TypeVar("Kept")


class _Newest(Generic[Kept]):
    """As many as `most`, by name; the one asked for longest ago is forgotten first."""

    def __init__(self, make: Callable[[], Kept], most: int) -> None:
        self._make = make
        self._most = most
        self._by_name: OrderedDict[str, Kept] = OrderedDict()

    def of(self, name: str) -> Kept:
        one = self._by_name.get(name)
        if one is None:
            one = self._by_name[name] = self._make()
            if len(self._by_name) > self._most:
                self._by_name.popitem(last=False)
        else:
            self._by_name.move_to_end(name)
        return one

    def find(self, name: str) -> Kept | None:
        return self._by_name.get(name)


class Seen:
    """All that was seen."""

    def __init__(self) -> None:
        self._accounts = _Newest(SeenAccount, MOST_ACCOUNTS)
        self._symbols = _Newest(SeenSymbol, MOST_SYMBOLS)

    def account(self, user: str) -> SeenAccount:
        """Return what was seen of `user`, and go on noting it there."""
        return self._accounts.of(user)

    def note_asked(self, user: str, asked: AskedQuote) -> None:
        """Note what a QUOTE from the page of `user` answered."""
        known = self.account(user).asked
        known.pop(asked.symbol, None)
        known[asked.symbol] = asked
        if len(known) > MOST_ASKED:
            del known[next(iter(known))]
        self.note(Quote(asked.symbol, asked.price, asked.asked_at, 0))

    def note(self, quote: Quote) -> None:
        """Note a quote; one that is older than the newest known is left out."""
        one = self._symbols.of(quote.symbol)
        if one.newest is None or quote.asked_at > one.newest.asked_at:
            one.newest = quote
            one.prices.add(quote.asked_at, quote.price)

    def quotes(self, symbols: Iterable[str]) -> dict[str, Quote]:
        """Return the newest known quotes of `symbols`, as far as there are any."""
        found = ((symbol, self._symbols.find(symbol)) for symbol in symbols)
        return {symbol: one.newest for symbol, one in found if one is not None and one.newest is not None}

    def prices(self, symbol: str) -> list[tuple[int, int]]:
        """Return the prices of `symbol` over time."""
        one = self._symbols.find(symbol)
        return [] if one is None else one.prices.points
