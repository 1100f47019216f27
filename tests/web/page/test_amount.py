"""Numbers that are measured."""

import pytest

from daytrader.web.page.amount import amount, shown


@pytest.mark.parametrize(
    ("value", "text"), [(12345.6, "12,346"), (12.34, "12.3"), (0.123, "0.12"), (5, "5"), (0, "0"), (-0.5, "-0.50")]
)
def test_amounts_are_short(value: float, text: str) -> None:
    """As many digits as one looks at."""
    assert amount(value) == text


def test_what_was_not_measured_is_a_dash() -> None:
    """Never a 0, which would be a measurement."""
    assert (shown(None, "ms"), shown(12.0, "ms"), shown(12.0)) == ("-", "12 ms", "12")
