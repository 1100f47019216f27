"""Money as people read it."""

import pytest

from daytrader.web.page.grouped import grouped


@pytest.mark.parametrize(
    ("cents", "text"),
    [
        (0, "0.00"),
        (5, "0.05"),
        (123, "1.23"),
        (123_456, "1,234.56"),
        (10**15, "10,000,000,000,000.00"),
        (-123_456, "-1,234.56"),
    ],
)
def test_money_is_written_with_its_thousands_apart(cents: int, text: str) -> None:
    """No cent is rounded away, and a sign stands in front."""
    assert grouped(cents) == text
