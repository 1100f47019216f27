"""Everybody who may send a request: the people, the programs, and those who are no longer who they were."""

import time
from pathlib import Path
from typing import Final, Literal, get_args

from daytrader.auth.identity import Identity
from daytrader.auth.role import Role
from daytrader.auth.sqlite import FILE, SqliteAuthStore
from daytrader.auth.token import new_text, stored, stored_for

Who = Literal["nobody", "trader", "other", "broker", "admin", "expired", "revoked", "removed"]
"""`trader` is ALICE, whose account is asked for; `other` is another trader; `removed` acts as an identity that is no
more; the token of `expired` and the one of `revoked` were an admin's."""

EVERYBODY: Final[tuple[Who, ...]] = get_args(Who)

ALICE: Final = "alice"
BOB: Final = "bob"


async def tokens_in(directory: Path) -> dict[Who, str]:
    """Make the identities and tokens in the store of the running installation in `directory`; return the texts."""
    store = SqliteAuthStore(directory / FILE)
    await store.open()
    now = time.time_ns() // 1_000_000
    texts: dict[Who, str] = {who: new_text() for who in EVERYBODY if who != "nobody"}
    traders: dict[Who, str] = {"trader": ALICE, "other": BOB, "removed": "carol"}
    for who, name in traders.items():
        one = Identity(name=name, role="trader", password="", created=now, changed=now)
        assert await store.add(one)
        assert await store.add_token(stored_for(one, texts[who], "laptop", now=now))
    assert await store.remove("carol", now)
    roles: dict[Who, Role] = {"broker": "broker", "admin": "admin", "expired": "admin", "revoked": "admin"}
    for who, role in roles.items():
        expires = now - 1 if who == "expired" else 0
        assert await store.add_token(stored(texts[who], who, role, now=now, expires=expires))
    assert await store.revoke(texts["revoked"].split("_")[1], now)
    await store.close()
    return texts
