"""DISPLAY_SUMMARY's JSON."""

import json

from daytrader.domain.account import Account
from daytrader.domain.summary import summary
from tests.domain.desk import START, Desk


def test_a_new_account_shows_empty_lists() -> None:
    """Every field is there from the start."""
    assert json.loads(summary(Account(5), START)) == {
        "cents": 5,
        "investments": [],
        "triggers": [],
        "reserved_cents": 0,
        "pending_buys": [],
        "pending_sells": [],
        "history": [],
    }


def test_a_summary_shows_what_the_account_has() -> None:
    """Free cash and shares, triggers with price 0 until armed, reserved cash, live orders, and the last commands."""
    desk = Desk()
    desk.play(
        "ADD 200.00; BUY A 50.00; COMMIT_BUY; BUY B 6.00; wait 1; BUY A 12.34; SELL A 10.00; SET_BUY_AMOUNT B 20.00"
    )
    desk.play(
        "SET_BUY_AMOUNT C 30.00; SET_BUY_TRIGGER C 4.00; SET_SELL_AMOUNT A 10.00; SET_SELL_TRIGGER A 2.00; BUY A x"
    )
    desk.now += 59_999
    shown = json.loads(summary(desk.accounts["u"], desk.now))
    history = shown.pop("history")
    assert shown == {
        "cents": 100_00,
        "investments": [{"stock": "A", "amount": 5}],
        "triggers": [
            {"stock": "B", "price_cents": 0, "amount_cents": 2000, "is_sell": False},
            {"stock": "C", "price_cents": 400, "amount_cents": 3000, "is_sell": False},
            {"stock": "A", "price_cents": 200, "amount_cents": 1000, "is_sell": True},
        ],
        "reserved_cents": 5000,
        "pending_buys": [{"stock": "A", "price_cents": 500, "shares": 2, "cents": 1000, "time": START + 1}],
        "pending_sells": [{"stock": "A", "price_cents": 500, "shares": 2, "cents": 1000, "time": START + 1}],
    }
    assert len(history) == 12
    assert history[1] == {"time": START, "command": "BUY", "stock": "A", "amount_cents": 5000, "outcome": "accepted"}
    assert history[-1] == {
        "time": START + 1,
        "command": "BUY",
        "stock": "A",
        "amount_cents": 0,
        "outcome": "Invalid amount",
    }


def test_the_history_is_the_last_hundred_commands() -> None:
    """The newest stands last; what is older than a hundred commands is not shown."""
    desk = Desk()
    for n in range(1, 151):
        desk.accepted("ADD", "u", amount=f"{n}.00")
    history = json.loads(summary(desk.accounts["u"], desk.now))["history"]
    assert [shown["amount_cents"] for shown in history] == [n * 100 for n in range(51, 151)]


def test_expired_orders_are_not_shown() -> None:
    """Orders disappear from the summary at exactly 60,000 ms although nobody has touched the stack."""
    desk = Desk()
    desk.play("ADD 100.00; BUY A 50.00; COMMIT_BUY; BUY A 5.00; SELL A 5.00")
    account = desk.accounts["u"]
    for age, live in ((59_999, 1), (60_000, 0)):
        shown = json.loads(summary(account, START + age))
        assert (len(shown["pending_buys"]), len(shown["pending_sells"])) == (live, live)
