"""The history, and its filter."""

import pytest

from daytrader.domain.account import Account, Recent
from daytrader.domain.command import parse
from daytrader.domain.event import Added, BuyTriggerFired, SellTriggerFired
from daytrader.domain.record import Record
from daytrader.web.page.trade.past import Filter, history, of_fired

RECENT = (
    Recent("w:1", 1, parse("ADD", "alice", amount="1000.00")),
    Recent("w:2", 2, parse("BUY", "alice", "ABC", "50.00"), answer=(500, 10, 5_000)),
    Recent("w:3", 4, parse("SELL", "alice", "XYZ", "50.00"), "Insufficient shares"),
)
FIRED = Record(3, "alice", event=BuyTriggerFired("ABC", 490, 1, 490, 10))
ACCOUNT = Account(recent=RECENT)


def kinds(**wanted: str) -> list[str]:
    """Return what the lines are of that a filter leaves."""
    return [line.kind for line in history(ACCOUNT, [FIRED], Filter.of(wanted), 10)]


def test_the_newest_line_stands_first_and_fired_triggers_stand_where_they_fired() -> None:
    """Commands and triggers, by time."""
    assert kinds() == ["SELL", "FIRED", "BUY", "ADD"]


@pytest.mark.parametrize(
    ("wanted", "left"),
    [
        ({"kind": "BUY"}, ["BUY"]),
        ({"kind": "FIRED"}, ["FIRED"]),
        ({"outcome": "refused"}, ["SELL"]),
        ({"outcome": "accepted"}, ["FIRED", "BUY", "ADD"]),
        ({"symbol": "abc"}, ["FIRED", "BUY"]),
        ({"text": "INSUFFICIENT"}, ["SELL"]),
        ({"text": "1,000.00"}, ["ADD"]),
        ({"text": "10 shares at"}, ["BUY"]),
        ({"text": "deposit"}, ["ADD"]),
        ({"kind": "BUY", "outcome": "refused"}, []),
        ({"kind": "NONSENSE", "outcome": "x"}, ["SELL", "FIRED", "BUY", "ADD"]),
    ],
)
def test_a_filter_leaves_what_it_is_for(wanted: dict[str, str], left: list[str]) -> None:
    """What means nothing in a query is left out of it."""
    assert kinds(**wanted) == left


def test_no_more_lines_are_shown_than_wanted() -> None:
    """The newest ones."""
    assert [line.kind for line in history(ACCOUNT, [FIRED], Filter(), 2)] == ["SELL", "FIRED"]


def test_a_line_says_what_came_of_it() -> None:
    """An order how many shares at what price, a fired trigger what it bought."""
    lines = history(ACCOUNT, [FIRED], Filter(), 10)
    assert [line.detail for line in lines] == ["", "bought 1 share at 4.90", "10 shares at 5.00, 50.00 in all", ""]
    assert [line.refusal for line in lines] == ["Insufficient shares", "", "", ""]
    sold = of_fired(Record(3, "alice", event=SellTriggerFired("ABC", 510, 20, 10_200)))
    assert sold is not None
    assert (sold.detail, sold.cents) == ("sold 20 shares at 5.10", 10_200)
    assert of_fired(Record(3, "alice", event=Added(1))) is None


def test_a_filter_that_leaves_nothing_out_says_so() -> None:
    """Then an empty history is a new one."""
    assert Filter.of({"kind": ""}).wants_all
    assert not Filter.of({"text": "x"}).wants_all
    assert len(Filter.of({"text": "x" * 1_000}).text) == 64
