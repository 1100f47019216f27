"""DISPLAY_SUMMARY: everything a user may want to know of the own account, as JSON."""

from typing import Final

import msgspec

from daytrader.domain.account import Account, Order, live

HISTORY: Final = 100
"""How many of the last commands a summary shows."""

_encode = msgspec.json.Encoder().encode


def summary(account: Account, now: int) -> bytes:
    """Return the summary of `account` at `now` (ms since the epoch): cents, whole shares, the last 100 commands."""
    triggers = [
        {"stock": symbol, "price_cents": trigger.price, "amount_cents": trigger.amount, "is_sell": is_sell}
        for is_sell, kind in ((False, account.buy_triggers), (True, account.sell_triggers))
        for symbol, trigger in kind.items()
    ]
    return _encode(
        {
            "cents": account.cents,
            "investments": [{"stock": symbol, "amount": shares} for symbol, shares in account.holdings.items()],
            "triggers": triggers,
            "reserved_cents": account.reserved_cents,
            "pending_buys": [_order(order) for order in live(account.buys, now)],
            "pending_sells": [_order(order) for order in live(account.sells, now)],
            "history": [
                {
                    "time": recent.time,
                    "command": recent.command.name,
                    "stock": recent.command.symbol,
                    "amount_cents": recent.command.cents,
                    "outcome": recent.refusal or "accepted",
                }
                for recent in account.recent[-HISTORY:]
            ],
        }
    )


def _order(order: Order) -> dict[str, object]:
    return {
        "stock": order.symbol,
        "price_cents": order.price,
        "shares": order.shares,
        "cents": order.cents,
        "time": order.time,
    }
