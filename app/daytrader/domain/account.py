"""An account: what one user has, what is reserved, what is pending, and what was asked lately."""

from typing import Final

import msgspec

from daytrader.domain.command import Command

LIVE_MS: Final = 60_000
"""A pending order is live for less than this many ms."""

DEEPEST_STACK: Final = 1_000
"""How many live pending buys (or sells) a user may have."""

LARGEST_SHARES: Final = 10**18
"""The largest holding of one stock, reserved shares included: numbers stay within what a store can hold."""

WINDOW: Final = 256
"""How many commands of a user are remembered, so that one sent again gets its first answer."""

STRANGERS: Final = ""
"""The account of a partition that remembers the commands of users who do not exist."""

STRANGERS_WINDOW: Final = 4_096


class Order(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A pending buy or sell."""

    symbol: str
    price: int
    """Cents a share."""
    shares: int
    cents: int
    """What committing it costs (buy) or brings (sell)."""
    time: int
    """When it was placed, ms since the epoch."""


class Trigger(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A buy or sell trigger on one symbol."""

    amount: int
    """Cents to buy or sell for; of a buy trigger, also the cash it reserves."""
    price: int = 0
    """Cents a share at which it fires; 0 while it is not armed."""
    shares: int = 0
    """Shares that an armed sell trigger reserves."""


class Recent(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A command that was decided lately, and how."""

    request: str
    time: int
    command: Command
    refusal: str = ""
    """Empty where the command was accepted."""
    answer: tuple[int, int, int] | None = None
    """Price, shares, and cost or proceeds in cents of an accepted BUY or SELL."""


class Account(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The state of one user. A change makes a new one, so that what was only speculated can be thrown away."""

    cents: int = 0
    """Free cash."""
    holdings: dict[str, int] = {}
    """Free shares by symbol, never 0."""
    buys: tuple[Order, ...] = ()
    """Pending buys, the newest last. Those past their time may still stand in front."""
    sells: tuple[Order, ...] = ()
    buy_triggers: dict[str, Trigger] = {}
    sell_triggers: dict[str, Trigger] = {}
    recent: tuple[Recent, ...] = ()
    """The last commands, the newest last: the request-id window, and the history that a summary shows."""
    forgotten: bool = False
    """Whether commands older than `recent` are forgotten."""

    @property
    def reserved_cents(self) -> int:
        """Cash that buy triggers reserve."""
        return sum(trigger.amount for trigger in self.buy_triggers.values())


def live(orders: tuple[Order, ...], now: int) -> tuple[Order, ...]:
    """Return the orders that are still live at `now`; the oldest stand first, so expired ones are a prefix."""
    if not orders or now - orders[0].time < LIVE_MS:
        return orders
    for expired, order in enumerate(orders):
        if now - order.time < LIVE_MS:
            return orders[expired:]
    return ()
