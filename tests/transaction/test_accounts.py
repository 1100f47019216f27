"""Accounts in memory: unpacked, packed, evicted."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daytrader.domain.account import Account, Recent, Trigger
from daytrader.domain.command import parse
from daytrader.journal.port import StoredAccount
from daytrader.transaction.accounts import Accounts, armed_of

PLENTY = 10**9


def account(cents: int, commands: int = 0) -> Account:
    """An account that remembers so many commands."""
    add = parse("ADD", "u", "", "1.00")
    return Account(cents, recent=tuple(Recent(f"w:{number}", number, add) for number in range(commands)))


def stored(user: str, place: int, cents: int = 5) -> StoredAccount:
    """An account as the store has it."""
    return StoredAccount(user, place, msgspec.msgpack.encode(account(cents)))


def test_an_account_is_the_same_packed_or_not() -> None:
    """However little memory there is, what comes out is what was put in."""
    accounts = Accounts(0)
    for number in range(20):
        accounts.put(f"user{number}", account(number, number), 7)
    assert [accounts.get(f"user{number}") for number in range(20)] == [account(n, n) for n in range(20)]
    assert len(accounts) == 20


def test_an_account_that_is_not_in_memory_has_to_be_loaded() -> None:
    """To be unknown is something else than to be known not to exist, and that is not forgotten under pressure."""
    accounts = Accounts(0)
    with pytest.raises(KeyError):
        accounts.get("alice")
    for number in range(1_000):
        accounts.loaded(f"user{number}", None)
    assert all(accounts.get(f"user{number}") is None for number in range(1_000))


def test_to_peek_is_to_get_but_moves_nothing() -> None:
    """A look at an account, packed or not, makes it no more recently used than it was; unknown users are unknown."""
    accounts = Accounts(0)
    for user in ("alice", "bob", "carol"):
        accounts.put(user, account(5, 2), 7)
    accounts.loaded("nobody", None)
    before = accounts.excess(4)
    assert [accounts.peek(user) for user in ("alice", "carol", "nobody")] == [account(5, 2), account(5, 2), None]
    assert accounts.excess(4) == before == ["alice", "bob", "nobody"]
    with pytest.raises(KeyError):
        accounts.peek("eve")


def test_loading_takes_no_account_that_is_in_memory_already() -> None:
    """What was changed since it was asked for is newer than what the store had."""
    accounts = Accounts(PLENTY)
    accounts.put("alice", account(9), 8)
    accounts.loaded("alice", stored("alice", 7))
    accounts.loaded("bob", stored("bob", 7))
    assert accounts.get("alice") == account(9)
    assert (accounts.place("alice"), accounts.place("bob"), accounts.place("eve")) == (8, 7, 0)


def test_only_what_changed_is_stored() -> None:
    """What was loaded, or stored since, need not be stored; what changed while it was being stored, again."""
    accounts = Accounts(0)
    accounts.loaded("alice", stored("alice", 3))
    for user in ("bob", "carol"):
        accounts.put(user, account(1), 4)
    changed = accounts.to_store([*accounts.changed(), "alice"])
    assert {(one.user, one.place) for one in changed} == {("bob", 4), ("carol", 4)}
    accounts.put("bob", account(2), 5)
    accounts.stored(changed)
    assert accounts.changed() == ["bob"]


def test_the_least_recently_used_leave_when_memory_is_short() -> None:
    """Those that are stored and packed; one that changed since, or is in use again, stays."""
    accounts = Accounts(1)
    for user in ("alice", "bob", "carol", "dave", "eve"):
        accounts.put(user, account(1), 4)
    accounts.stored(accounts.to_store(accounts.changed()))
    accounts.put("bob", account(2), 5)
    accounts.get("alice")
    leaving = accounts.excess(10)
    assert leaving == ["carol", "dave", "eve", "bob"]
    accounts.evict([*leaving, "alice"])
    assert [user for user in ("alice", "bob", "carol", "dave", "eve") if user in accounts] == ["alice", "bob"]


def test_nobody_leaves_while_there_is_room() -> None:
    """The limit is on bytes, not on accounts."""
    accounts = Accounts(PLENTY)
    for number in range(1_000):
        accounts.put(f"user{number}", account(number), 1)
    assert accounts.excess(10) == []
    assert 0 < accounts.bytes < PLENTY


def test_unpacked_accounts_take_half_of_the_memory_at_the_most() -> None:
    """Those that remember many commands take more: the more they take, the fewer stay unpacked."""
    accounts = Accounts(1_000_000)
    for number in range(500):
        accounts.put(f"user{number}", account(number, 256), 1)
    assert accounts._hot_bytes <= 500_000
    assert len(accounts._hot) >= 2


def test_armed_triggers_are_told() -> None:
    """Symbol, side and price of those that are armed."""
    triggers = Account(buy_triggers={"A": Trigger(900, 5), "B": Trigger(900)}, sell_triggers={"A": Trigger(900, 7, 3)})
    assert armed_of(triggers) == (("A", False, 5), ("A", True, 7))


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3), st.booleans()), max_size=40))
def test_a_request_id_that_is_remembered_is_never_denied(steps: list[tuple[str, int, bool]]) -> None:
    """However the account got there, step by step or many at once, packed or not: "no" means that it is not there."""
    accounts = Accounts(3_000)
    recent: dict[str, tuple[Recent, ...]] = {"a": (), "b": (), "c": ()}
    add = parse("ADD", "u", "", "1.00")
    for place, (user, commands, asks) in enumerate(steps):
        new = tuple(Recent(f"w:{place}-{number}", place, add) for number in range(commands))
        recent[user] = (*recent[user], *new)[-5:]
        accounts.put(user, Account(recent=recent[user]), place)
        for one in recent[user] if asks else ():
            assert accounts.may_remember(user, one.request)
    for user, window in recent.items():
        if window:
            assert all(accounts.may_remember(user, one.request) for one in window)
            assert accounts.may_remember(user, "w:never") is False
