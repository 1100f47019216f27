"""What the streams of one user are told when its subscription is answered anew."""

from daytrader.domain.account import Account
from daytrader.domain.command import parse
from daytrader.domain.record import Record
from daytrader.transaction.feed import Happened, State
from daytrader.web.account_stream import AccountStream
from daytrader.web.watched_user import WatchedUser


def watched() -> tuple[WatchedUser, AccountStream]:
    """A user that there is not, as of entry 2, and a stream that has been told so."""
    user = WatchedUser("alice", 0, lambda: 1, lambda _: None)
    stream, _ = user.join(None)
    user.watch(1, 0.0)
    user.state(State(1, 2, None, None))
    stream._take()
    user.watch(2, 0.0)
    return user, stream


def test_refusals_of_a_user_that_there_is_not_are_told_after_an_interruption() -> None:
    """A command that was refused because there is no such user changes no account, and is told all the same."""
    user, stream = watched()
    refused = Record(1, "", "w:1", parse("QUOTE", "alice", "A"), "User does not exist")
    user.state(State(2, 5, None, 2, [Happened(4, 7, refused)]))
    assert stream._take().happened == (Happened(4, 7, refused),)


def test_a_stream_starts_over_where_refusals_may_be_missing() -> None:
    """Where it is not told what happened meanwhile, it begins anew though there still is no account."""
    user, stream = watched()
    user.state(State(2, 5, None, None))
    assert stream._take().snapshot


def test_a_stream_goes_on_where_the_account_has_not_changed() -> None:
    """Whatever happens to an account changes it: one that is as it was needs no snapshot."""
    user, stream = watched()
    user.state(State(2, 5, Account(cents=100), None))
    stream._take()
    user.watch(3, 0.0)
    user.state(State(3, 9, Account(cents=100), None))
    assert not stream.waits
