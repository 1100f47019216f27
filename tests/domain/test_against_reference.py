"""The domain and the naive model side by side, over random commands on alphabets so small that things collide."""

import json
import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from daytrader.domain.summary import summary
from tests.domain.desk import Desk
from tests.reference.model import NAMES, ReferenceModel, comparable

USERS = ("a", "a", "a", "b", "nobody", "!!", "")
SYMBOLS = ("A", "A", "ABC", "", "abc", "ABCD")
AMOUNTS = ("0.01", "0.10", "1.00", "4.99", "5.00", "5.01", "10.00", "20.00", "35.05", "100.00", "0.00", "-1.00", "x")
LARGE = ("9999999999999.99", "10000000000000.00", "10000000000000.01", "000000000000001.00", "00000000000000000.00")
PRICES = (0, 1, 3, 10, 499, 500, 501, 999, 10**15)
WAITS = (0, 1, 999, 59_999, 60_000, 60_001)

Step = tuple[str, dict[str, str]] | tuple[str, int]


def command_step(draw: Any, names: tuple[str, ...] = tuple(NAMES)) -> Step:
    """Return one command, from `draw` (a function that picks one of a sequence)."""
    fields = {"userid": draw(USERS), "stockSymbol": draw(SYMBOLS), "amount": draw(AMOUNTS + AMOUNTS + LARGE)}
    return draw(names), fields


def steps() -> st.SearchStrategy[list[Step]]:
    """Return lists of steps: mostly commands, now and then a turn of the clock or the price, or an evaluation."""

    @st.composite
    def step(draw: st.DrawFn) -> Step:
        kind = draw(st.sampled_from(("command",) * 12 + ("wait", "price", "evaluate")))
        if kind == "command":
            return command_step(lambda choices: draw(st.sampled_from(choices)))
        if kind == "wait":
            return "wait", draw(st.sampled_from(WAITS))
        return (kind, draw(st.sampled_from(PRICES)))

    return st.lists(step(), max_size=80)


def run_both(what: list[Step]) -> Desk:
    """Run the steps on both and compare each answer, and the summaries after each; return the desk."""
    desk, model = Desk(), ReferenceModel()
    model.now = desk.now
    for step in [("ADD", {"userid": "a", "amount": "100.00"}), *what]:
        take(step, desk, model)
    assert set(desk.accounts) == set(model.users)
    return desk


def take(step: Step, desk: Desk, model: ReferenceModel) -> None:
    """Do one step on both and compare what can be seen of it."""
    kind, what = step
    if kind == "wait":
        assert isinstance(what, int)
        desk.now += what
        model.now += what
    elif kind == "price":
        assert isinstance(what, int)
        desk.price = model.price = what
    elif kind == "evaluate":
        desk.evaluate_triggers()
        model.evaluate_triggers()
    else:
        assert isinstance(what, dict)
        ours, theirs = desk.command(kind, **what), model.command(kind, **what)
        if kind == "DISPLAY_SUMMARY" and ours[0] == theirs[0] == 200:
            assert comparable(json.loads(ours[1])) == comparable(json.loads(theirs[1]))
        else:
            assert ours == theirs, f"{kind} {what} at {desk.price}"
    for user, account in desk.accounts.items():
        shown = json.loads(summary(account, desk.now))
        assert comparable(shown) == model.summary(user), f"after {step} at {desk.price}"


@settings(max_examples=300, deadline=None)
@given(steps())
def test_domain_answers_as_the_reference_model(what: list[Step]) -> None:
    """Any sequence of commands, waits, prices and evaluations is answered alike, and leaves the same summaries."""
    run_both(what)


NEAR = (*(name for name in NAMES if name not in {"DUMPLOG", "QUOTE"}), "BUY", "COMMIT_BUY", "BUY", "COMMIT_BUY")
SELLING = ("SET_SELL_AMOUNT", "SET_SELL_TRIGGER", "SELL", "COMMIT_SELL")

REACHED = {
    ("ADD", "Amount is too large"),
    ("BUY", "Insufficient funds"),
    ("BUY", "Quote price is higher than buy amount"),
    ("COMMIT_BUY", "Insufficient funds"),
    ("COMMIT_BUY", "The specified stack is empty"),
    ("CANCEL_BUY", "The specified stack is empty"),
    ("SELL", "Insufficient shares"),
    ("SELL", "Quote price is higher than sell amount"),
    ("COMMIT_SELL", "Amount is too large"),
    ("COMMIT_SELL", "Insufficient shares"),
    ("COMMIT_SELL", "The specified stack is empty"),
    ("CANCEL_SELL", "The specified stack is empty"),
    ("SET_BUY_AMOUNT", "An existing trigger on this stock has a higher trigger price than the set amount"),
    ("SET_BUY_AMOUNT", "Insufficient funds"),
    ("SET_BUY_TRIGGER", "Either the trigger doesn't exist or the specified price is too high"),
    ("CANCEL_SET_BUY", "Trigger does not exist"),
    ("SET_SELL_AMOUNT", "An existing trigger on this stock has a higher trigger price than the set amount"),
    ("SET_SELL_AMOUNT", "User does not have enough stocks"),
    ("SET_SELL_TRIGGER", "The specified price is higher than the set amount"),
    ("SET_SELL_TRIGGER", "Trigger amount has not been set"),
    ("SET_SELL_TRIGGER", "User does not have enough stocks"),
    ("CANCEL_SET_SELL", "Trigger does not exist"),
}
"""Refusals that the long histories must run into, or they would show little."""


def long_history(seed: int) -> list[Step]:
    """Return 400 mostly valid commands of one user, the odd ones beside the largest balance."""
    rnd = random.Random(seed)
    what: list[Step] = []
    amounts = AMOUNTS[:10]
    if seed % 2:
        what.append(("ADD", {"userid": "a", "amount": "9999999999890.00"}))
    for n in range(400):
        names = NEAR if n % 40 < 25 else NEAR + SELLING * 4
        fields = {"userid": "a", "stockSymbol": rnd.choice(("A", "A", "B")), "amount": rnd.choice(amounts)}
        what.append((rnd.choice(names), fields))
        if rnd.random() < 0.03:
            what.append(("wait", rnd.choice(WAITS)))
        if rnd.random() < 0.1 and seed % 3:  # cheap shares make a user so rich in them that no reserve matters
            what.append(("price", rnd.choice((1, 5, 100, 250, 500, 1000))))
        if rnd.random() < 0.05:
            what.append(("evaluate", 0))
    return what


def test_long_histories_agree_with_the_reference_model() -> None:
    """Hundreds of commands deep in stacks and triggers are answered alike, and run into every reason to refuse."""
    refused: set[tuple[str, str]] = set()
    for seed in range(20):
        desk = run_both(long_history(seed))
        refused |= {(record.command.name, record.refusal) for record in desk.records if record.command}
    assert REACHED - refused == set()
