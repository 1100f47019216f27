"""What people type, as commands take it."""

import pytest

from daytrader.domain.command import amount_fault
from daytrader.web.page.trade.amounts import amount_of, symbol_of


@pytest.mark.parametrize(
    ("typed", "amount"),
    [
        ("100", "100.00"),
        ("100.5", "100.50"),
        (" 100.55 ", "100.55"),
        ("1,250", "1250.00"),
        ("1,234,567.8", "1234567.80"),
        ("0", "0.00"),
    ],
)
def test_an_amount_is_taken_as_people_write_it(typed: str, amount: str) -> None:
    """Cents may be left out, and thousands be apart."""
    assert amount_of(typed) == amount


@pytest.mark.parametrize("typed", ["", "-1", "1.234", "1,2", "12,34.00", "1.", "1e3", "ten", "١٢", "1 000", "=1+1"])
def test_what_is_no_amount_is_refused_as_it_is_anywhere(typed: str) -> None:
    """It is passed on, and the command finds the fault."""
    assert amount_of(typed) == typed
    assert amount_fault(amount_of(typed))


def test_a_symbol_may_be_typed_in_small_letters() -> None:
    """Commands take capitals alone."""
    assert symbol_of(" abc ") == "ABC"
