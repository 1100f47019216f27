"""How the mock quote server behaves."""

import base64
from collections import Counter

import pytest

from daytrader.quotes.mock_behaviour import SHARE_AT_ONCE, SHARE_BY_SECOND, Draws

MANY = [Draws(1, "ABC", number) for number in range(20_000)]


def test_the_shares_add_up_to_the_real_mean() -> None:
    """The whole seconds' shares are what is left, and give the real server's mean of 563 ms."""
    assert sum(SHARE_BY_SECOND) == pytest.approx(1 - SHARE_AT_ONCE)
    mean = SHARE_AT_ONCE * 0.0165 + sum(second * share for second, share in enumerate(SHARE_BY_SECOND, start=1))
    assert mean == pytest.approx(0.563, abs=0.0005)


def test_the_delays_are_the_real_servers() -> None:
    """66 % in 7 to 26 ms, the rest on whole seconds up to 4, fewer and fewer, 563 ms on average."""
    delays = [draws.delay_s() for draws in MANY]
    at_once = [delay for delay in delays if delay < 1]
    assert len(at_once) / len(delays) == pytest.approx(0.66, abs=0.02)
    assert 0.007 <= min(at_once) <= max(at_once) <= 0.026
    seconds = Counter(delay for delay in delays if delay >= 1)
    assert sorted(seconds) == [1.0, 2.0, 3.0, 4.0]
    assert seconds[1.0] > seconds[2.0] > seconds[3.0] > seconds[4.0]
    assert sum(delays) / len(delays) == pytest.approx(0.563, abs=0.03)


def test_failures_come_at_their_rate() -> None:
    """Of the failures, half close, and garbage and a price of zero share the rest; at rate 0 there are none."""
    kinds = Counter(draws.failure(0.2) for draws in MANY)
    total = len(MANY)
    assert kinds["close"] / total == pytest.approx(0.10, abs=0.01)
    assert kinds["garbage"] / total == pytest.approx(0.05, abs=0.01)
    assert kinds["zero"] / total == pytest.approx(0.05, abs=0.01)
    assert {draws.failure(0) for draws in MANY} == {None}
    assert None not in {draws.failure(1) for draws in MANY}


def test_cryptokeys_are_56_base64_characters_and_differ() -> None:
    """Some trail blanks, some a CR; no two are the same."""
    keys = [draws.cryptokey() for draws in MANY]
    stripped = {key.strip() for key in keys}
    assert len(stripped) == len(MANY)
    assert {len(key) for key in stripped} == {56}
    assert all(base64.b64decode(key, validate=True) for key in stripped)
    assert {key[56:] for key in keys} == {"", "  ", "\r"}


def test_the_same_seed_draws_the_same() -> None:
    """Everything repeats for a seed, symbol and number, and differs when one of them does."""

    def all_of(draws: Draws) -> tuple[object, ...]:
        return draws.cryptokey(), draws.delay_s(), draws.failure(0.5), draws.first_price(), draws.next_price(500)

    assert all_of(Draws(7, "ABC", 3)) == all_of(Draws(7, "ABC", 3))
    assert len({Draws(*what).cryptokey() for what in ((7, "ABC", 3), (8, "ABC", 3), (7, "XYZ", 3), (7, "ABC", 4))}) == 4


def test_a_walk_takes_small_steps_and_stays_positive() -> None:
    """A step is at most 2 %, or a cent, up or down; a price never falls below a cent."""
    price = 1
    seen = set()
    for draws in MANY:
        following = draws.next_price(price)
        assert abs(following - price) <= max(1, price // 50)
        assert following >= 1
        seen.add(following)
        price = following
    assert len(seen) > 3
    assert all(1_000 <= draws.first_price() < 30_000 for draws in MANY)
