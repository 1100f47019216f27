"""Everybody who may send a request: the people, the programs, and those who are no longer who they were."""

import time
from pathlib import Path
from typing import Final, Literal, get_args

import msgspec
from starlette.responses import Response

from daytrader.auth.identity import Identity
from daytrader.auth.role import Role
from daytrader.auth.sqlite import FILE, SqliteAuthStore
from daytrader.auth.token import id_of, new_text, session_for, stored, stored_for
from daytrader.web.page.cookies import Cookies

Who = Literal["nobody", "trader", "other", "broker", "admin", "expired", "revoked", "removed", "session"]
"""Who shows a bearer token. `trader` is ALICE, whose account is asked for; `other` is another trader; `removed` acts as
an identity that is no more; `expired` and `revoked` were an admin's tokens; `session` is the text of an admin's
session, which is for a cookie."""

EVERYBODY: Final[tuple[Who, ...]] = get_args(Who)

Visiting = Literal["nobody", "trader", "other", "broker", "admin", "over", "expired", "outdated", "forged", "bearer"]
"""Who shows a cookie. These were an admin's: `over` is signed out, `outdated` began before the password was changed,
`forged` is signed with another key. `bearer` is an admin's bearer token, signed as if it were a session."""

VISITORS: Final[tuple[Visiting, ...]] = get_args(Visiting)

ALICE: Final = "alice"
BOB: Final = "bob"


HOUR: Final = 3_600_000


class Callers(msgspec.Struct):
    """What each shows."""

    tokens: dict[Who, str]
    """Texts of bearer tokens."""
    sessions: dict[Visiting, str]
    """Values of the session cookie."""
    csrf: dict[Visiting, str]
    """What the forms of each carry."""


async def callers_in(directory: Path) -> Callers:
    """Make identities, tokens and sessions in the store of the running installation in `directory`."""
    store = SqliteAuthStore(directory / FILE)
    await store.open()
    now = time.time_ns() // 1_000_000
    names: dict[str, Role] = {ALICE: "trader", BOB: "trader", "carol": "trader", "brigitte": "broker", "ada": "admin"}
    people = {
        name: Identity(name=name, role=role, password="", created=now, changed=now) for name, role in names.items()
    }
    for one in people.values():
        assert await store.add(one)
    tokens = await _tokens(store, people, now)
    sessions = await _sessions(store, people, now)
    tokens["session"] = sessions["admin"]
    assert await store.remove("carol", now)
    key = await store.key()
    await store.close()
    sessions["bearer"] = tokens["admin"]
    return Callers(
        tokens,
        {who: _signed(bytes(32) if who == "forged" else key, text) for who, text in sessions.items()},
        {who: Cookies(key).csrf(text) for who, text in sessions.items()},
    )


async def _tokens(store: SqliteAuthStore, people: dict[str, Identity], now: int) -> dict[Who, str]:
    texts: dict[Who, str] = {who: new_text() for who in EVERYBODY if who not in ("nobody", "session")}
    traders: dict[Who, str] = {"trader": ALICE, "other": BOB, "removed": "carol"}
    for who, name in traders.items():
        assert await store.add_token(stored_for(people[name], texts[who], "laptop", now=now))
    roles: dict[Who, Role] = {"broker": "broker", "admin": "admin", "expired": "admin", "revoked": "admin"}
    for who, role in roles.items():
        expires = now - 1 if who == "expired" else 0
        assert await store.add_token(stored(texts[who], who, role, now=now, expires=expires))
    assert await store.revoke(id_of(texts["revoked"]), now)
    return texts


async def _sessions(store: SqliteAuthStore, people: dict[str, Identity], now: int) -> dict[Visiting, str]:
    texts: dict[Visiting, str] = {who: new_text() for who in VISITORS if who not in ("nobody", "bearer")}
    names: dict[Visiting, str] = {"trader": ALICE, "other": BOB, "broker": "brigitte"}
    for who, text in texts.items():
        identity = people[names.get(who, "ada")]
        if who == "outdated":
            identity = msgspec.structs.replace(identity, changed=now - HOUR)
        began = now - 13 * HOUR if who == "expired" else now
        assert await store.add_token(session_for(identity, text, now=began))
    assert await store.revoke(id_of(texts["over"]), now)
    return texts


def _signed(key: bytes, text: str) -> str:
    """Return the value of a session cookie, as the pages themselves set it."""
    response = Response()
    Cookies(key).set(response, "session", text, secure=False)
    return response.headers["set-cookie"].partition("=")[2].partition(";")[0]
