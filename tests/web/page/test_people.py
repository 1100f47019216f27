"""Signing up, in and out, and a new password: in forms of a real server, with the cookies that a browser keeps."""

import re
from http.cookies import SimpleCookie

import msgspec
import pytest

from daytrader.auth.sqlite import SqliteAuthStore
from daytrader.transaction.message import Reply
from tests.auth.conftest import Hand
from tests.web.client import exchange, get
from tests.web.page.browser import PASSWORD, Browser
from tests.web.page.conftest import Replica, add, replica
from tests.web.stand_in import Behind

SESSION = "daytrader_session"


async def test_a_first_day(browser: Browser, store: SqliteAuthStore) -> None:
    """Who comes first sees what this is; signs up, trades, signs out, and in again; the identity is a trader."""
    assert "Sign up" in (await browser.get("/")).text
    assert (await browser.get("/trade")).location == "/sign-in?next=%2Ftrade"
    came = await browser.sign_up("bob")
    assert (came.status, came.location) == (303, "/trade")
    assert "Welcome, bob" in (await browser.get("/tokens")).text
    assert "Welcome, bob" not in (await browser.get("/tokens")).text
    assert (await browser.get("/")).location == "/trade"
    assert (await browser.send("/sign-out")).location == "/"
    assert not await browser.is_signed_in()
    assert (await browser.sign_in("bob")).location == "/trade"
    assert await browser.is_signed_in()
    found = await store.identity("bob")
    assert found is not None
    assert (found.role, found.removed) == ("trader", 0)
    assert PASSWORD not in found.password


@pytest.mark.parametrize(
    ("name", "password", "again", "why"),
    [
        ("", PASSWORD, PASSWORD, "A name has 1 to 64 letters and digits"),
        ("no name!", PASSWORD, PASSWORD, "A name has 1 to 64 letters and digits"),
        ("x" * 65, PASSWORD, PASSWORD, "A name has 1 to 64 letters and digits"),
        ("bob\r\nX: y", PASSWORD, PASSWORD, "A name has 1 to 64 letters and digits"),
        ("<b>bob</b>", PASSWORD, PASSWORD, "A name has 1 to 64 letters and digits"),
        ("newbie", "short", "short", "A password has at least 8 characters"),
        ("newbie", "x" * 257, "x" * 257, "A password has at most 256 characters"),
        ("newbie", PASSWORD, PASSWORD + "x", "The two passwords are not the same"),
        ("bob", PASSWORD, PASSWORD, "That name is taken"),
        ("gone", PASSWORD, PASSWORD, "That name is taken"),
        ("oldie", PASSWORD, PASSWORD, "That name is taken"),
    ],
)
async def test_who_cannot_sign_up(
    browser: Browser, store: SqliteAuthStore, name: str, password: str, again: str, why: str
) -> None:
    """The page says why, and keeps the name, escaped, and no password; no identity is made, nobody is signed in.

    `oldie` has traded and has no identity: whoever that was, a stranger does not get the account.
    """
    await add(store, "bob")
    await add(store, "gone")
    await store.remove("gone", 2_000)
    before = await store.identities()
    answer = await browser.send("/sign-up", name=name, password=password, again=again)
    assert answer.status == 422
    assert why in answer.text
    assert "<b>bob" not in answer.text
    assert password not in answer.text
    assert await store.identities() == before
    assert SESSION not in browser.cookies


@pytest.mark.parametrize("reply", [Reply(503, b"No transaction replica is ready"), Reply(400, b"anything else")])
async def test_nobody_signs_up_while_nobody_knows_the_accounts(
    browser: Browser, store: SqliteAuthStore, behind: Behind, reply: Reply
) -> None:
    """503: a name is given away only where it is known that nobody has traded under it."""
    behind.answer = lambda _: reply
    answer = await browser.sign_up("bob")
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert await store.identities() == []


@pytest.mark.parametrize("name", ["bob", "nobody", "gone", "", "no name!"])
async def test_a_wrong_password(browser: Browser, store: SqliteAuthStore, name: str) -> None:
    """422 with the same words for a name that there is and one that there is not, and no session."""
    await add(store, "bob")
    await add(store, "gone")
    await store.remove("gone", 2_000)
    answer = await browser.sign_in(name, "wrong password")
    assert answer.status == 422
    assert "The name or the password is wrong" in answer.text
    assert "wrong password" not in answer.text
    assert SESSION not in browser.cookies


async def test_a_session_is_a_new_one_each_time(browser: Browser, pages: Replica, store: SqliteAuthStore) -> None:
    """Whatever session a browser showed before, signing in makes another one, and ends that of before."""
    await add(store, "bob")
    await browser.sign_in("bob")
    first = dict(browser.cookies)
    await browser.sign_in("bob")
    assert browser.cookies[SESSION] != first[SESSION]
    assert not await pages.browser(first).is_signed_in()
    assert await browser.is_signed_in()


async def test_a_planted_session_is_not_taken_over(browser: Browser, pages: Replica, store: SqliteAuthStore) -> None:
    """Who makes another's browser show a session of their own does not have that browser's one after it signed in."""
    await add(store, "bob")
    await add(store, "mallory")
    mallory = pages.browser()
    await mallory.sign_in("mallory")
    browser.cookies[SESSION] = mallory.cookies[SESSION]
    await browser.sign_in("bob")
    assert browser.cookies[SESSION] != mallory.cookies[SESSION]
    assert not await mallory.is_signed_in()
    made_up = pages.browser({SESSION: "dt_0123456789abcdef_" + "A" * 43})
    assert not await made_up.is_signed_in()


@pytest.mark.parametrize(
    ("onward", "goes_to"),
    [
        ("/tokens", "/tokens"),
        ("/trade/bob?a=b&c=d#e", "/trade/bob?a=b&c=d#e"),
        ("https://evil.example/", "/trade"),
        ("//evil.example", "/trade"),
        ("///evil.example", "/trade"),
        ("/\\evil.example", "/trade"),
        ("\\\\evil.example", "/trade"),
        ("/\t/evil.example", "/trade"),
        ("/\n/evil.example", "/trade"),
        ("/ok\r\nSet-Cookie: a=b", "/trade"),
        ("javascript:alert(1)", "/trade"),
        (" /tokens", "/trade"),
        ("evil.example", "/trade"),
        ("/é", "/trade"),
        ("/" + "a" * 2_000, "/trade"),
        ("", "/trade"),
    ],
)
async def test_where_signing_in_goes_on_to(browser: Browser, store: SqliteAuthStore, onward: str, goes_to: str) -> None:
    """To a page of ours, whatever `next` says; the form carries it on only where it is one."""
    await add(store, "bob")
    form = await browser.get("/sign-in")
    answer = await browser.post("/sign-in", csrf=form.csrf, next=onward, name="bob", password=PASSWORD)
    assert (answer.status, answer.location) == (303, goes_to)
    assert "a" not in browser.cookies


async def test_the_form_carries_the_next_page_on(browser: Browser) -> None:
    """What was asked for before signing in is in the form, where it is a page of ours."""
    asked = await browser.get("/tokens?a=1")
    assert asked.location == "/sign-in?next=%2Ftokens%3Fa%3D1"
    assert 'name="next" value="/tokens?a=1"' in (await browser.get(asked.location)).text
    assert "evil" not in (await browser.get("/sign-in?next=https%3A%2F%2Fevil.example")).text


async def test_signing_out_ends_the_session_itself(browser: Browser, pages: Replica, store: SqliteAuthStore) -> None:
    """A copy of the cookie is good for nothing at once; other sessions of the same person go on."""
    await add(store, "bob")
    await browser.sign_in("bob")
    other = pages.browser()
    await other.sign_in("bob")
    copy = pages.browser(browser.cookies)
    assert await copy.is_signed_in()
    await browser.send("/sign-out")
    assert not await copy.is_signed_in()
    assert await other.is_signed_in()


async def test_a_changed_password_ends_the_other_sessions(
    browser: Browser, pages: Replica, store: SqliteAuthStore
) -> None:
    """Who changed it goes on, in a new session; everybody else who signed in with the old one does not."""
    await add(store, "bob")
    await browser.sign_in("bob")
    other = pages.browser()
    await other.sign_in("bob")
    before = pages.browser(browser.cookies)
    new = "another one"
    answer = await browser.send("/password", old=PASSWORD, password=new, again=new)
    assert answer.status == 303
    assert await browser.is_signed_in()
    assert not await other.is_signed_in()
    assert not await before.is_signed_in()
    assert (await other.sign_in("bob")).status == 422
    assert (await other.sign_in("bob", new)).status == 303


@pytest.mark.parametrize(
    ("old", "new", "again", "why"),
    [
        ("wrong password", "another one", "another one", "The name or the password is wrong"),
        (PASSWORD, "short", "short", "A password has at least 8 characters"),
        (PASSWORD, "another one", "another two", "The two new passwords are not the same"),
    ],
)
async def test_a_password_that_is_not_changed(
    browser: Browser, store: SqliteAuthStore, old: str, new: str, again: str, why: str
) -> None:
    """The page says why; the old one stays good, and the session."""
    await add(store, "bob")
    await browser.sign_in("bob")
    answer = await browser.send("/password", old=old, password=new, again=again)
    assert answer.status == 422
    assert why in answer.text
    assert await browser.is_signed_in()
    assert (await browser.sign_in("bob")).status == 303


async def test_a_session_that_began_while_the_password_was_changed(
    browser: Browser, pages: Replica, store: SqliteAuthStore, clock: Hand
) -> None:
    """The clock stands, and the sessions of one moment are told apart all the same: by the password they began with."""
    await add(store, "bob")
    clock.now = 1_000
    await browser.sign_in("bob")
    await store.set_password("bob", "x", 1_001)
    pages.guard.forget("bob")
    assert not await browser.is_signed_in()


async def test_a_removed_identity_is_signed_in_nowhere(
    browser: Browser, pages: Replica, store: SqliteAuthStore
) -> None:
    """Nor when it is brought back: its sessions are those of the one that was removed."""
    bob = await add(store, "bob")
    await browser.sign_in("bob")
    await store.remove("bob", 2_000)
    pages.guard.forget("bob")
    assert not await browser.is_signed_in()
    await store.add(msgspec.structs.replace(bob, created=3_000, changed=3_000), again=True)
    pages.guard.forget("bob")
    assert not await browser.is_signed_in()


async def test_a_session_ends_after_twelve_hours(browser: Browser, store: SqliteAuthStore, clock: Hand) -> None:
    """To the moment; then the store forgets it."""
    await add(store, "bob")
    await browser.sign_in("bob")
    clock.now += 12 * 3_600_000 - 1
    assert await browser.is_signed_in()
    clock.now += 1
    assert SESSION in browser.cookies
    assert not await browser.is_signed_in()
    assert SESSION not in browser.cookies
    assert await store.forget_sessions(clock.now) == 0
    assert await store.forget_sessions(clock.now + 1) == 1


async def test_a_session_is_no_bearer_token_nor_the_other_way_round(
    browser: Browser, pages: Replica, store: SqliteAuthStore
) -> None:
    """Neither before nor after it was looked up as what it is; nor is the cookie looked at where tokens are shown."""
    await add(store, "bob")
    await browser.sign_in("bob")
    session = browser.cookies[SESSION].rpartition(".")[0]
    bearer = f"Authorization: Bearer {session}"
    cookie = "Cookie: " + "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    for target in ("/command/DISPLAY_SUMMARY?userid=bob", "/api/v1/accounts/bob"):
        for header in (bearer, cookie):
            assert (await exchange(pages.port, get(target, header, method="POST"))).status in (401, 405)
            assert (await exchange(pages.port, get(target, header))).status == 401
    assert await browser.is_signed_in()


async def test_sessions_are_the_same_on_all_replicas_and_after_a_restart(
    store: SqliteAuthStore, behind: Behind, clock: Hand
) -> None:
    """What one replica signed in another one shows; a form of one may be sent to the other; and all ends everywhere."""
    await add(store, "bob")
    second = SqliteAuthStore(store._file.path)
    async with replica(store, behind, clock) as one, replica(second, behind, clock) as other:
        browser = one.browser()
        form = await browser.get("/sign-in")
        browser.port = other.port
        assert (await browser.post("/sign-in", csrf=form.csrf, name="bob", password=PASSWORD)).status == 303
        browser.port = one.port
        assert await browser.is_signed_in()
    third = SqliteAuthStore(store._file.path)
    async with replica(third, behind, clock) as again:
        browser.port = again.port
        assert await browser.is_signed_in()
        await browser.send("/sign-out")
    async with replica(second, behind, clock) as once_more:
        browser.port = once_more.port
        assert not await browser.is_signed_in()
    await second.close()
    await third.close()


async def test_too_many_tries(browser: Browser, pages: Replica, store: SqliteAuthStore, clock: Hand) -> None:
    """429 with the time to wait, for that name alone, even with the right password; then it goes on."""
    await add(store, "bob")
    await add(store, "carol")
    for _ in range(10):
        assert (await browser.sign_in("bob", "wrong password")).status == 422
    answer = await browser.sign_in("bob")
    assert answer.status == 429
    assert int(answer.headers["retry-after"]) > 0
    assert "Too many tries" in answer.text
    assert (await pages.browser().sign_in("carol")).status == 303
    clock.now += 31_000
    assert (await browser.sign_in("bob")).status == 303


async def test_tries_count_by_the_address_of_the_client_not_of_the_proxy(
    browser: Browser, store: SqliteAuthStore
) -> None:
    """One client's tries do not use up another's, and what a client says of itself to its proxy counts nothing."""
    await add(store, "bob")
    statuses = [
        (await browser.sign_in(f"name{n}", "wrong password", f"X-Forwarded-For: 10.9.{n}.1, 192.0.2.1")).status
        for n in range(51)
    ]
    assert statuses == [422] * 50 + [429]
    assert (await browser.sign_in("bob", PASSWORD, "X-Forwarded-For: 192.0.2.1, 192.0.2.2")).status == 303


async def test_too_many_sign_ups_from_an_address(browser: Browser, pages: Replica, clock: Hand) -> None:
    """429: nobody takes names by the thousand."""
    for n in range(30):
        assert (await pages.browser().sign_up(f"name{n}")).status == 303
    assert (await browser.sign_up("onemore")).status == 429
    clock.now += 20_000
    assert (await browser.sign_up("onemore")).status == 303


async def test_nobody_has_any_number_of_sessions(pages: Replica, store: SqliteAuthStore) -> None:
    """Each of them is kept for hours."""
    await add(store, "bob")
    statuses = [(await pages.browser().sign_in("bob")).status for _ in range(51)]
    assert statuses == [303] * 50 + [429]


async def test_the_cookie_is_kept_from_scripts_and_other_sites(browser: Browser, store: SqliteAuthStore) -> None:
    """HttpOnly, SameSite, for the whole host and no other, and no longer than the session."""
    await add(store, "bob")
    answer = await browser.sign_in("bob")
    morsel = SimpleCookie(next(line for line in answer.set_cookies if line.startswith(SESSION)))[SESSION]
    assert (morsel["httponly"], morsel["samesite"], morsel["path"]) == (True, "lax", "/")
    assert (morsel["domain"], morsel["secure"], morsel["max-age"]) == ("", "", "43200")
    assert browser.cookies[SESSION] not in (await browser.get("/tokens")).text


@pytest.mark.parametrize(("setting", "proto"), [(True, "http"), (False, "https")])
async def test_by_https_cookies_are_for_https_alone(
    store: SqliteAuthStore, behind: Behind, clock: Hand, setting: bool, proto: str
) -> None:
    """Secure, and with the prefix that no other host can set; one without the prefix is not looked at."""
    await add(store, "bob")
    header = f"X-Forwarded-Proto: {proto}"
    async with replica(store, behind, clock, secure=setting) as pages:
        browser = pages.browser()
        form = await browser.get("/sign-in", header)
        fields = {"csrf": form.csrf, "name": "bob", "password": PASSWORD}
        answer = await browser.post("/sign-in", header, "Origin: https://localhost", **fields)
        assert answer.status == 303
        assert set(browser.cookies) == {f"__Host-{SESSION}", "__Host-daytrader_browser"}
        assert all("Secure" in line and "Path=/" in line and "Domain" not in line for line in answer.set_cookies)
        assert answer.headers["strict-transport-security"] == "max-age=31536000"
        assert (await browser.get("/password", header)).status == 200
        plain = pages.browser({SESSION: browser.cookies[f"__Host-{SESSION}"]})
        assert (await plain.get("/password", header)).status == 303


@pytest.mark.parametrize("part", range(4))
async def test_a_cookie_that_was_changed_is_none(browser: Browser, store: SqliteAuthStore, part: int) -> None:
    """Whatever part of it: nobody is signed in, and the store is not asked."""
    await add(store, "bob")
    await browser.sign_in("bob")
    value = browser.cookies[SESSION]
    at = [0, 10, len(value) // 2, len(value) - 3][part]
    browser.cookies[SESSION] = value[:at] + ("x" if value[at] != "x" else "y") + value[at + 1 :]
    assert not await browser.is_signed_in()


async def test_a_page_asks_the_store_seldom(browser: Browser, pages: Replica, store: SqliteAuthStore) -> None:
    """Who is signed in is remembered as a token is: a page costs no look-up of its own."""
    await add(store, "bob")
    await browser.sign_in("bob")
    await browser.get("/password")
    await store.close()  # from now on it cannot be asked
    for _ in range(20):
        assert (await browser.get("/password")).status == 200


@pytest.mark.parametrize("path", ["/", "/sign-in", "/sign-up", "/sign-out", "/nowhere"])
async def test_pages_are_whole_without_scripts_of_their_own(browser: Browser, path: str) -> None:
    """No script, style or handler in the page: everything works by forms and links, and the policy forbids the rest."""
    answer = await browser.get(path)
    scripts = re.findall(r"<script[^>]*>", answer.text)
    assert scripts == ['<script type="module" src="/static/live.js">']
    assert not re.search(r"<[^>]+\s(on\w+|style)\s*=", answer.text)
    assert "<style" not in answer.text
