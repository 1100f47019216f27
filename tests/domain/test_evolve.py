"""What events make of accounts, and what accounts remember of commands."""

import pytest

from daytrader.domain import event as ev
from daytrader.domain.account import STRANGERS, STRANGERS_WINDOW, WINDOW, Account, Order, Recent, Trigger
from daytrader.domain.command import Command, parse
from daytrader.domain.evolve import evolve, remember, replay
from daytrader.domain.record import Record
from tests.domain.desk import START, Desk

T = START
OLD = Order("A", 500, 1, 500, T - 60_000)
ONE = Order("A", 500, 2, 1_000, T - 59_999)
TWO = Order("B", 300, 3, 900, T - 5)
RICH = Account(
    10_000, {"A": 10}, (OLD, ONE, TWO), (OLD, ONE, TWO), {"A": Trigger(700, 500)}, {"A": Trigger(900, 300, 3)}
)


@pytest.mark.parametrize(
    ("event", "changed"),
    [
        (ev.Added(5), {"cents": 10_005}),
        (ev.BuyPlaced("C", 7, 2, 14), {"buys": (ONE, TWO, Order("C", 7, 2, 14, T))}),
        (ev.BuyCommitted("B", 3, 900), {"cents": 9_100, "holdings": {"A": 10, "B": 3}, "buys": (ONE,)}),
        (ev.BuyCancelled(), {"buys": (ONE,)}),
        (ev.SellPlaced("C", 7, 2, 14), {"sells": (ONE, TWO, Order("C", 7, 2, 14, T))}),
        (ev.SellCommitted("A", 3, 900), {"cents": 10_900, "holdings": {"A": 7}, "sells": (ONE,)}),
        (ev.SellCommitted("A", 10, 900), {"cents": 10_900, "holdings": {}, "sells": (ONE,)}),
        (ev.SellCancelled(), {"sells": (ONE,)}),
        (ev.BuyAmountSet("A", 800, 100), {"cents": 9_900, "buy_triggers": {"A": Trigger(800, 500)}}),
        (ev.BuyAmountSet("A", 600, -100), {"cents": 10_100, "buy_triggers": {"A": Trigger(600, 500)}}),
        (ev.BuyAmountSet("B", 600, 600), {"cents": 9_400, "buy_triggers": {"A": Trigger(700, 500), "B": Trigger(600)}}),
        (ev.BuyTriggerSet("A", 1), {"buy_triggers": {"A": Trigger(700, 1)}}),
        (ev.BuyTriggerCancelled("A", 700), {"cents": 10_700, "buy_triggers": {}}),
        (ev.SellAmountSet("A", 1_200, 1), {"holdings": {"A": 9}, "sell_triggers": {"A": Trigger(1_200, 300, 4)}}),
        (ev.SellAmountSet("A", 300, -2), {"holdings": {"A": 12}, "sell_triggers": {"A": Trigger(300, 300, 1)}}),
        (ev.SellAmountSet("A", 3_900, 10), {"holdings": {}, "sell_triggers": {"A": Trigger(3_900, 300, 13)}}),
        (ev.SellAmountSet("B", 5, 0), {"sell_triggers": {"A": Trigger(900, 300, 3), "B": Trigger(5)}}),
        (ev.SellTriggerSet("A", 900, -2), {"holdings": {"A": 12}, "sell_triggers": {"A": Trigger(900, 900, 1)}}),
        (ev.SellTriggerSet("A", 100, 6), {"holdings": {"A": 4}, "sell_triggers": {"A": Trigger(900, 100, 9)}}),
        (ev.SellTriggerCancelled("A", 3), {"holdings": {"A": 13}, "sell_triggers": {}}),
        (ev.BuyTriggerFired("A", 400, 1, 400, 300), {"cents": 10_300, "holdings": {"A": 11}, "buy_triggers": {}}),
        (ev.SellTriggerFired("A", 400, 3, 1_200), {"cents": 11_200, "sell_triggers": {}}),
    ],
    ids=lambda value: str(value) if isinstance(value, ev.Event) else "",
)
def test_an_event_changes_exactly_this(event: ev.Event, changed: dict[str, object]) -> None:
    """Each kind of event changes what it says and nothing else, and leaves the account before it as it was."""
    before = repr(RICH)
    after = evolve(RICH, event, T)
    expected = {name: getattr(RICH, name) for name in Account.__struct_fields__} | changed
    assert {name: getattr(after, name) for name in Account.__struct_fields__} == expected
    assert repr(RICH) == before


def test_the_first_event_makes_the_account() -> None:
    """An account that does not exist yet comes into being with the cash that was added."""
    assert evolve(None, ev.Added(100), T) == Account(100)


@pytest.mark.parametrize(
    "event", [ev.BuyCommitted("A", 1, 10_001), ev.BuyAmountSet("B", 10_001, 10_001), ev.SellCommitted("A", 11, 1)]
)
def test_an_event_that_contradicts_the_account_is_not_swallowed(event: ev.Event) -> None:
    """Cash or shares below zero can only come from a broken record, and stop the replay."""
    with pytest.raises(AssertionError, match="contradicts the account"):
        evolve(RICH, event, T)


def asked(n: int, account: str = "u") -> Record:
    """Return the record of an n-th command that changed nothing."""
    return Record(T + n, account, f"k:{n}", Command("QUOTE", account, "A"))


def test_the_last_256_commands_are_remembered() -> None:
    """The window holds 256 commands, the newest last; from the 257th on the account knows that it forgot some."""
    account = Account()
    for n in range(WINDOW):
        account = remember(account, asked(n))
    assert [recent.request for recent in account.recent] == [f"k:{n}" for n in range(256)]
    assert not account.forgotten
    account = remember(account, asked(256))
    assert [recent.request for recent in account.recent] == [f"k:{n}" for n in range(1, 257)]
    assert account.forgotten
    account = remember(account, asked(257))
    assert [recent.request for recent in account.recent] == [f"k:{n}" for n in range(2, 258)]
    assert account.forgotten


def test_strangers_share_a_window_of_4096() -> None:
    """What users who do not exist asked lately is remembered in one larger window."""
    account = Account(recent=tuple(Recent(f"k:{n}", n, Command("QUOTE")) for n in range(STRANGERS_WINDOW - 1)))
    account = remember(account, asked(4_095, STRANGERS))
    assert (len(account.recent), account.forgotten) == (4_096, False)
    account = remember(account, asked(4_096, STRANGERS))
    assert (len(account.recent), account.forgotten) == (4_096, True)
    assert account.recent[0].request == "k:1"


@pytest.mark.parametrize(
    ("record", "recent"),
    [
        (
            Record(T, "u", "k:1", Command("BUY", "u", "A", 501), "", ev.BuyPlaced("A", 250, 2, 500)),
            Recent("k:1", T, Command("BUY", "u", "A", 501), "", (250, 2, 500)),
        ),
        (
            Record(T, "u", "k:2", Command("SELL", "u", "A", 501), "", ev.SellPlaced("A", 250, 2, 500)),
            Recent("k:2", T, Command("SELL", "u", "A", 501), "", (250, 2, 500)),
        ),
        (
            Record(T, "u", "w:3", parse("BUY", "u", "A", "x"), "Invalid amount"),
            Recent("w:3", T, parse("BUY", "u", "A", "x"), "Invalid amount", None),
        ),
        (
            Record(T, "u", "w:4", Command("ADD", "u", "", 5), "", ev.Added(5)),
            Recent("w:4", T, Command("ADD", "u", "", 5)),
        ),
    ],
)
def test_a_command_is_remembered_with_its_outcome(record: Record, recent: Recent) -> None:
    """Id, time, command, refusal, and of an accepted order its price, shares and cents."""
    assert remember(Account(), record).recent == (recent,)


def test_what_is_no_command_is_not_remembered() -> None:
    """A fired trigger leaves the window alone."""
    account = replay(RICH, Record(T, "u", event=ev.SellTriggerFired("A", 400, 3, 1_200)))
    assert account is not None
    assert account.recent == ()
    assert account.sell_triggers == {}


def test_refused_commands_of_unknown_users_make_no_account() -> None:
    """A refusal belongs to the strangers' account; a user comes into being with the first ADD only."""
    assert replay(None, Record(T, "u", "k:1", Command("BUY", "u", "A", 5), "User does not exist")) is None
    strangers = replay(None, Record(T, STRANGERS, "k:1", Command("BUY", "u", "A", 5), "User does not exist"))
    assert strangers is not None
    assert [recent.request for recent in strangers.recent] == ["k:1"]
    added = replay(None, Record(T, "u", "k:2", Command("ADD", "u", "", 5), "", ev.Added(5)))
    assert added == Account(5, recent=(Recent("k:2", T, Command("ADD", "u", "", 5)),))


def test_refused_commands_keep_their_place_in_the_history() -> None:
    """A rejected command of a user is remembered in the order of the others."""
    desk = Desk()
    desk.play("ADD 100.00; BUY a 1.00; COMMIT_BUY; BUY A 50.00")
    assert [(recent.command.name, recent.refusal) for recent in desk.accounts["u"].recent] == [
        ("ADD", ""),
        ("BUY", "Invalid stock symbol"),
        ("COMMIT_BUY", "The specified stack is empty"),
        ("BUY", ""),
    ]
