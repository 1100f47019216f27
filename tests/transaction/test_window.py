"""The request-id window."""

from daytrader.domain import refusal
from daytrader.domain.account import Account, Recent
from daytrader.domain.command import Command, parse
from daytrader.transaction import window
from daytrader.transaction.message import Reply, Request

ADD = parse("ADD", "alice", "", "1.00")
BUY = parse("BUY", "alice", "A", "5.00")
NOW = 1_700_000_000_000


def request(request_id: str = "k:1", command: Command = BUY, first_sent: int = NOW) -> Request:
    """A request of alice."""
    return Request(request_id, 0, command, first_sent)


def recent(request_id: str, command: Command = BUY, time: int = NOW, why: str = "") -> Recent:
    """A command that was decided."""
    return Recent(request_id, time, command, why)


def test_the_newest_of_an_id_is_found() -> None:
    """A command that got no quote first and was accepted then is remembered as accepted."""
    account = Account(recent=(recent("k:1", why=refusal.NO_QUOTE), recent("k:2"), recent("k:1")))
    assert window.find(request(), BUY, account, None) is account.recent[2]
    assert window.find(request("k:3"), BUY, account, None) is None


def test_what_a_stranger_asked_is_found() -> None:
    """Among those that share the window, one's own; also after the first ADD, but nothing that came after that."""
    other = parse("BUY", "bob", "A", "5.00")
    strangers = Account(recent=(recent("k:1", time=NOW - 5), recent("k:1", other), recent("k:2", time=NOW + 5)))
    young = Account(recent=(recent("w:1", ADD),))
    for account in (None, young):
        assert window.find(request(), BUY, account, strangers) is strangers.recent[0]
    assert window.find(request("k:2"), BUY, None, strangers) is strangers.recent[2]
    assert window.find(request("k:2"), BUY, young, strangers) is None
    assert window.find(request(), BUY, Account(recent=young.recent, forgotten=True), strangers) is None


def test_the_first_answer_is_given_again() -> None:
    """Accepted or refused; not where the command is answered anew, and never to another command."""
    placed = Recent("k:1", NOW, BUY, "", (500, 1, 500))
    assert window.answer_again(placed, BUY) == Reply(200, b"", 0, (500, 1, 500))
    assert window.answer_again(recent("k:1", ADD), ADD) == Reply(200)
    assert window.answer_again(recent("k:1", why=refusal.NO_FUNDS), BUY) == Reply(400, b"Insufficient funds")
    assert window.answer_again(recent("k:1", why=refusal.NO_QUOTE), BUY) is None
    assert window.answer_again(recent("k:1"), ADD) == window.OTHER_COMMAND
    for name in ("QUOTE", "DISPLAY_SUMMARY", "DUMPLOG"):
        command = parse(name, "alice", "A")
        assert window.answer_again(recent("k:1", command), command) is None


def test_a_window_reaches_back_if_it_holds_everything_since() -> None:
    """Because nothing was forgotten yet, or because its oldest command is older than the first sending by 2 s."""
    whole = Account(recent=(recent("k:9", time=NOW),))
    assert window.reaches_back(request(), whole, None)
    for age, reaches in ((1_999, False), (2_000, True)):
        account = Account(recent=(recent("k:9", time=NOW - age),), forgotten=True)
        assert window.reaches_back(request(), account, None) is reaches
        assert window.reaches_back(request(), None, account) is reaches
        assert window.reaches_back(request(), whole, account) is reaches
        assert window.reaches_back(request(), account, Account(recent=whole.recent, forgotten=True)) is reaches
