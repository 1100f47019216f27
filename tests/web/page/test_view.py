"""What pages are made with."""

import pytest
from jinja2 import UndefinedError

from daytrader.web.page.view import ENVIRONMENT, money, when


@pytest.mark.parametrize(
    ("cents", "shown"),
    [(0, "0.00"), (5, "0.05"), (123_456, "1,234.56"), (-123_456, "-1,234.56"), (100_000_000_000, "1,000,000,000.00")],
)
def test_money(cents: int, shown: str) -> None:
    """Groups of three, two places."""
    assert money(cents) == shown


def test_moments() -> None:
    """In UTC, for people and for programs."""
    assert when(1_700_000_000_999) == '<time datetime="2023-11-14T22:13:20Z">2023-11-14 22:13:20 UTC</time>'


def test_everything_is_escaped_and_nothing_is_missing() -> None:
    """What a template forgets to say is an error, not a hole."""
    template = ENVIRONMENT.from_string("{{ text }}")
    assert template.render(text="<script>\"'&") == "&lt;script&gt;&#34;&#39;&amp;"
    with pytest.raises(UndefinedError):
        template.render()
