"""Pages of tokens: shown once, good for a program at once, and for nothing after they are revoked."""

import re

import pytest

from daytrader.auth.role import Caller
from daytrader.auth.sqlite import SqliteAuthStore
from daytrader.auth.token import id_of
from tests.auth.conftest import Hand
from tests.web.page.browser import Browser, Shown
from tests.web.page.conftest import Replica, add


def text_in(page: Shown) -> str:
    """Return the text of the token that a page shows."""
    found = re.search(r'id="token-text">([^<]+)<', page.text)
    assert found is not None, page.text
    return found[1]


async def test_a_token_of_ones_own(browser: Browser, pages: Replica, store: SqliteAuthStore, clock: Hand) -> None:
    """Shown once, kept as a hash, good as its maker for so many days, and over when it is revoked."""
    await add(store, "bob")
    await browser.sign_in("bob")
    made = await browser.send("/tokens", name="my <laptop>", days="3")
    assert made.status == 200
    text = text_in(made)
    assert "my &lt;laptop&gt;" in made.text
    page = await browser.get("/tokens")
    assert text not in page.text
    assert id_of(text) in page.text
    assert await pages.guard.caller(f"Bearer {text}".encode()) == Caller("bob", "trader")
    (kept,) = await store.tokens()
    assert kept.expires == clock.now + 3 * 86_400_000
    assert (await browser.send("/tokens", f"/tokens/{kept.id}/revoke")).status == 303
    assert not isinstance(await pages.guard.caller(f"Bearer {text}".encode()), Caller)
    assert kept.id not in (await browser.get("/tokens")).text


async def test_nobody_sees_or_revokes_anothers(browser: Browser, pages: Replica, store: SqliteAuthStore) -> None:
    """Nor a session, which is no token of a program."""
    await add(store, "bob")
    await add(store, "eve")
    await browser.sign_in("bob")
    token = id_of(text_in(await browser.send("/tokens", name="laptop", days="3")))
    eve = pages.browser()
    await eve.sign_in("eve")
    assert token not in (await eve.get("/tokens")).text
    session = id_of(browser.cookies["daytrader_session"].rpartition(".")[0])
    assert session
    for one in (token, session, "0" * 16, ".."):
        csrf = (await eve.get("/tokens")).csrf
        assert (await eve.post(f"/tokens/{one}/revoke", csrf=csrf)).status == 404
    assert (await browser.post(f"/tokens/{session}/revoke", csrf=(await browser.get("/tokens")).csrf)).status == 404
    assert await browser.is_signed_in()
    assert token in (await browser.get("/tokens")).text


@pytest.mark.parametrize(
    ("name", "days"),
    [
        ("", "3"),
        ("x" * 65, "3"),
        ("a\x00b", "3"),
        ("ok", ""),
        ("ok", "0"),
        ("ok", "-1"),
        ("ok", "3651"),
        ("ok", "1e3"),
        ("ok", "٣"),
    ],
)
async def test_what_is_no_token(browser: Browser, store: SqliteAuthStore, name: str, days: str) -> None:
    """422 in words, and none is made."""
    await add(store, "boss", "admin")
    await browser.sign_in("boss")
    for page in ("/tokens", "/users/tokens"):
        assert (await browser.send(page, name=name, days=days, role="broker")).status == 422
    assert (await browser.send("/users/tokens", name="ok", days="3", role="trader")).status == 422
    assert await store.tokens() == []


async def test_there_are_at_most_fifty(browser: Browser, store: SqliteAuthStore) -> None:
    """Of one identity, at a time."""
    await add(store, "bob")
    await browser.sign_in("bob")
    csrf = (await browser.get("/tokens")).csrf
    statuses = [(await browser.post("/tokens", csrf=csrf, name=f"{n}", days="1")).status for n in range(51)]
    assert statuses == [200] * 50 + [422]
    assert len(await store.tokens("bob")) == 50


async def test_an_admin_makes_and_revokes_any(browser: Browser, pages: Replica, store: SqliteAuthStore) -> None:
    """Tokens of programs with a role of their own, and those of others."""
    await add(store, "boss", "admin")
    await add(store, "bob")
    bob = pages.browser()
    await bob.sign_in("bob")
    await browser.sign_in("boss")
    bobs = text_in(await bob.send("/tokens", name="laptop", days="3"))
    load = text_in(await browser.send("/users/tokens", name="load", role="broker", days="3"))
    assert await pages.guard.caller(f"Bearer {load}".encode()) == Caller("load", "broker")
    assert await pages.guard.caller(f"Bearer {bobs}".encode()) == Caller("bob", "trader")
    for text in (bobs, load):
        assert (await browser.send("/users/tokens", f"/users/tokens/{id_of(text)}/revoke")).status == 303
        assert not isinstance(await pages.guard.caller(f"Bearer {text}".encode()), Caller)
    assert all(one.revoked for one in await store.tokens())
