"""What holds at every moment, whatever the commands, the prices and the clock do."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daytrader.domain.account import DEEPEST_STACK, WINDOW, Account, live
from daytrader.domain.command import COMMAND_NAMES
from daytrader.domain.event import Added, cash_change
from daytrader.domain.evolve import replay
from daytrader.domain.money import LARGEST_CENTS
from tests.domain.desk import Desk

AMOUNTS = st.one_of(
    st.sampled_from(["0.01", "0.99", "4.99", "5.00", "5.01", "9999999999999.99", "10000000000000.00", "0.00", "?"]),
    st.integers(1, 200_000).map(lambda cents: f"{cents // 100}.{cents % 100:02d}"),
)
COMMANDS = st.tuples(
    st.sampled_from([*sorted(COMMAND_NAMES.values()), "ADD", "BUY", "COMMIT_BUY"]),
    st.sampled_from(["a", "a", "a", "b"]),
    st.sampled_from(["A", "B"]),
    AMOUNTS,
)
WAITS = st.tuples(st.just("wait"), st.sampled_from([1, 30_000, 59_999, 60_000]))
EVALUATIONS = st.tuples(st.just("evaluate"), st.none())
TURNS = st.tuples(st.just("price"), st.sampled_from([0, 1, 7, 499, 500, 501, 10**15]))


def run(steps: list[Any], price: int, check: Callable[[Desk], None]) -> Desk:
    """Take the steps on a desk that begins with two funded users; check it after every step."""
    desk = Desk(price)
    for user in ("a", "b"):
        desk.accepted("ADD", user, amount="1000.00")
    for kind, what, *rest in steps:
        if kind == "wait":
            desk.now += what
        elif kind == "evaluate":
            desk.evaluate_triggers()
        elif kind == "price":
            desk.price = what
        else:
            desk.run(kind, what, *rest)
        check(desk)
    return desk


def nothing_is_negative(desk: Desk) -> None:
    """Assert that cash, holdings, reserves and stacks are within their bounds."""
    for account in desk.accounts.values():
        assert account.cents >= 0
        assert account.cents + account.reserved_cents <= LARGEST_CENTS
        assert all(shares > 0 for shares in account.holdings.values())
        assert all(t.amount > 0 and 0 <= t.price <= t.amount for t in account.buy_triggers.values())
        assert all(t.shares == 0 for t in account.buy_triggers.values())
        for trigger in account.sell_triggers.values():
            assert trigger.amount > 0
            assert 0 <= trigger.price <= trigger.amount
            assert trigger.shares == (trigger.amount // trigger.price if trigger.price else 0)
        assert len(live(account.buys, desk.now)) <= DEEPEST_STACK
        assert len(account.recent) <= WINDOW


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(COMMANDS, COMMANDS, COMMANDS, WAITS, EVALUATIONS, TURNS), max_size=60))
def test_nothing_ever_becomes_negative(steps: list[Any]) -> None:
    """No cash, holding or reserve is ever below zero, no balance above the largest, at any prices."""
    run(steps, 500, nothing_is_negative)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(COMMANDS, COMMANDS, COMMANDS, WAITS, EVALUATIONS), max_size=60), st.sampled_from([1, 7, 500]))
def test_at_a_constant_price_nothing_is_made_or_lost(steps: list[Any], price: int) -> None:
    """Cash, reserved cash, and all shares at the price are together what was added, after every step."""

    def conserved(desk: Desk) -> None:
        added = sum(record.event.cents for record in desk.records if isinstance(record.event, Added))
        assert sum(worth(account, price) for account in desk.accounts.values()) == added

    run(steps, price, conserved)


def worth(account: Account, price: int) -> int:
    """Return what an account is worth in cents where every share costs `price`."""
    shares = sum(account.holdings.values()) + sum(trigger.shares for trigger in account.sell_triggers.values())
    return account.cents + account.reserved_cents + price * shares


@settings(max_examples=100, deadline=None)
@given(st.lists(st.one_of(COMMANDS, COMMANDS, COMMANDS, WAITS, EVALUATIONS, TURNS), max_size=60))
def test_replaying_the_records_gives_the_decided_accounts(steps: list[Any]) -> None:
    """The records alone lead to the same accounts, and their changes of cash add up to the balances."""
    desk = run(steps, 500, lambda _: None)
    replayed: dict[str, Account | None] = {}
    cash: dict[str, int] = {}
    for record in desk.records:
        replayed[record.account] = replay(replayed.get(record.account), record)
        cash[record.account] = cash.get(record.account, 0) + cash_change(record.event)
    replayed.pop("", None)
    assert replayed == desk.accounts
    assert {user: cash[user] for user in desk.accounts} == {user: a.cents for user, a in desk.accounts.items()}


@settings(max_examples=100, deadline=None)
@given(st.lists(COMMANDS, max_size=40), st.lists(COMMANDS, max_size=40))
def test_users_are_independent(steps: list[Any], others: list[Any]) -> None:
    """What another user does between one's commands changes nothing for oneself."""
    mine = [(kind, "a", *rest) for kind, _, *rest in steps]
    foreign = [(kind, "b", *rest) for kind, _, *rest in others]
    mixed = [step for pair in zip(mine, foreign, strict=False) for step in pair] + mine[len(foreign) :]
    alone, together = run(mine, 500, lambda _: None), run(mixed, 500, lambda _: None)

    def without_ids(account: Account) -> tuple[object, ...]:
        recent = [(r.time, r.command, r.refusal, r.answer) for r in account.recent]
        return account.cents, account.holdings, account.buys, account.sells, account.buy_triggers, recent

    assert without_ids(alone.accounts["a"]) == without_ids(together.accounts["a"])


@pytest.mark.parametrize("age", [59_999, 60_000])
def test_orders_expire_at_exactly_a_minute(age: int) -> None:
    """At 59,999 ms an order can be committed and cancelled, at 60,000 ms neither."""
    for command in ("COMMIT_BUY", "CANCEL_BUY", "COMMIT_SELL", "CANCEL_SELL"):
        desk = Desk()
        desk.play(f"ADD 100.00; BUY A 50.00; COMMIT_BUY; BUY A 5.00; SELL A 5.00; wait {age}")
        assert desk.play(command)[0] == (200 if age < 60_000 else 400)
