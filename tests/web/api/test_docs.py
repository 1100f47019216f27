"""The page to try the API."""

import re
from importlib.resources import files

import pytest

from daytrader.web.api.docs import POLICY
from tests.web.api.asking import ask


@pytest.mark.parametrize(
    ("path", "kind"), [("/docs", "text/html"), ("/docs.css", "text/css"), ("/docs.js", "text/javascript")]
)
async def test_the_page_is_served_under_a_strict_policy(port: int, path: str, kind: str) -> None:
    """The page and its files come from here, and nothing else may be loaded, framed or run inline."""
    answer = await ask(port, "GET", path)
    assert answer.status == 200
    assert answer.headers["content-type"] == f"{kind}; charset=utf-8"
    assert answer.headers["content-security-policy"] == POLICY
    assert "unsafe" not in POLICY
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_the_page_needs_nothing_that_the_policy_forbids() -> None:
    """No inline script, style or handler, and no address of another host."""
    page = files("daytrader.web.api").joinpath("page")
    html = page.joinpath("docs.html").read_text()
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", html)
    for name in ("docs.html", "docs.css", "docs.js"):
        text = page.joinpath(name).read_text()
        assert "//" not in text.replace("// ", "")
        assert "innerHTML" not in text
        assert len(text.splitlines()) < 200
