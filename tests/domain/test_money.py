"""Money as text."""

import pytest

from daytrader.domain.command import parse
from daytrader.domain.money import LARGEST_CENTS, dollars


@pytest.mark.parametrize(
    ("cents", "text"),
    [(0, "0.00"), (1, "0.01"), (99, "0.99"), (100, "1.00"), (1234, "12.34"), (LARGEST_CENTS, "10000000000000.00")],
)
def test_cents_are_written_as_dollars_with_two_decimals(cents: int, text: str) -> None:
    """Cents become dollars, a point, and exactly two digits."""
    assert dollars(cents) == text


@pytest.mark.parametrize("cents", [1, 10, 99, 100, 101, 99_999, LARGEST_CENTS])
def test_what_dollars_writes_is_read_as_the_same_amount(cents: int) -> None:
    """An amount that was written is read back as the same cents."""
    assert parse("ADD", "u", amount=dollars(cents)).cents == cents
