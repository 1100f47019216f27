"""What a workload's maker expects of its users' accounts, so that it can mean a command to be accepted or refused.

It is a rough picture: a holding counts as the dollars that were paid for it, armed buy triggers as fired.
"""

import random
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Final, Generic, TypeVar

LARGEST_ORDER: Final = 75_000
"""Cents of the largest BUY, SELL or trigger amount."""
_TRIES: Final = 8
_KEPT_OF_A_BUY: Final = 0.9
"""Part of a bought amount that counts as held: shares are whole, and their price may fall until they are sold."""
_TRIGGER_EXPONENT: Final = 1.68
"""Makes the mean of a trigger's price 140 dollars where that of the amounts is 375."""

Item = TypeVar("Item")


class _Pool(Generic[Item]):
    """Items to pick from at random. Those that have become invalid are dropped when they are come upon."""

    def __init__(self, draw: Callable[[int], int]) -> None:
        self._draw = draw
        self._items: list[Item] = []

    def add(self, item: Item) -> None:
        self._items.append(item)

    def pick(self, valid: Callable[[Item], object], *, remove: bool = False) -> Item | None:
        """A valid item; None where none was found in a few tries."""
        for _ in range(_TRIES):
            if not self._items:
                return None
            place = self._draw(len(self._items))
            item = self._items[place]
            good = valid(item)
            if remove or not good:
                self._items[place] = self._items[-1]
                self._items.pop()
            if good:
                return item
        return None


class Expectation:
    """The accounts of all users. A key is a user's number times `symbols_each` plus the number of one of the symbols.

    Every method for a command makes one and returns whom and what it is for, its amount in cents (where it has one)
    and whether it is expected to be refused. `refuse` asks for that; it cannot always be had.
    """

    def __init__(self, rng: random.Random, symbols_each: int) -> None:
        self._random = rng.random  # of all methods the one whose results never change between versions of Python
        self.symbols_each = symbols_each
        self.users = 0
        """Users that have had their first ADD."""
        self._buys: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)  # user: (key, cents) of pending orders
        self._sells: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
        self._held: dict[int, int] = {}  # key: cents
        self._buy_amounts: dict[int, int] = {}
        self._sell_amounts: dict[int, int] = {}
        self._buyers: _Pool[int] = _Pool(self.draw)
        self._sellers: _Pool[int] = _Pool(self.draw)
        self._holders: _Pool[int] = _Pool(self.draw)
        self._buy_setters: _Pool[int] = _Pool(self.draw)
        self._sell_setters: _Pool[int] = _Pool(self.draw)

    def draw(self, below: int) -> int:
        """A number from 0 to `below` - 1."""
        return int(self._random() * below)

    def any_user(self) -> int:
        return self.draw(self.users)

    def any_key(self) -> int:
        return self.draw(self.users * self.symbols_each)

    def any_amount(self) -> int:
        """Cents of an order."""
        return 1 + self.draw(LARGEST_ORDER)

    def buy(self) -> tuple[int, int]:
        key, amount = self.any_key(), self.any_amount()
        self._buys[key // self.symbols_each].append((key, amount))
        self._buyers.add(key // self.symbols_each)
        return key, amount

    def end_buy(self, *, commit: bool, refuse: bool) -> tuple[int, bool]:
        """COMMIT_BUY or CANCEL_BUY."""
        user = None if refuse else self._buyers.pick(self._buys.get, remove=True)
        if user is None:
            return self._unless(self.any_user, self._buys)
        key, amount = self._buys[user].pop()
        if commit:
            self._hold(key, int(amount * _KEPT_OF_A_BUY))
        return user, False

    def sell(self, *, refuse: bool) -> tuple[int, int, bool]:
        key, amount, refused = self._of_holding(refuse=refuse)
        if not refused:
            self._sells[key // self.symbols_each].append((key, amount))
            self._sellers.add(key // self.symbols_each)
        return key, amount, refused

    def end_sell(self, *, commit: bool, refuse: bool) -> tuple[int, bool]:
        """COMMIT_SELL or CANCEL_SELL."""
        user = None if refuse else self._sellers.pick(self._sells.get, remove=True)
        if user is None:
            return self._unless(self.any_user, self._sells)
        key, amount = self._sells[user].pop()
        if not commit:
            return user, False
        covered = self._held.get(key, 0) >= amount
        if covered:
            self._hold(key, -amount)
        return user, not covered

    def set_buy_amount(self) -> tuple[int, int]:
        key, amount = self.any_key(), self.any_amount()
        if key not in self._buy_amounts:
            self._buy_setters.add(key)
        self._buy_amounts[key] = amount
        return key, amount

    def set_buy_trigger(self, *, refuse: bool) -> tuple[int, int, bool]:
        key, amount, refused = self._of_setting(self._buy_setters, self._buy_amounts, refuse=refuse, remove=True)
        return key, self._trigger_price(amount), refused

    def cancel_set_buy(self, *, refuse: bool) -> tuple[int, bool]:
        key, _, refused = self._of_setting(self._buy_setters, self._buy_amounts, refuse=refuse, remove=True)
        return key, refused

    def set_sell_amount(self, *, refuse: bool) -> tuple[int, int, bool]:
        key, amount, refused = self._of_holding(refuse=refuse)
        if not refused:
            if key not in self._sell_amounts:
                self._sell_setters.add(key)
            self._sell_amounts[key] = amount
        return key, amount, refused

    def set_sell_trigger(self, *, refuse: bool) -> tuple[int, int, bool]:
        key, amount, refused = self._of_setting(self._sell_setters, self._sell_amounts, refuse=refuse, remove=False)
        return key, self._trigger_price(amount), refused

    def cancel_set_sell(self, *, refuse: bool) -> tuple[int, bool]:
        key, _, refused = self._of_setting(self._sell_setters, self._sell_amounts, refuse=refuse, remove=True)
        return key, refused

    def _hold(self, key: int, cents: int) -> None:
        if key not in self._held:
            self._holders.add(key)
        held = self._held.get(key, 0) + cents
        if held > 0:
            self._held[key] = held
        else:
            self._held.pop(key, None)

    def _of_holding(self, *, refuse: bool) -> tuple[int, int, bool]:
        amount = self.any_amount()
        key = None if refuse else self._holder_of(amount)
        if key is None:
            key = self.any_key()
            return key, amount, self._held.get(key, 0) < amount
        if amount > self._held[key]:
            amount = 1 + self.draw(self._held[key])
        return key, amount, False

    def _holder_of(self, amount: int) -> int | None:
        """One who holds as much, if that is found in a few tries, else one who holds something."""
        key = None
        for _ in range(_TRIES):
            key = self._holders.pick(self._held.get)
            if key is None or self._held[key] >= amount:
                break
        return key

    def _of_setting(
        self, pool: _Pool[int], settings: dict[int, int], *, refuse: bool, remove: bool
    ) -> tuple[int, int, bool]:
        key = None if refuse else pool.pick(settings.get, remove=remove)
        if key is None:
            key, refused = self._unless(self.any_key, settings)
            return key, self.any_amount(), refused
        amount = settings[key]
        if remove:
            del settings[key]
        return key, amount, False

    def _unless(self, draw: Callable[[], int], having: Mapping[int, object]) -> tuple[int, bool]:
        """One that has nothing there, and whether that was found."""
        item = draw()
        for _ in range(_TRIES):
            if not having.get(item):
                return item, True
            item = draw()
        return item, False

    def _trigger_price(self, amount: int) -> int:
        return 1 + int((amount - 1) * self._random() ** _TRIGGER_EXPONENT)
