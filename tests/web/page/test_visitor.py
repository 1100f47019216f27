"""Who looks at a page, and that no other site sends forms in their name."""

from typing import Final

import pytest

from daytrader.auth.sqlite import SqliteAuthStore
from daytrader.web.page.visitor import Visitors
from tests.web.client import Connection, exchange, get
from tests.web.page.browser import FORM, PASSWORD, Browser
from tests.web.page.conftest import Replica, add
from tests.web.replica import HttpServer
from tests.web.stand_in import Behind

FORMS = [
    ("/sign-in", {"name": "bob", "password": PASSWORD}),
    ("/sign-up", {"name": "carol", "password": PASSWORD, "again": PASSWORD}),
    ("/sign-out", {}),
    ("/password", {"old": PASSWORD, "password": "another one", "again": "another one"}),
    ("/tokens", {"name": "laptop", "days": "3"}),
    ("/users", {"name": "eve", "role": "admin", "password": PASSWORD}),
    ("/users/of/carla/password", {"password": "another one"}),
    ("/users/of/carla/remove", {}),
    ("/users/tokens", {"name": "load", "role": "admin", "days": "3"}),
]
"""Every form of these pages, as an admin could send it."""

ANOTHERS = "another's"

ATTACKS: Final[dict[str, tuple[str | None, str, int]]] = {
    "no token": (None, "", 403),
    "an empty token": ("", "", 403),
    "a made-up token": ("0" * 64, "", 403),
    "a token that is not ASCII": ("\u2603", "", 403),
    "another's token": (ANOTHERS, "", 403),
    "another site": ("", "Origin: https://evil.example", 403),
    "a sandbox": ("", "Origin: null", 403),
    "another port": ("", "Origin: http://localhost:81", 403),
    "a host that begins alike": ("", "Origin: http://localhost.evil.example", 403),
    "a host that ends alike": ("", "Origin: http://evil-localhost", 403),
    "another scheme": ("", "Origin: ftp://localhost", 403),
    "a cross-site request": ("", "Sec-Fetch-Site: cross-site", 403),
}
"""The token that the form carries (where a header follows: the right one), the header, and the answer."""


@pytest.mark.parametrize("attack", ATTACKS)
async def test_no_other_site_sends_forms(browser: Browser, pages: Replica, store: SqliteAuthStore, attack: str) -> None:
    """403, and nothing is changed: no identity, no token, no session, whatever the form."""
    await add(store, "boss", "admin")
    await add(store, "carla")
    await browser.sign_in("boss")
    csrf, header, status = ATTACKS[attack]
    if header:
        csrf = (await browser.get("/password")).csrf
    elif csrf == ANOTHERS:
        csrf = (await pages.browser().get("/sign-in")).csrf
    carried = {} if csrf is None else {"csrf": csrf}
    before = (await store.identities(), await store.tokens(), dict(browser.cookies))
    for path, fields in FORMS:
        answer = await browser.post(path, *([header] if header else []), **fields, **carried)
        assert answer.status == status, path
        assert "nothing was done" in answer.text
        assert (await store.identities(), await store.tokens(), browser.cookies) == before
    assert await browser.is_signed_in()


@pytest.mark.parametrize(("path", "fields"), FORMS, ids=[path for path, _ in FORMS])
async def test_our_own_pages_do(browser: Browser, store: SqliteAuthStore, path: str, fields: dict[str, str]) -> None:
    """The same forms with their token are taken, and change something."""
    await add(store, "boss", "admin")
    await add(store, "carla")
    await add(store, "bob")
    await browser.sign_in("boss")
    before = (await store.identities(), await store.tokens(), dict(browser.cookies))
    answer = await browser.post(path, csrf=(await browser.get("/password")).csrf, **fields)
    assert answer.status in (200, 303)
    assert (await store.identities(), await store.tokens(), browser.cookies) != before


async def test_a_token_in_the_header_is_as_good(browser: Browser, store: SqliteAuthStore) -> None:
    """Scripts send it so; a page of another host cannot, without asking first."""
    await add(store, "bob")
    form = await browser.get("/sign-in")
    answer = await browser.post("/sign-in", f"X-CSRF-Token: {form.csrf}", name="bob", password=PASSWORD)
    assert answer.status == 303


async def test_a_token_is_one_browsers_and_one_sessions(browser: Browser, store: SqliteAuthStore) -> None:
    """Signing in makes the forms of before out of date."""
    await add(store, "bob")
    before = (await browser.get("/sign-in")).csrf
    await browser.sign_in("bob")
    assert (await browser.post("/sign-out", csrf=before)).status == 403
    assert (await browser.get("/sign-out")).csrf != before


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"a=" + b"x" * 20_000, [FORM], 413),
        (b"&".join(b"a%d=1" % n for n in range(60)), [FORM], 400),
        (b"csrf=1&csrf=1", [FORM], 400),
        (b"csrf=%ff", [FORM], 400),
        (b"\xff\xfe", [FORM], 400),
        (b"no pairs at all", [FORM], 400),
        (b'{"csrf": "1"}', ["Content-Type: application/json"], 415),
        (b"csrf=1", ["Content-Type: text/plain"], 415),
        (b"csrf=1", [], 415),
        (b"", [], 403),
    ],
)
async def test_a_body_that_is_no_form(pages: Replica, body: bytes, headers: list[str], status: int) -> None:
    """A page that says so in words, whatever came."""
    answer = await exchange(pages.port, get("/sign-in", *headers, method="POST", body=body))
    assert answer.status == status
    assert answer.headers["content-type"] == "text/html; charset=utf-8"


async def test_a_body_that_does_not_come(pages: Replica, monkeypatch: pytest.MonkeyPatch) -> None:
    """408 after a while."""
    monkeypatch.setattr("daytrader.web.page.form.SECONDS", 0.05)
    connection = await Connection.open(pages.port)
    head = f"POST /sign-in HTTP/1.1\r\nHost: localhost\r\n{FORM}\r\nContent-Length: 100\r\n\r\ncsrf="
    assert (await connection.exchange(head.encode())).status == 408
    connection.close()


async def test_scripts_get_words_instead_of_pages(browser: Browser) -> None:
    """401 for whoever is not signed in (any more), where a page would go on to signing in."""
    for header in ("X-Fragment: 1", "Accept: text/event-stream"):
        answer = await browser.get("/trade", header)
        assert (answer.status, answer.headers["content-type"]) == (401, "text/plain; charset=utf-8")
    assert (await browser.post("/password", "X-Fragment: 1")).status == 401


async def test_in_open_mode_everybody_is_a_broker(open_port: int) -> None:
    """Nobody signs in, and every page says so; forms are protected all the same."""
    browser = Browser(open_port)
    assert (await browser.get("/")).location == "/trade"
    page = await browser.get("/trade")
    assert page.status == 200
    assert "everybody who reaches this address trades as any user" in page.text
    assert "Operations" in page.text
    assert "Sign" not in page.text
    for path in ("/sign-in", "/sign-up", "/users", "/tokens"):
        missing = await browser.get(path)
        assert missing.status == 404
        assert "everybody who reaches this address" in missing.text


async def test_without_a_key_there_are_no_pages_yet(behind: Behind) -> None:
    """503 until the store was opened, for every page; the style sheet is there."""
    async with HttpServer(behind.app(visitors=Visitors(lambda: b""))) as server:
        for path in ("/", "/trade"):
            answer = await exchange(server.port, get(path))
            assert (answer.status, answer.headers["retry-after"]) == (503, "1")
        assert (await exchange(server.port, get("/nowhere"))).status == 404
        assert (await exchange(server.port, get("/static/style.css"))).status == 200


async def test_many_people_at_once_are_told_to_wait(pages: Replica, store: SqliteAuthStore) -> None:
    """What cannot be looked up now is 503, not a page that nobody is signed in on."""
    await add(store, "bob")
    browser = pages.browser()
    await browser.sign_in("bob")
    pages.guard.forget("bob")
    await store._file.drop("tokens")
    answer = await browser.get("/trade")
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert "try again in a moment" in answer.text
    assert "Sign" not in answer.text
