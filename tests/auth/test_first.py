"""The first admin and the first tokens."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from daytrader.auth.first import ADMIN, make_first
from daytrader.auth.password import Passwords
from daytrader.auth.port import AuthStore
from daytrader.auth.role import Caller
from daytrader.auth.token import caller, id_of, new_text
from tests.auth.conftest import MakeStore

TEXT = new_text()

Start = Callable[[AuthStore], Awaitable[None]]


@pytest.fixture
def start(passwords: Passwords) -> Start:
    """What each replica does when it starts."""

    async def replica(store: AuthStore) -> None:
        await make_first(store, passwords, admin_password="the first one", broker_token=TEXT, now=5_000)

    return replica


async def test_replicas_that_start_together_make_one_admin(
    make_store: MakeStore, passwords: Passwords, start: Start
) -> None:
    """Whichever comes first; its password is the one that they were all given, and the token is good."""
    stores = [await make_store() for _ in range(5)]
    await asyncio.gather(*map(start, stores))
    (admin,) = await stores[0].identities()
    assert (admin.name, admin.role, admin.created) == (ADMIN, "admin", 5_000)
    assert await passwords.matches(admin.password, "the first one")
    (token,) = await stores[0].tokens()
    assert caller(token, TEXT, None) == Caller("first broker", "broker")


async def test_a_restart_undoes_nothing(any_store: AuthStore, start: Start) -> None:
    """A changed password, a revoked token and a removed admin stay what they are."""
    await start(any_store)
    await any_store.set_password(ADMIN, "another hash", 6_000)
    await any_store.revoke(id_of(TEXT), 6_000)
    before = (await any_store.identities(), await any_store.tokens())
    await start(any_store)
    assert (await any_store.identities(), await any_store.tokens()) == before
    await any_store.remove(ADMIN, 7_000)
    await start(any_store)
    assert [each.removed for each in await any_store.identities()] == [7_000]


async def test_what_was_broken_off_is_made_whole(store: AuthStore, passwords: Passwords, start: Start) -> None:
    """An admin without a token, and a token without an admin, get what is missing."""
    await make_first(store, passwords, admin_password="the first one", broker_token="", now=1)
    assert (len(await store.identities()), len(await store.tokens())) == (1, 0)
    await start(store)
    assert (len(await store.identities()), len(await store.tokens())) == (1, 1)


async def test_nothing_is_made_of_nothing(store: AuthStore, passwords: Passwords) -> None:
    """Without a password there is no admin, without a text no token; what is neither's text is refused."""
    await make_first(store, passwords, admin_password="", broker_token="", now=1)
    assert (await store.identities(), await store.tokens()) == ([], [])
    with pytest.raises(ValueError, match="this is no token"):
        await make_first(store, passwords, admin_password="", broker_token="secret", now=1)
    with pytest.raises(ValueError, match="at least"):
        await make_first(store, passwords, admin_password="x", broker_token="", now=1)
    assert (await store.identities(), await store.tokens()) == ([], [])


async def test_an_admin_has_a_token_too(store: AuthStore, passwords: Passwords) -> None:
    """For programs that read the whole log; a second start makes no other, and a text that is none is refused."""
    text = new_text()
    for now in (5_000, 6_000):
        await make_first(store, passwords, admin_password="", broker_token=TEXT, admin_token=text, now=now)
    found = {token.id: caller(token, text, None) for token in await store.tokens()}
    assert found == {id_of(TEXT): None, id_of(text): Caller("first admin", "admin")}
    with pytest.raises(ValueError, match="this is no token"):
        await make_first(store, passwords, admin_password="", broker_token="", admin_token="secret", now=1)
