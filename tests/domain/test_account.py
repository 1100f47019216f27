"""Which pending orders are live, and what an account reserves."""

import pytest

from daytrader.domain.account import Account, Order, Trigger, live

T = 1_700_000_000_000


def placed(*times: int) -> tuple[Order, ...]:
    """Return orders placed at the given times, the oldest first."""
    return tuple(Order("A", 500, 1, 500, time) for time in times)


@pytest.mark.parametrize(
    ("orders", "now", "alive"),
    [
        ((), T, ()),
        (placed(T), T, placed(T)),
        (placed(T), T + 59_999, placed(T)),
        (placed(T), T + 60_000, ()),
        (placed(T), T + 60_001, ()),
        (placed(T, T + 1, T + 2), T + 60_000, placed(T + 1, T + 2)),
        (placed(T, T + 1, T + 2), T + 60_001, placed(T + 2)),
        (placed(T, T + 1, T + 2), T + 60_002, ()),
        (placed(T, T, T), T + 60_000, ()),
    ],
)
def test_orders_live_for_less_than_a_minute(orders: tuple[Order, ...], now: int, alive: tuple[Order, ...]) -> None:
    """Those placed 60,000 ms ago or earlier are gone, the others stay in their order."""
    assert live(orders, now) == alive


def test_reserved_cash_is_the_sum_of_the_buy_triggers() -> None:
    """Every buy trigger, armed or not, reserves its amount; sell triggers reserve no cash."""
    account = Account(buy_triggers={"A": Trigger(100), "B": Trigger(250, 5)}, sell_triggers={"A": Trigger(9_999, 1, 9)})
    assert account.reserved_cents == 350


def test_accounts_do_not_share_their_dictionaries() -> None:
    """A fresh account's holdings and triggers belong to it alone."""
    one, other = Account(), Account()
    assert one.holdings is not other.holdings
    assert one.buy_triggers is not other.buy_triggers
