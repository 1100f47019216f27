"""The index of armed triggers."""

from daytrader.domain.account import Account, Trigger
from daytrader.domain.quote import Quote
from daytrader.transaction.armed import Armed


def due(armed: Armed, price: int, symbol: str = "A") -> list[tuple[str, bool]]:
    """User and side of the triggers that fire at a price."""
    return list(armed.due(Quote(symbol, price, 0, 0)))


def test_those_that_the_price_reaches_are_due() -> None:
    """A buy trigger at or above the quote, a sell trigger at or below it, on this symbol."""
    armed = Armed()
    for user, sells, price in (("a", False, 500), ("b", False, 499), ("c", True, 500), ("d", True, 501)):
        armed.set(user, "A", sells, price)
    armed.set("e", "B", False, 900)
    assert due(armed, 500) == [("a", False), ("c", True)]
    assert due(armed, 499) == [("a", False), ("b", False)]
    assert due(armed, 501) == [("c", True), ("d", True)]
    assert due(armed, 1, "C") == []


def test_a_trigger_has_one_price() -> None:
    """A new price replaces the old one, 0 ends it, and both sides of a user are apart."""
    armed = Armed()
    armed.set("a", "A", False, 500)
    armed.set("a", "A", True, 500)
    armed.set("a", "A", False, 300)
    assert due(armed, 400) == []
    assert due(armed, 300) == [("a", False)]
    assert len(armed) == 2
    armed.set("a", "A", False, 0)
    armed.set("a", "A", True, 0)
    armed.set("a", "A", True, 0)
    assert len(armed) == 0
    assert armed.symbols() == []


def test_the_triggers_of_an_account_are_noted() -> None:
    """As they stand after a record: one that is not armed, or gone, is not in the index."""
    armed = Armed()
    armed.note("a", "A", Account(buy_triggers={"A": Trigger(900, 5)}, sell_triggers={"A": Trigger(900, 7, 3)}))
    assert armed.symbols() == [("A", "a")]
    armed.note("a", "A", Account(buy_triggers={"A": Trigger(900)}))
    assert armed.symbols() == []
