"""Every rule of every command: what is refused with which text, and what an accepted command does."""

from typing import Any

import pytest

from daytrader.domain import event as ev
from daytrader.domain.account import LARGEST_SHARES, Account, Order, Trigger
from daytrader.domain.command import COMMAND_NAMES, Command, CommandName, parse
from daytrader.domain.decide import decide, fire_buy, fire_sell, needs_quote
from daytrader.domain.quote import Quote
from tests.domain.desk import START, Desk

EMPTY = "The specified stack is empty"
FUNDS = "Insufficient funds"
SHARES = "Insufficient shares"
STOCKS = "User does not have enough stocks"
BELOW = "An existing trigger on this stock has a higher trigger price than the set amount"
NO_BUY_TRIGGER = "Either the trigger doesn't exist or the specified price is too high"
TEN = "ADD 100.00; BUY A 50.00; COMMIT_BUY; "
"""The price is 5.00: leaves 50.00 in cash and 10 shares of A."""

REFUSED = [
    # BUY
    ("ADD 100.00; BUY A 4.99", "Quote price is higher than buy amount"),
    ("ADD 1.00; BUY A 4.99", "Quote price is higher than buy amount"),
    ("ADD 100.00; BUY A 100.01", FUNDS),
    ("ADD 100.00; SET_BUY_AMOUNT A 60.00; BUY A 50.00", FUNDS),
    ("ADD 100.00; price 0.00; BUY A 50.00", "Quote unavailable"),
    # COMMIT_BUY
    ("ADD 100.00; COMMIT_BUY", EMPTY),
    ("ADD 100.00; BUY A 50.00; wait 60000; COMMIT_BUY", EMPTY),
    ("ADD 100.00; BUY A 50.00; COMMIT_BUY; COMMIT_BUY", EMPTY),
    ("ADD 100.00; BUY A 60.00; BUY A 60.00; COMMIT_BUY; COMMIT_BUY", FUNDS),
    # CANCEL_BUY
    ("ADD 100.00; CANCEL_BUY", EMPTY),
    ("ADD 100.00; BUY A 50.00; wait 60000; CANCEL_BUY", EMPTY),
    (TEN + "SELL A 5.00; CANCEL_BUY", EMPTY),
    # SELL
    (TEN + "SELL A 4.99", "Quote price is higher than sell amount"),
    (TEN + "SELL B 4.99", "Quote price is higher than sell amount"),
    (TEN + "SELL A 55.00", SHARES),
    (TEN + "SELL B 5.00", SHARES),
    (TEN + "SET_SELL_AMOUNT A 10.00; SET_SELL_TRIGGER A 2.00; SELL A 30.00", SHARES),
    (TEN + "price 0.00; SELL A 5.00", "Quote unavailable"),
    # COMMIT_SELL
    (TEN + "COMMIT_SELL", EMPTY),
    (TEN + "SELL A 5.00; wait 60000; COMMIT_SELL", EMPTY),
    (TEN + "SELL A 30.00; SELL A 30.00; COMMIT_SELL; COMMIT_SELL", SHARES),
    # CANCEL_SELL
    (TEN + "CANCEL_SELL", EMPTY),
    (TEN + "BUY A 5.00; CANCEL_SELL", EMPTY),
    (TEN + "SELL A 5.00; wait 60000; CANCEL_SELL", EMPTY),
    # SET_BUY_AMOUNT
    ("ADD 100.00; SET_BUY_AMOUNT A 100.01", FUNDS),
    ("ADD 100.00; SET_BUY_AMOUNT A 60.00; SET_BUY_AMOUNT A 100.01", FUNDS),
    ("ADD 100.00; SET_BUY_AMOUNT A 60.00; SET_BUY_AMOUNT B 40.01", FUNDS),
    ("ADD 100.00; SET_BUY_AMOUNT A 60.00; SET_BUY_TRIGGER A 5.00; SET_BUY_AMOUNT A 4.99", BELOW),
    # SET_BUY_TRIGGER
    ("ADD 100.00; SET_BUY_TRIGGER A 5.00", NO_BUY_TRIGGER),
    ("ADD 100.00; SET_BUY_AMOUNT A 60.00; SET_BUY_TRIGGER A 60.01", NO_BUY_TRIGGER),
    ("ADD 100.00; SET_BUY_AMOUNT A 60.00; SET_BUY_TRIGGER B 5.00", NO_BUY_TRIGGER),
    ("ADD 100.00; SET_BUY_AMOUNT A 60.00; CANCEL_SET_BUY A; SET_BUY_TRIGGER A 5.00", NO_BUY_TRIGGER),
    # CANCEL_SET_BUY
    ("ADD 100.00; CANCEL_SET_BUY A", "Trigger does not exist"),
    ("ADD 100.00; SET_BUY_AMOUNT A 60.00; CANCEL_SET_BUY B", "Trigger does not exist"),
    (TEN + "SET_SELL_AMOUNT A 10.00; CANCEL_SET_BUY A", "Trigger does not exist"),
    # SET_SELL_AMOUNT
    ("ADD 100.00; SET_SELL_AMOUNT A 5.00", STOCKS),
    (TEN + "SET_SELL_AMOUNT A 55.00", STOCKS),
    (TEN + "SET_SELL_AMOUNT A 10.00; price 0.50; SET_SELL_AMOUNT A 10.00", STOCKS),
    (TEN + "price 0.00; SET_SELL_AMOUNT A 5.00", "Quote unavailable"),
    (TEN + "SET_SELL_AMOUNT A 10.00; SET_SELL_TRIGGER A 2.00; SET_SELL_AMOUNT A 1.99", BELOW),
    (TEN + "SET_SELL_AMOUNT A 10.00; SET_SELL_TRIGGER A 1.00; SET_SELL_AMOUNT A 11.00", STOCKS),
    # SET_SELL_TRIGGER
    (TEN + "SET_SELL_TRIGGER A 5.00", "Trigger amount has not been set"),
    (TEN + "SET_SELL_AMOUNT A 10.00; SET_SELL_TRIGGER A 10.01", "The specified price is higher than the set amount"),
    (TEN + "SET_SELL_AMOUNT A 10.00; SET_SELL_TRIGGER A 0.90", STOCKS),
    (TEN + "SET_SELL_AMOUNT A 11.00; SET_SELL_TRIGGER A 2.00; SET_SELL_TRIGGER A 1.00", STOCKS),
    # CANCEL_SET_SELL
    (TEN + "CANCEL_SET_SELL A", "Trigger does not exist"),
    ("ADD 100.00; SET_BUY_AMOUNT A 10.00; CANCEL_SET_SELL A", "Trigger does not exist"),
    # QUOTE
    ("ADD 100.00; price 0.00; QUOTE A", "Quote unavailable"),
    # The largest balance
    ("ADD 10000000000000.00; ADD 0.01", "Amount is too large"),
    ("ADD 10000000000000.00; SET_BUY_AMOUNT A 9999999999999.99; ADD 0.02", "Amount is too large"),
    (TEN + "price 9999999999900.00; SELL A 9999999999900.00; ADD 50.00; COMMIT_SELL; ADD 0.01", "Amount is too large"),
    (TEN + "price 9999999999900.01; SELL A 9999999999900.01; ADD 50.00; COMMIT_SELL", "Amount is too large"),
]


@pytest.mark.parametrize(("script", "text"), REFUSED)
def test_refused_commands_change_nothing(script: str, text: str) -> None:
    """The last command is refused with exactly this text, and the account is as before, but for its history."""
    desk = Desk()
    before, _, last = script.rpartition(";")
    desk.play(before)
    account = desk.accounts["u"]
    status, answer = desk.play(last)
    assert answer == text
    assert status == (503 if text == "Quote unavailable" else 400)
    assert seen(desk) == seen(desk, account)


ACCEPTED: list[tuple[str, dict[str, Any]]] = [
    ("ADD 100.00", {"cents": 100_00}),
    ("ADD 100.00; ADD 0.01", {"cents": 100_01}),
    ("ADD 10000000000000.00", {"cents": 10**15}),
    ("ADD 9999999999999.99; ADD 0.01", {"cents": 10**15}),
    # BUY
    ("ADD 100.00; BUY A 50.00", {"cents": 100_00, "buys": ["A 10 x 500 = 5000"]}),
    ("ADD 100.00; BUY A 100.00", {"cents": 100_00, "buys": ["A 20 x 500 = 10000"]}),
    ("ADD 100.00; BUY A 54.99", {"cents": 100_00, "buys": ["A 10 x 500 = 5000"]}),
    ("ADD 100.00; BUY A 5.00", {"cents": 100_00, "buys": ["A 1 x 500 = 500"]}),
    ("ADD 100.00; BUY A 60.00; BUY B 60.00", {"buys": ["A 12 x 500 = 6000", "B 12 x 500 = 6000"]}),
    ("ADD 100.00; BUY A 50.00; wait 60000; BUY B 5.00", {"buys": ["B 1 x 500 = 500"]}),
    # COMMIT_BUY
    ("ADD 100.00; BUY A 54.99; COMMIT_BUY", {"cents": 50_00, "holdings": {"A": 10}, "buys": []}),
    ("ADD 100.00; BUY A 50.00; wait 59999; COMMIT_BUY", {"cents": 50_00, "holdings": {"A": 10}}),
    ("ADD 100.00; BUY A 50.00; price 9.00; COMMIT_BUY", {"cents": 50_00, "holdings": {"A": 10}}),
    (
        "ADD 100.00; BUY A 50.00; BUY B 10.00; COMMIT_BUY",
        {"cents": 90_00, "holdings": {"B": 2}, "buys": ["A 10 x 500 = 5000"]},
    ),
    (
        "ADD 100.00; BUY A 60.00; BUY A 60.00; COMMIT_BUY; COMMIT_BUY; ADD 20.00; COMMIT_BUY",
        {"cents": 0, "holdings": {"A": 24}, "buys": []},
    ),
    ("ADD 100.00; BUY A 50.00; wait 1; BUY A 50.00; wait 59999; COMMIT_BUY", {"cents": 50_00, "buys": []}),
    # CANCEL_BUY
    ("ADD 100.00; BUY A 50.00; BUY B 10.00; CANCEL_BUY", {"cents": 100_00, "buys": ["A 10 x 500 = 5000"]}),
    ("ADD 100.00; BUY A 50.00; wait 59999; CANCEL_BUY", {"cents": 100_00, "buys": []}),
    # SELL
    (TEN + "SELL A 12.34", {"cents": 50_00, "holdings": {"A": 10}, "sells": ["A 2 x 500 = 1000"]}),
    (TEN + "SELL A 50.00", {"sells": ["A 10 x 500 = 5000"]}),
    (TEN + "SELL A 50.00; SELL A 50.00", {"sells": ["A 10 x 500 = 5000", "A 10 x 500 = 5000"]}),
    (TEN + "SELL A 50.00; wait 60000; SELL A 5.00", {"sells": ["A 1 x 500 = 500"]}),
    # COMMIT_SELL
    (TEN + "SELL A 12.34; COMMIT_SELL", {"cents": 60_00, "holdings": {"A": 8}, "sells": []}),
    (TEN + "SELL A 50.00; COMMIT_SELL", {"cents": 100_00, "holdings": {}}),
    (TEN + "SELL A 50.00; wait 59999; price 7.00; COMMIT_SELL", {"cents": 100_00, "holdings": {}}),
    # CANCEL_SELL
    (TEN + "SELL A 5.00; SELL A 10.00; CANCEL_SELL", {"cents": 50_00, "sells": ["A 1 x 500 = 500"]}),
    # SET_BUY_AMOUNT
    ("ADD 100.00; SET_BUY_AMOUNT A 60.00", {"cents": 40_00, "buy": {"A": Trigger(60_00)}}),
    ("ADD 100.00; SET_BUY_AMOUNT A 100.00", {"cents": 0, "buy": {"A": Trigger(100_00)}}),
    ("ADD 100.00; SET_BUY_AMOUNT A 60.00; SET_BUY_AMOUNT A 100.00", {"cents": 0, "buy": {"A": Trigger(100_00)}}),
    ("ADD 100.00; SET_BUY_AMOUNT A 60.00; SET_BUY_AMOUNT A 0.01", {"cents": 99_99, "buy": {"A": Trigger(1)}}),
    ("ADD 60.00; SET_BUY_AMOUNT A 60.00; SET_BUY_AMOUNT A 60.00", {"cents": 0, "buy": {"A": Trigger(60_00)}}),
    (
        "ADD 100.00; SET_BUY_AMOUNT A 60.00; SET_BUY_TRIGGER A 5.00; SET_BUY_AMOUNT A 5.00",
        {"cents": 95_00, "buy": {"A": Trigger(5_00, 500)}},
    ),
    ("ADD 100.00; price 0.00; SET_BUY_AMOUNT A 60.00", {"cents": 40_00, "buy": {"A": Trigger(60_00)}}),
    # SET_BUY_TRIGGER
    ("ADD 100.00; SET_BUY_AMOUNT A 60.00; SET_BUY_TRIGGER A 60.00", {"buy": {"A": Trigger(60_00, 60_00)}}),
    (
        "ADD 100.00; SET_BUY_AMOUNT A 60.00; SET_BUY_TRIGGER A 5.00; SET_BUY_TRIGGER A 6.00",
        {"cents": 40_00, "buy": {"A": Trigger(60_00, 600)}},
    ),
    (
        "ADD 100.00; SET_BUY_AMOUNT A 60.00; SET_BUY_TRIGGER A 5.00; SET_BUY_TRIGGER A 5.00",
        {"cents": 40_00, "buy": {"A": Trigger(60_00, 500)}},
    ),
    # CANCEL_SET_BUY
    ("ADD 100.00; SET_BUY_AMOUNT A 60.00; CANCEL_SET_BUY A", {"cents": 100_00, "buy": {}}),
    ("ADD 100.00; SET_BUY_AMOUNT A 60.00; SET_BUY_TRIGGER A 5.00; CANCEL_SET_BUY A", {"cents": 100_00, "buy": {}}),
    # SET_SELL_AMOUNT: the amount counts at the current quote until the trigger is armed
    (TEN + "SET_SELL_AMOUNT A 54.99", {"holdings": {"A": 10}, "sell": {"A": Trigger(54_99)}}),
    (TEN + "SET_SELL_AMOUNT B 4.99", {"holdings": {"A": 10}, "sell": {"B": Trigger(4_99)}}),
    (TEN + "SET_SELL_AMOUNT A 10.00; SET_SELL_AMOUNT A 10.00", {"sell": {"A": Trigger(10_00)}}),
    (TEN + "SET_SELL_AMOUNT A 10.00; SET_SELL_AMOUNT A 0.01", {"sell": {"A": Trigger(1)}}),
    (
        TEN + "SET_SELL_AMOUNT A 10.00; SET_SELL_TRIGGER A 2.00; SET_SELL_AMOUNT A 12.01",
        {"holdings": {"A": 4}, "sell": {"A": Trigger(12_01, 200, 6)}},
    ),
    (
        TEN + "SET_SELL_AMOUNT A 10.00; SET_SELL_TRIGGER A 2.00; SET_SELL_AMOUNT A 2.00",
        {"holdings": {"A": 9}, "sell": {"A": Trigger(2_00, 200, 1)}},
    ),
    (
        TEN + "SET_SELL_AMOUNT A 10.00; SET_SELL_TRIGGER A 2.00; SET_SELL_AMOUNT A 10.00",
        {"holdings": {"A": 5}, "sell": {"A": Trigger(10_00, 200, 5)}},
    ),
    (
        TEN + "SET_SELL_AMOUNT A 10.00; SET_SELL_TRIGGER A 1.00; SET_SELL_AMOUNT A 10.99",
        {"holdings": {}, "sell": {"A": Trigger(10_99, 100, 10)}},
    ),
    # SET_SELL_TRIGGER
    (
        TEN + "SET_SELL_AMOUNT A 10.00; SET_SELL_TRIGGER A 10.00",
        {"holdings": {"A": 9}, "sell": {"A": Trigger(10_00, 1000, 1)}},
    ),
    (
        TEN + "SET_SELL_AMOUNT A 10.00; SET_SELL_TRIGGER A 1.00",
        {"holdings": {}, "sell": {"A": Trigger(10_00, 100, 10)}},
    ),
    (
        TEN + "SET_SELL_AMOUNT A 10.00; SET_SELL_TRIGGER A 1.00; SET_SELL_TRIGGER A 3.00",
        {"holdings": {"A": 7}, "sell": {"A": Trigger(10_00, 300, 3)}},
    ),
    (
        TEN + "SET_SELL_AMOUNT A 10.00; SET_SELL_TRIGGER A 1.00; SET_SELL_TRIGGER A 1.00",
        {"holdings": {}, "sell": {"A": Trigger(10_00, 100, 10)}},
    ),
    # CANCEL_SET_SELL
    (TEN + "SET_SELL_AMOUNT A 10.00; CANCEL_SET_SELL A", {"holdings": {"A": 10}, "sell": {}}),
    (TEN + "SET_SELL_AMOUNT A 10.00; SET_SELL_TRIGGER A 1.00; CANCEL_SET_SELL A", {"holdings": {"A": 10}, "sell": {}}),
    # Buy and sell triggers on the same symbol do not know each other
    (
        TEN + "SET_SELL_AMOUNT A 10.00; SET_BUY_AMOUNT A 20.00; SET_BUY_TRIGGER A 1.00; SET_SELL_TRIGGER A 2.00",
        {
            "cents": 30_00,
            "holdings": {"A": 5},
            "buy": {"A": Trigger(20_00, 100)},
            "sell": {"A": Trigger(10_00, 200, 5)},
        },
    ),
    # Firing
    (
        "ADD 100.00; SET_BUY_AMOUNT A 60.01; SET_BUY_TRIGGER A 5.00; triggers",
        {"cents": 40_00 - 1 + 1, "holdings": {"A": 12}, "buy": {}},
    ),
    (
        "ADD 100.00; SET_BUY_AMOUNT A 60.00; SET_BUY_TRIGGER A 5.00; price 3.50; triggers; triggers",
        {"cents": 40_00 + 50, "holdings": {"A": 17}, "buy": {}},
    ),
    (
        "ADD 100.00; SET_BUY_AMOUNT A 60.00; SET_BUY_TRIGGER A 4.99; triggers",
        {"cents": 40_00, "holdings": {}, "buy": {"A": Trigger(60_00, 499)}},
    ),
    (
        TEN + "SET_SELL_AMOUNT A 10.00; SET_SELL_TRIGGER A 5.00; triggers; triggers",
        {"cents": 60_00, "holdings": {"A": 8}, "sell": {}},
    ),
    (
        TEN + "SET_SELL_AMOUNT A 10.00; SET_SELL_TRIGGER A 1.00; price 7.77; triggers",
        {"cents": 50_00 + 77_70, "holdings": {}, "sell": {}},
    ),
    (
        TEN + "SET_SELL_AMOUNT A 10.00; SET_SELL_TRIGGER A 5.01; triggers",
        {"cents": 50_00, "holdings": {"A": 9}, "sell": {"A": Trigger(10_00, 501, 1)}},
    ),
    ("ADD 100.00; SET_BUY_AMOUNT A 60.00; triggers", {"cents": 40_00, "buy": {"A": Trigger(60_00)}}),
    (TEN + "SET_SELL_AMOUNT A 10.00; triggers", {"holdings": {"A": 10}, "sell": {"A": Trigger(10_00)}}),
]


@pytest.mark.parametrize(("script", "expected"), ACCEPTED)
def test_accepted_commands_change_exactly_this(script: str, expected: dict[str, Any]) -> None:
    """After the steps the account has exactly what is said, wherever it is said."""
    desk = Desk()
    assert desk.play(script) == (200, "")
    after = seen(desk)
    assert {key: after[key] for key in expected} == expected


def seen(desk: Desk, account: Account | None = None) -> dict[str, Any]:
    """Return everything of the account of "u" but its history, pending orders in words."""
    a = account or desk.accounts["u"]

    def worded(orders: tuple[Order, ...]) -> list[str]:
        return [f"{order.symbol} {order.shares} x {order.price} = {order.cents}" for order in orders]

    return {
        "cents": a.cents,
        "holdings": a.holdings,
        "buys": worded(a.buys),
        "sells": worded(a.sells),
        "buy": a.buy_triggers,
        "sell": a.sell_triggers,
    }


def test_no_op_commands_are_accepted_without_an_event() -> None:
    """The same amount or price again is accepted, and the record says that nothing happened."""
    desk = Desk()
    desk.play(TEN + "SET_BUY_AMOUNT A 10.00; SET_BUY_TRIGGER A 1.00; SET_SELL_AMOUNT A 10.00; SET_SELL_TRIGGER A 2.00")
    before = len(desk.records)
    desk.play("SET_BUY_AMOUNT A 10.00; SET_BUY_TRIGGER A 1.00; SET_SELL_AMOUNT A 10.00; SET_SELL_TRIGGER A 2.00")
    assert [(record.refusal, record.event) for record in desk.records[before:]] == [("", None)] * 4


@pytest.mark.parametrize("name", [name for name in COMMAND_NAMES.values() if name != "ADD"])
def test_commands_of_unknown_users_are_refused(name: CommandName) -> None:
    """Every command but ADD, on a user who was never added, is refused: the summary and the user's log too."""
    command = parse(name, "u", "ABC", "1.00", "f")
    assert decide(None, command, None, START) == "User does not exist"
    assert not needs_quote(None, command)


def test_an_add_makes_the_user() -> None:
    """ADD is accepted for a user who does not exist, and no other command makes one."""
    assert decide(None, parse("ADD", "u", amount="1.00"), None, START) == ev.Added(100)


def test_the_whole_log_needs_no_user() -> None:
    """DUMPLOG without a userid is accepted although no account stands behind it."""
    assert decide(None, parse("DUMPLOG", filename="f"), None, START) is None


@pytest.mark.parametrize(
    ("command", "text"),
    [
        (parse("ADD", "!!", amount="x"), "Invalid userid"),
        (parse("BUY", "nobody", "ADDS", "x"), "Invalid stock symbol"),
        (parse("BUY", "nobody", "ADD", "x"), "Invalid amount"),
        (parse("BUY", "nobody", "ADD", "0.00"), "Amount cannot be zero"),
        (parse("BUY", "nobody", "ADD", "10000000000000.01"), "Amount is too large"),
    ],
)
def test_the_first_faulty_field_is_the_reason(command: Any, text: str) -> None:
    """Fields are checked in the order userid, symbol, amount, and before whether the user exists."""
    assert decide(None, command, None, START) == text


@pytest.mark.parametrize("name", COMMAND_NAMES.values())
def test_which_commands_need_a_quote(name: CommandName) -> None:
    """QUOTE, BUY, SELL and SET_SELL_AMOUNT of an existing user with valid fields are decided with a quote."""
    asks = name in {"QUOTE", "BUY", "SELL", "SET_SELL_AMOUNT"}
    assert needs_quote(Account(), parse(name, "u", "ABC", "1.00")) is asks
    assert not needs_quote(Account(), parse(name, "!!", "abc", "x"))


@pytest.mark.parametrize(("order", "stack"), [("BUY", "buys"), ("SELL", "sells")])
def test_stacks_are_a_thousand_deep(order: CommandName, stack: str) -> None:
    """The thousandth live order is accepted, the next is refused, and it is the last reason to refuse."""
    desk = Desk()
    desk.play(TEN)
    for _ in range(1_000):
        desk.accepted(order, "u", "A", "5.00")
    assert desk.play(f"{order} A 5.00") == (400, "Too many pending orders")
    assert desk.play(f"{order} A 4.99") == (400, f"Quote price is higher than {order.lower()} amount")
    assert desk.play(f"{order} A 500.00") == (400, FUNDS if order == "BUY" else SHARES)
    assert len(getattr(desk.accounts["u"], stack)) == 1_000
    desk.play(f"CANCEL_{order}")
    assert desk.play(f"{order} A 5.00") == (200, "")


@pytest.mark.parametrize(("order", "stack"), [("BUY", "buys"), ("SELL", "sells")])
def test_expired_orders_do_not_fill_the_stack(order: CommandName, stack: str) -> None:
    """A thousand expired orders make place for the next, which drops them."""
    desk = Desk()
    desk.play(TEN)
    for _ in range(1_000):
        desk.accepted(order, "u", "A", "5.00")
    desk.play(f"wait 59999; {order} A 5.00")
    assert len(getattr(desk.accounts["u"], stack)) == 1_000
    assert desk.play(f"wait 1; {order} A 5.00") == (200, "")
    assert len(getattr(desk.accounts["u"], stack)) == 1


def test_deciding_again_gives_the_same() -> None:
    """The same account, command, quote and time give the same outcome, and the account is left alone."""
    desk = Desk()
    desk.play(TEN + "SELL A 5.00")
    account = desk.accounts["u"]
    before = repr(account)
    quote = Quote("A", 500, START, START)
    for name in COMMAND_NAMES.values():
        command = parse(name, "u", "A", "6.00")
        assert decide(account, command, quote, START) == decide(account, command, quote, START)
    assert repr(account) == before


def test_a_trigger_without_price_does_not_fire() -> None:
    """An unarmed trigger, or none at all, is not fired by any price."""
    account = Account(100, {}, (), (), {"A": Trigger(500)}, {"A": Trigger(500)})
    for symbol in ("A", "B"):
        for price in (1, 500, 10**15):
            assert fire_buy(account, symbol, Quote(symbol, price, START, START)) is None
            assert fire_sell(account, symbol, Quote(symbol, price, START, START)) is None


def test_a_sell_trigger_that_would_burst_the_balance_stays_armed() -> None:
    """Proceeds that would lift cash and reserves over the largest balance wait until they fit."""
    account = Account(10**15 - 1_000, {}, (), (), {"B": Trigger(1)}, {"A": Trigger(500, 100, 3)})
    assert fire_sell(account, "A", Quote("A", 334, START, START)) is None
    assert fire_sell(account, "A", Quote("A", 333, START, START)) == ev.SellTriggerFired("A", 333, 3, 999)


def test_the_largest_holding_is_never_exceeded() -> None:
    """A purchase that would lift a holding, reserved shares included, over 10^18 is refused, and its trigger waits."""
    order = Order("DOG", 1, 100, 100, 0)
    account = Account(1_000, {"DOG": LARGEST_SHARES - 150}, (order,), sell_triggers={"DOG": Trigger(100, 2, 51)})
    assert decide(account, Command("COMMIT_BUY", "u"), None, 1) == "Amount is too large"
    armed = Account(1_000, account.holdings, buy_triggers={"DOG": Trigger(100, 1)}, sell_triggers=account.sell_triggers)
    assert fire_buy(armed, "DOG", Quote("DOG", 1, 0, 0)) is None
