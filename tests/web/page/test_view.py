"""What pages are made with."""

import pytest
from jinja2 import UndefinedError

from daytrader.web.page.view import ENVIRONMENT, clock, iso, when


def test_moments() -> None:
    """In UTC, for people and for programs."""
    assert when(1_700_000_000_999) == '<time datetime="2023-11-14T22:13:20Z">2023-11-14 22:13:20 UTC</time>'
    assert iso(1_700_000_000_999) == "2023-11-14T22:13:20Z"
    assert clock(1_700_000_000_999) == "22:13:20 UTC"


def test_everything_is_escaped_and_nothing_is_missing() -> None:
    """What a template forgets to say is an error, not a hole."""
    template = ENVIRONMENT.from_string("{{ text }}")
    assert template.render(text="<script>\"'&") == "&lt;script&gt;&#34;&#39;&amp;"
    with pytest.raises(UndefinedError):
        template.render()
