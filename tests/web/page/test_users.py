"""The page of users: an admin adds, removes and brings back; nobody else sees it."""

import pytest

from daytrader.auth.sqlite import SqliteAuthStore
from tests.web.page.browser import PASSWORD, Browser
from tests.web.page.conftest import Replica, add

PAGES = ("/users", "/users/of/carla", "/users/tokens")


@pytest.fixture
async def admin(browser: Browser, store: SqliteAuthStore) -> Browser:
    """A browser in which boss, an admin, is signed in; there is a trader named carla."""
    await add(store, "boss", "admin")
    await add(store, "carla")
    await browser.sign_in("boss")
    return browser


async def test_a_user_comes_goes_and_comes_back(admin: Browser, pages: Replica) -> None:
    """Added with a role; removed, and signed in nowhere from then on; brought back on purpose only."""
    eve = pages.browser()
    assert (await admin.send("/users", name="eve", role="broker", password=PASSWORD)).status == 303
    page = await admin.get("/users")
    assert "eve is a broker" in page.text
    assert page.text.count(">eve<") == 1
    assert (await eve.sign_in("eve")).status == 303
    assert (await admin.send("/users/of/eve", "/users/of/eve/remove")).status == 303
    assert not await eve.is_signed_in()
    assert (await eve.sign_in("eve")).status == 422
    again = {"name": "eve", "role": "trader", "password": PASSWORD}
    refused = await admin.send("/users", **again)
    assert refused.status == 422
    assert "eve is there, or was" in refused.text
    assert (await admin.send("/users", **again, back="yes")).status == 303
    assert (await eve.sign_in("eve")).status == 303


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"name": "carla", "role": "trader", "password": PASSWORD}, "carla is there, or was"),
        ({"name": "no name!", "role": "trader", "password": PASSWORD}, "A name has 1 to 64 letters"),
        ({"name": "eve", "role": "king", "password": PASSWORD}, "Somebody is a trader, a broker or an admin"),
        ({"name": "eve", "role": "trader", "password": "short"}, "A password has at least 8 characters"),
        (
            {"name": "eve", "role": "trader", "password": PASSWORD, "back": "yes"},
            "Nobody was removed who was named eve",
        ),
        ({}, "Somebody is a trader, a broker or an admin"),
    ],
)
async def test_what_is_not_added(admin: Browser, store: SqliteAuthStore, fields: dict[str, str], why: str) -> None:
    """The page says why, and nobody is made or changed."""
    before = await store.identities()
    answer = await admin.send("/users", **fields)
    assert answer.status == 422
    assert why in answer.text
    assert await store.identities() == before


async def test_an_admin_sets_a_password(admin: Browser, pages: Replica) -> None:
    """Who was signed in is not any more; the new one is good, one that is too short is not taken."""
    carla = pages.browser()
    await carla.sign_in("carla")
    form = "/users/of/carla"
    assert (await admin.send(form, f"{form}/password", password="short")).status == 422
    assert await carla.is_signed_in()
    assert (await admin.send(form, f"{form}/password", password="another one")).status == 303
    assert not await carla.is_signed_in()
    assert (await carla.sign_in("carla", "another one")).status == 303


async def test_nobody_removes_themselves(admin: Browser, store: SqliteAuthStore) -> None:
    """An installation keeps an admin."""
    answer = await admin.send("/users/of/boss", "/users/of/boss/remove")
    assert answer.status == 422
    assert "another admin has to" in answer.text
    found = await store.identity("boss")
    assert found is not None
    assert not found.removed


@pytest.mark.parametrize("name", ["nobody", "..", "%2e%2e", "carla/x", "<b>"])
async def test_a_user_that_there_is_not(admin: Browser, name: str) -> None:
    """404, for the page and its forms."""
    assert (await admin.get(f"/users/of/{name}")).status == 404
    csrf = (await admin.get("/password")).csrf
    assert (await admin.post(f"/users/of/{name}/remove", csrf=csrf)).status == 404


@pytest.mark.parametrize("role", ["trader", "broker"])
async def test_only_admins_see_users(admin: Browser, pages: Replica, store: SqliteAuthStore, role: str) -> None:
    """403 for others that are signed in, and signing in for those that are not; they change nothing."""
    await add(store, "eve", role)  # type: ignore[arg-type]
    eve, nobody = pages.browser(), pages.browser()
    await eve.sign_in("eve")
    before = (await store.identities(), await store.tokens())
    for path in PAGES:
        assert (await eve.get(path)).status == 403
        assert (await nobody.get(path)).location.startswith("/sign-in?next=")
    csrf = (await eve.get("/password")).csrf
    for path in ("/users", "/users/of/carla/remove", "/users/of/carla/password", "/users/tokens"):
        fields = {"name": "mallory", "role": "admin", "password": PASSWORD, "days": "3"}
        assert (await eve.post(path, csrf=csrf, **fields)).status == 403
    assert (await store.identities(), await store.tokens()) == before
