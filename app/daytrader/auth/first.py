"""The first admin and the first tokens of an installation, from files that whoever installs it has made."""

from typing import Final

import structlog

from daytrader.auth.identity import Identity
from daytrader.auth.password import Passwords, refusal
from daytrader.auth.port import AuthStore
from daytrader.auth.role import Role
from daytrader.auth.token import stored

ADMIN: Final = "admin"
"""The first admin's name."""

BROKER: Final = "first broker"
ADMIN_TOKEN: Final = "first admin"  # noqa: S105  the name of one
"""The first tokens' names."""

_log = structlog.get_logger(__name__)


async def make_first(
    store: AuthStore,
    passwords: Passwords,
    *,
    admin_password: str,
    broker_token: str,
    admin_token: str = "",
    now: int,
) -> None:
    """Store an admin with this password, and a broker's and an admin's token with these texts, where none ever was.

    Any number of replicas may do so at once: the admin's name and a token's id are unique, and stay taken, so what
    was removed, revoked or changed later is not undone by a restart. An empty text makes none.

    Raises:
        ValueError: the text of a token is none, or the password is too short or too long.
        AuthUnavailableError: the store is away; what was stored until then is whole, so it can be done again.
    """
    if why := refusal(admin_password) if admin_password else "":
        raise ValueError(f"the first admin's password cannot be taken: {why}")
    if admin_password and await store.identity(ADMIN) is None:
        hashed = await passwords.hash(admin_password)
        if await store.add(Identity(name=ADMIN, role="admin", password=hashed, created=now, changed=now)):
            _log.info("the first admin is made", name=ADMIN)
    await _make_token(store, broker_token, BROKER, "broker", now)
    await _make_token(store, admin_token, ADMIN_TOKEN, "admin", now)


async def _make_token(store: AuthStore, text: str, name: str, role: Role, now: int) -> None:
    if not text:
        return
    token = stored(text, name, role, now=now)
    if await store.token(token.id) is None and await store.add_token(token):
        _log.info("a first token is made", name=name, id=token.id)
