"""What can name an identity."""

import pytest

from daytrader.auth.identity import is_name
from daytrader.domain.command import parse


@pytest.mark.parametrize("name", ["a", "Z9", "a" * 64])
def test_a_name_is_a_userid(name: str) -> None:
    """Each name can trade under itself."""
    assert is_name(name)
    assert parse("ADD", name, amount="1.00").user == name


@pytest.mark.parametrize("name", ["", "a" * 65, "a b", "a\n", "ä", "a-b", "\u0661", "../x"])
def test_other_texts_are_no_names(name: str) -> None:
    """What could not trade could not sign in either."""
    assert not is_name(name)
