"""The contract of the stores of identities and tokens: what is acknowledged is durable, unique, and seen by all."""

import asyncio
import contextlib
import sqlite3
import stat
from pathlib import Path

import msgspec
import pytest

from daytrader.auth.mongodb import MongoAuthStore
from daytrader.auth.port import AuthStore, AuthUnavailableError
from daytrader.auth.sqlite import SqliteAuthStore
from daytrader.auth.token import new_text, session_for, stored, stored_for
from daytrader.local.ports import free_port
from tests.auth.conftest import MakeStore, identity
from tests.journal.stores import let_go


async def test_what_is_stored_is_seen_by_every_replica(make_store: MakeStore) -> None:
    """An identity and tokens of both kinds come back from another replica as they were stored."""
    one, other = await make_store(), await make_store()
    bob = identity("bob", "trader", password="$argon2id$...")
    by_role = stored(new_text(), "load & co", "broker", now=5, expires=9)
    by_identity = stored_for(bob, new_text(), "laptop", now=6)
    assert await one.add(bob)
    assert await one.add_token(by_role)
    assert await one.add_token(by_identity)
    assert await other.identity("bob") == bob
    assert await other.token(by_role.id) == by_role
    assert await other.token(by_identity.id) == by_identity
    assert await other.tokens() == [by_role, by_identity]


async def test_what_is_stored_survives_a_restart(make_store: MakeStore) -> None:
    """It is there for whoever opens the store next, and opening it again changes nothing."""
    one = await make_store()
    await one.add(identity())
    await one.close()
    await one.close()
    again = await make_store()
    await again.open()
    assert await again.identity("bob") == identity()


async def test_what_there_is_not(any_store: AuthStore) -> None:
    """A new store is empty, and nothing can be done to what there is not."""
    assert await any_store.identities() == []
    assert await any_store.tokens() == []
    assert await any_store.identity("bob") is None
    assert await any_store.token("0" * 16) is None
    assert not await any_store.set_password("bob", "x", 1)
    assert not await any_store.remove("bob", 1)
    assert not await any_store.revoke("0" * 16, 1)
    assert not await any_store.add(identity(), again=True)
    assert await any_store.identities() == []


async def test_a_name_is_given_once(make_store: MakeStore) -> None:
    """Of many replicas that add the same name at once one succeeds, and its identity stays as it was added."""
    replicas = [await make_store() for _ in range(4)]
    wanted = [identity("bob", created=number) for number in range(4)]
    added = await asyncio.gather(*(each.add(one) for each, one in zip(replicas, wanted, strict=True)))
    assert sorted(added) == [False, False, False, True]
    assert await replicas[0].identity("bob") == wanted[added.index(True)]
    assert await replicas[0].add(identity("Bob"))  # userids differ by case, and so do names


async def test_opening_at_the_same_time(make_store: MakeStore) -> None:
    """Replicas that start together all find the store open."""
    stores = await asyncio.gather(*(make_store() for _ in range(5)))
    assert await stores[0].add(identity())
    assert await stores[-1].identity("bob") is not None


async def test_a_password_is_set(any_store: AuthStore) -> None:
    """The hash and the moment change, nothing else does."""
    await any_store.add(identity("bob", "admin"))
    await any_store.add(identity("carol"))
    assert await any_store.set_password("bob", "a hash", 7_000)
    assert await any_store.identity("bob") == msgspec.structs.replace(
        identity("bob", "admin"), password="a hash", changed=7_000
    )
    assert await any_store.identity("carol") == identity("carol")


async def test_a_removed_name_stays_taken(any_store: AuthStore) -> None:
    """Whoever got the name would get the account; its password is forgotten, and nothing more can be done to it."""
    await any_store.add(identity("bob", password="a hash"))
    assert await any_store.remove("bob", 5_000)
    removed = msgspec.structs.replace(identity("bob"), removed=5_000)
    assert not await any_store.remove("bob", 6_000)
    assert not await any_store.set_password("bob", "another", 6_000)
    assert not await any_store.add(identity("bob", "admin", created=6_000))
    assert await any_store.identities() == [removed]


async def test_a_removed_identity_comes_back_on_purpose(make_store: MakeStore) -> None:
    """It is a new one then; one that is there is not replaced, and of two that bring it back one succeeds."""
    one, other = await make_store(), await make_store()
    await one.add(identity("bob", password="a hash"))
    assert not await one.add(identity("bob", "admin"), again=True)
    await one.remove("bob", 5_000)
    new = [identity("bob", "broker", created=6_000), identity("bob", "broker", created=7_000)]
    came = await asyncio.gather(one.add(new[0], again=True), other.add(new[1], again=True))
    assert sorted(came) == [False, True]
    assert await one.identity("bob") == new[came.index(True)]


async def test_an_id_is_given_once(make_store: MakeStore) -> None:
    """The token that was first stays."""
    one, other = await make_store(), await make_store()
    first = stored(new_text(), "first", "broker", now=1)
    second = msgspec.structs.replace(first, name="second", role="admin")
    assert await one.add_token(first)
    assert not await other.add_token(second)
    assert await other.token(first.id) == first


async def test_a_token_is_revoked_once(make_store: MakeStore) -> None:
    """Every replica sees it at once, it keeps the moment of the first time, and it stays listed."""
    one, other = await make_store(), await make_store()
    token, unlike = stored(new_text(), "load", "broker", now=1), stored(new_text(), "load", "broker", now=2)
    await one.add_token(token)
    await one.add_token(unlike)
    assert await one.revoke(token.id, 5)
    found = await other.token(token.id)
    assert found is not None
    assert found.revoked == 5
    assert not await other.revoke(token.id, 6)
    assert not await other.add_token(token)
    assert [each.revoked for each in await other.tokens()] == [5, 0]


async def test_lists_are_in_order_and_whole(any_store: AuthStore) -> None:
    """Identities by name and tokens by age, also more of them than a database sends at a time."""
    for number in range(150, 0, -1):
        await any_store.add(identity(f"user{number:03}"))
        await any_store.add_token(stored(new_text(), f"{number}", "broker", now=number))
    assert [each.name for each in await any_store.identities()] == [f"user{number:03}" for number in range(1, 151)]
    assert [each.name for each in await any_store.tokens()] == [f"{number}" for number in range(1, 151)]


def modes_in(directory: Path) -> dict[str, int]:
    """Return who may do what with each file."""
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()}


async def test_nobody_else_reads_the_file(tmp_path: Path) -> None:
    """Hashes of passwords are for their owner alone, in the file and in those that SQLite puts beside it."""
    store = SqliteAuthStore(tmp_path / "x.sqlite")
    await store.open()
    await store.add(identity())
    assert modes_in(tmp_path) == dict.fromkeys(("x.sqlite", "x.sqlite-wal", "x.sqlite-shm"), 0o600)
    await store.close()


@pytest.mark.parametrize("make", [lambda path: SqliteAuthStore(path / "nowhere" / "x.sqlite"), None])
async def test_a_store_that_is_away_says_so(make: "type[SqliteAuthStore] | None", tmp_path: Path) -> None:
    """Whatever it is asked, in the port's own error, with what to look at."""
    store: AuthStore = make(tmp_path) if make else MongoAuthStore(f"mongodb://127.0.0.1:{free_port()}/x")
    token = stored(new_text(), "load", "broker", now=1)
    for asked in (store.open(), store.identity("bob"), store.add(identity()), store.add_token(token), store.tokens()):
        with pytest.raises(AuthUnavailableError, match="see "):
            await asked
    await let_go(store)


async def test_sessions_are_kept_beside_tokens(make_store: MakeStore) -> None:
    """Found by their id and revoked as those, but no list of tokens shows them."""
    one, other = await make_store(), await make_store()
    bob = identity("bob")
    session, token = session_for(bob, new_text(), now=5), stored_for(bob, new_text(), "laptop", now=6)
    assert await one.add_token(session)
    assert await one.add_token(token)
    assert await other.token(session.id) == session
    assert await other.tokens() == [token]
    assert await other.tokens("bob") == [token]
    assert await other.tokens("carol") == []
    assert await other.revoke(session.id, 7)
    assert await one.token(session.id) == msgspec.structs.replace(session, revoked=7)


async def test_only_expired_sessions_are_forgotten(any_store: AuthStore) -> None:
    """To the moment; tokens stay, to be seen in the list, expired or not."""
    bob = identity("bob")
    first, second = session_for(bob, new_text(), now=5), session_for(bob, new_text(), now=6)
    token = stored_for(bob, new_text(), "laptop", now=1, expires=2)
    for one in (first, second, token):
        await any_store.add_token(one)
    assert await any_store.forget_sessions(first.expires) == 0
    assert await any_store.forget_sessions(second.expires) == 1
    assert await any_store.token(first.id) is None
    assert await any_store.token(second.id) == second
    assert await any_store.tokens() == [token]


async def test_the_key_is_made_once(make_store: MakeStore) -> None:
    """Of many replicas that ask for it first one makes it, and it is that over restarts."""
    replicas = [await make_store() for _ in range(4)]
    keys = await asyncio.gather(*(one.key() for one in replicas))
    assert len(set(keys)) == 1
    assert len(keys[0]) == 32
    assert await (await make_store()).key() == keys[0]


async def test_a_file_of_an_older_build_is_taken(tmp_path: Path) -> None:
    """Its tokens are no sessions, and new ones can be kept beside them."""
    path = tmp_path / "identities.sqlite"
    token = stored(new_text(), "load", "broker", now=5)
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            """
            CREATE TABLE tokens (
                id TEXT PRIMARY KEY, digest BLOB NOT NULL, name TEXT NOT NULL, role TEXT, identity TEXT NOT NULL,
                identity_created INTEGER NOT NULL, created INTEGER NOT NULL, expires INTEGER NOT NULL,
                revoked INTEGER NOT NULL
            )
            """
        )
        values = [token.id, token.digest, "load", "broker", "", 0, 5, 0, 0]
        connection.execute("INSERT INTO tokens VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
    for _ in range(2):
        store = SqliteAuthStore(path)
        await store.open()
        assert await store.tokens() == [token]
        session = session_for(identity(), new_text(), now=6)
        assert await store.add_token(session)
        assert await store.token(session.id) == session
        await store.close()
