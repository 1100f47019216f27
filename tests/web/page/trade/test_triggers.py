"""Triggers, as they are shown."""

from daytrader.domain.account import Account, Trigger
from daytrader.domain.quote import Quote
from daytrader.web.page.trade.triggers import shown_triggers


def test_triggers_stand_in_the_order_of_their_symbols() -> None:
    """An unarmed one has no price."""
    quote = Quote("ABC", 500, 1, 0)
    account = Account(
        buy_triggers={"X": Trigger(100), "ABC": Trigger(90, 45)}, sell_triggers={"ABC": Trigger(80, 40, 2)}
    )
    shown = shown_triggers(account, {"ABC": quote})
    assert [(one.symbol, one.side, one.amount, one.price, one.shares, one.quote) for one in shown] == [
        ("ABC", "buy", 90, 45, 0, quote),
        ("ABC", "sell", 80, 40, 2, quote),
        ("X", "buy", 100, None, 0, None),
    ]
