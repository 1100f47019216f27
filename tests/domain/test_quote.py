"""How long a quote is valid."""

import pytest

from daytrader.domain.quote import Quote


@pytest.mark.parametrize(("age", "valid"), [(0, True), (1, True), (59_999, True), (60_000, False), (60_001, False)])
def test_a_quote_is_valid_for_less_than_a_minute(age: int, valid: bool) -> None:
    """Its age counts from when it was asked for; the server's own time plays no part."""
    assert Quote("A", 500, asked_at=1_000, server_time=10**13).valid(1_000 + age) is valid
