"""What an account is worth."""

from daytrader.domain.account import Account, Order, Trigger
from daytrader.domain.quote import Quote
from daytrader.web.page.trade.portfolio import portfolio, symbols_of

FIVE = Quote("ABC", 500, 1_000, 0)


def test_shares_count_at_the_newest_quote_and_reserves_count_too() -> None:
    """What triggers reserve, cash or shares, is the user's all the same."""
    account = Account(
        1_000, {"ABC": 3}, buy_triggers={"X": Trigger(250)}, sell_triggers={"ABC": Trigger(5_000, 1_000, 5)}
    )
    has = portfolio(account, {"ABC": FIVE})
    assert (has.free, has.reserved, has.cash) == (1_000, 250, 1_250)
    assert [(one.symbol, one.free, one.reserved, one.shares, one.value) for one in has.holdings] == [
        ("ABC", 3, 5, 8, 4_000)
    ]
    assert (has.shares_value, has.total, has.unpriced) == (4_000, 5_250, ())


def test_a_stock_whose_shares_are_all_reserved_is_still_there() -> None:
    """An account does not keep a holding of none."""
    account = Account(sell_triggers={"ABC": Trigger(5_000, 1_000, 5)})
    assert [one.shares for one in portfolio(account, {}).holdings] == [5]


def test_shares_without_a_quote_are_named_and_count_for_nothing() -> None:
    """A guess would be worse."""
    has = portfolio(Account(100, {"ABC": 3, "B": 1}), {"ABC": FIVE})
    assert (has.total, has.unpriced, has.holdings[1].value) == (1_600, ("B",), None)


def test_the_quotes_that_matter_are_of_everything_the_account_has() -> None:
    """Shares, pending orders, triggers."""
    order = Order("C", 1, 1, 1, 0)
    account = Account(0, {"A": 1}, (order,), (Order("D", 1, 1, 1, 0),), {"E": Trigger(1)}, {"F": Trigger(1)})
    assert symbols_of(account) == {"A", "C", "D", "E", "F"}
