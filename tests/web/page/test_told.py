"""What a page says after a form was sent."""

import base64

import pytest

from daytrader.web.page.cookies import LARGEST
from daytrader.web.page.told import Told, packed, unpacked

CSRF = "a" * 64


@pytest.mark.parametrize("text", ["1.00 is added", "ü ☃ 😀", "a; b, c\r\nd", "", "x" * 9_000, "☃" * 9_000])
def test_it_comes_back(text: str) -> None:
    """Whatever the text, cut where it is too long for a cookie, and in characters that a cookie can hold."""
    kept = packed(Told(text, trouble=True), CSRF)
    told = unpacked(kept, CSRF)
    assert told is not None
    assert told.trouble
    assert text.startswith(told.text)
    assert len(told.text) == len(text) or len(text) > 500
    assert len(kept) < LARGEST
    assert kept.isascii()
    assert not set(kept) & set(' ";,\\\r\n')


@pytest.mark.parametrize("kept", ["", "x", "%%%", base64.urlsafe_b64encode(b"\xc1").decode(), "AAAA"])
def test_rubbish_says_nothing(kept: str) -> None:
    """As if there were nothing."""
    assert unpacked(kept, CSRF) is None


def test_it_is_for_one_visitor_alone() -> None:
    """What was said to another is not shown."""
    assert unpacked(packed(Told("x"), CSRF), "b" * 64) is None
