"""Headers of every page, files that are served, and addresses that are none."""

import pytest

from daytrader.web.page.headers import POLICY
from tests.web.page.browser import Browser


@pytest.mark.parametrize(
    "path", ["/", "/trade", "/sign-in", "/nowhere", "/static/style.css", "/static/nothing.css", "/favicon.ico"]
)
async def test_headers_that_every_answer_has(browser: Browser, path: str) -> None:
    """The policy allows nothing from other hosts and nothing inline."""
    answer = await browser.get(path)
    assert answer.headers["content-security-policy"] == POLICY
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"
    assert answer.headers["cache-control"] == ("no-cache" if path == "/static/style.css" else "no-store")
    assert "strict-transport-security" not in answer.headers
    assert "unsafe" not in POLICY
    assert "http" not in POLICY


@pytest.mark.parametrize(
    "path",
    [
        "/static/",
        "/static/../app.py",
        "/static/..%2fapp.py",
        "/static/%2e%2e/app.py",
        "/static/%2e%2e%2fapp.py",
        "/static//etc/passwd",
        "/static/%00",
        "/static/style.css/",
        "/trade/",
        "/sign-in/",
        "//evil.example/",
        "/%0d%0aSet-Cookie:a=b",
    ],
)
async def test_addresses_that_are_none(browser: Browser, path: str) -> None:
    """404 as a page, and no redirect to anywhere; no path of a request is opened."""
    answer = await browser.get(path)
    assert answer.status == 404
    assert "There is nothing at this address" in answer.text
    assert "a" not in browser.cookies


async def test_a_file_is_sent_once(browser: Browser) -> None:
    """A browser that has it is told so; it is asked for again at each page, since a new build may have another."""
    first = await browser.get("/static/style.css")
    assert first.headers["content-type"] == "text/css; charset=utf-8"
    tag = first.headers["etag"]
    again = await browser.get("/static/style.css", f'If-None-Match: "x", W/{tag}')
    assert (again.status, again.text) == (304, "")
    assert (await browser.get("/static/style.css", 'If-None-Match: "x"')).status == 200


async def test_a_method_that_a_page_does_not_have(browser: Browser) -> None:
    """405 as a page, with those that it has."""
    answer = await browser.get("/trade", method="PUT")
    assert answer.status == 405
    assert "GET" in answer.headers["allow"]


async def test_what_was_there_before_is_there_still(browser: Browser) -> None:
    """Probes, the API and commands are not pages."""
    assert (await browser.get("/heartbeat")).text == "pong"
    assert (await browser.get("/ready")).status == 200
    assert (await browser.get("/api/v1/docs")).status == 200
    assert (await browser.get("/command/ADD?userid=bob&amount=1.00")).status == 401
