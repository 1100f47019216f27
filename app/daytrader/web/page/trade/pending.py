"""The pending orders of an account, as the page shows them: the newest first, for it alone can be acted on."""

from typing import Literal

import msgspec

from daytrader.domain.account import LIVE_MS, Account, Order, live

Side = Literal["buy", "sell"]


class Pending(msgspec.Struct, frozen=True):
    """A buy or sell that waits to be committed or cancelled."""

    side: Side
    symbol: str
    price: int
    """Cents a share."""
    shares: int
    cents: int
    """What committing it costs (a buy) or brings (a sell)."""
    expires_at: int
    """Ms since the epoch: from then on it is live no more."""
    is_next: bool
    """Whether it is the one that is committed or cancelled next."""
    lacks: int
    """Cents (a buy) or shares (a sell) that the account has too few of to commit it now; 0: it has enough."""


def pending_buys(account: Account, now: int) -> tuple[Pending, ...]:
    """Return the buys that are live at `now` (ms since the epoch), the newest first."""
    return tuple(
        _pending("buy", order, order.cents - account.cents, is_next=not place)
        for place, order in enumerate(reversed(live(account.buys, now)))
    )


def pending_sells(account: Account, now: int) -> tuple[Pending, ...]:
    """Return the sells that are live at `now` (ms since the epoch), the newest first."""
    return tuple(
        _pending("sell", order, order.shares - account.holdings.get(order.symbol, 0), is_next=not place)
        for place, order in enumerate(reversed(live(account.sells, now)))
    )


def next_expiry(account: Account, now: int) -> int | None:
    """Return when the next live order of `account` expires, ms since the epoch; None where none is live."""
    firsts = [orders[0].time + LIVE_MS for orders in (live(account.buys, now), live(account.sells, now)) if orders]
    return min(firsts, default=None)


def _pending(side: Side, order: Order, lacks: int, *, is_next: bool) -> Pending:
    return Pending(
        side, order.symbol, order.price, order.shares, order.cents, order.time + LIVE_MS, is_next, max(0, lacks)
    )
