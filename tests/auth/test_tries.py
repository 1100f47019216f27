"""How often a password may be tried."""

import pytest

from daytrader.auth.tries import MOST_KEPT, Allowance, Tries, network_of
from tests.auth.conftest import Hand


@pytest.fixture
def tries(clock: Hand) -> Tries:
    """Three tries a name, five an address, one more of each every 10 s."""
    return Tries(clock, Allowance(3, 10_000), Allowance(5, 10_000))


def test_a_name_can_be_tried_so_often(tries: Tries, clock: Hand) -> None:
    """Three times at once, from wherever; then once every 10 s, and the wait is said to the ms."""
    assert [tries.take("bob", f"10.0.0.{n}") for n in range(4)] == [0, 0, 0, 10_000]
    clock.now += 9_999
    assert tries.take("bob", "10.0.0.9") == 1
    clock.now += 1
    assert [tries.take("bob", "10.0.0.9") for _ in range(2)] == [0, 10_000]


def test_an_address_can_try_so_often(tries: Tries) -> None:
    """Five names, whichever, from one address; another address and these names go on."""
    assert [tries.take(f"user{n}", "10.0.0.1") for n in range(6)] == [0, 0, 0, 0, 0, 10_000]
    assert tries.take("user5", "10.0.0.2") == 0


def test_a_refused_try_costs_nothing(tries: Tries, clock: Hand) -> None:
    """Who goes on trying does not wait longer, and the address does not pay for a name that is out of tries."""
    for _ in range(3):
        tries.take("bob", "10.0.0.1")
    for _ in range(50):
        assert tries.take("bob", "10.0.0.1") == 10_000
    assert [tries.take(f"user{n}", "10.0.0.1") for n in range(3)] == [0, 0, 10_000]
    clock.now += 10_000
    assert tries.take("bob", "10.0.0.1") == 0


def test_after_a_while_all_tries_are_there_again(tries: Tries, clock: Hand) -> None:
    """And never more than at the beginning."""
    for _ in range(3):
        tries.take("bob", "10.0.0.1")
    clock.now += 86_400_000
    assert [tries.take("bob", "10.0.0.1") for _ in range(4)] == [0, 0, 0, 10_000]


def test_the_right_password_costs_no_try(tries: Tries) -> None:
    """Somebody who signs in all day is never kept out, and wins no tries by it."""
    for _ in range(100):
        assert tries.take("bob", "10.0.0.1") == 0
        tries.give_back("bob", "10.0.0.1")
    assert [tries.take("bob", "10.0.0.1") for _ in range(4)] == [0, 0, 0, 10_000]
    tries.give_back("carol", "10.9.9.9")  # never taken: nothing to give back


def test_what_is_remembered_is_bounded(tries: Tries) -> None:
    """The name tried longest ago is forgotten for the newest, one that is tried again is not."""
    for _ in range(3):
        tries.take("bob", "10.0.0.1")
    for _ in range(3):
        tries.take("carol", "10.0.0.2")
    for number in range(MOST_KEPT - 2):
        tries.take(f"user{number}", f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
    assert tries.take("bob", "192.0.2.1") == 10_000
    tries.take("one more", "192.0.2.2")
    assert tries.take("carol", "192.0.2.1") == 10_000
    assert tries.take("bob", "192.0.2.1") == 0


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("a name", "a name"),
    ],
)
def test_an_ipv6_customer_is_one_address(address: str, network: str) -> None:
    """Who has 2^64 addresses has as many tries as who has one."""
    assert network_of(address) == network
