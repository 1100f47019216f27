"""Pending orders, as they are shown."""

from daytrader.domain.account import Account, Order
from daytrader.web.page.trade.pending import next_expiry, pending_buys, pending_sells

T = 1_700_000_000_000


def test_the_newest_order_stands_first_and_is_the_one_to_act_on() -> None:
    """Commit and cancel take the newest; an expired one is not shown."""
    account = Account(
        1_000, buys=(Order("A", 1, 1, 1, T - 60_000), Order("B", 2, 3, 6, T - 59_999), Order("C", 5, 2, 10, T))
    )
    shown = pending_buys(account, T)
    assert [(one.symbol, one.is_next, one.expires_at) for one in shown] == [
        ("C", True, T + 60_000),
        ("B", False, T + 1),
    ]


def test_an_order_says_what_is_lacking_to_commit_it() -> None:
    """A buy lacks cash, a sell shares."""
    account = Account(4, {"B": 1}, buys=(Order("A", 10, 1, 10, T),), sells=(Order("B", 1, 3, 3, T),))
    assert [one.lacks for one in (*pending_buys(account, T), *pending_sells(account, T))] == [6, 2]
    assert pending_buys(Account(10, buys=account.buys), T)[0].lacks == 0


def test_the_next_expiry_is_that_of_the_oldest_live_order() -> None:
    """So the page knows when it has to change without anything happening."""
    account = Account(
        buys=(Order("A", 1, 1, 1, T - 60_000), Order("A", 1, 1, 1, T)), sells=(Order("A", 1, 1, 1, T - 5),)
    )
    assert next_expiry(account, T) == T + 59_995
    assert next_expiry(account, T + 59_995) == T + 60_000
    assert next_expiry(account, T + 60_000) is None
