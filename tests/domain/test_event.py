"""The net change of free cash that an event stands for."""

import pytest

from daytrader.domain import event as ev
from daytrader.domain.account import Account, Order, Trigger
from daytrader.domain.evolve import evolve
from tests.domain.desk import START

ORDERS = (Order("A", 5, 1, 5, START),)
ACCOUNT = Account(1_000, {"A": 10}, ORDERS, ORDERS, {"A": Trigger(70, 5)}, {"A": Trigger(90, 30, 3)})

CHANGES = [
    (ev.Added(5), 5),
    (ev.BuyPlaced("A", 5, 1, 5), 0),
    (ev.BuyCommitted("A", 1, 5), -5),
    (ev.BuyCancelled(), 0),
    (ev.SellPlaced("A", 5, 1, 5), 0),
    (ev.SellCommitted("A", 1, 5), 5),
    (ev.SellCancelled(), 0),
    (ev.BuyAmountSet("A", 80, 10), -10),
    (ev.BuyAmountSet("A", 60, -10), 10),
    (ev.BuyTriggerSet("A", 6), 0),
    (ev.BuyTriggerCancelled("A", 70), 70),
    (ev.SellAmountSet("A", 120, 1), 0),
    (ev.SellTriggerSet("A", 45, -1), 0),
    (ev.SellTriggerCancelled("A", 3), 0),
    (ev.BuyTriggerFired("A", 4, 17, 68, 2), 2),
    (ev.BuyTriggerFired("A", 5, 14, 70, 0), 0),
    (ev.SellTriggerFired("A", 40, 3, 120), 120),
]


@pytest.mark.parametrize(("event", "change"), CHANGES, ids=[str(event) for event, _ in CHANGES])
def test_the_change_of_cash_is_what_evolving_does(event: ev.Event, change: int) -> None:
    """What the log will call an accountTransaction is exactly what happens to free cash."""
    assert ev.cash_change(event) == change
    assert evolve(ACCOUNT, event, START).cents - ACCOUNT.cents == change


def test_every_kind_of_event_is_covered() -> None:
    """No kind of event is left out of the table above; no event at all changes no cash."""
    assert {type(event) for event, _ in CHANGES} == set(ev.Event.__args__)
    assert ev.cash_change(None) == 0
