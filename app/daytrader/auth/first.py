"""The first admin and the first token of an installation, from files that whoever installs it has made."""

from typing import Final

import structlog

from daytrader.auth.identity import Identity
from daytrader.auth.password import Passwords, refusal
from daytrader.auth.port import AuthStore
from daytrader.auth.token import id_of, stored

ADMIN: Final = "admin"
"""The first admin's name."""

BROKER: Final = "first broker"
"""The first token's name."""

_log = structlog.get_logger(__name__)


async def make_first(
    store: AuthStore, passwords: Passwords, *, admin_password: str, broker_token: str, now: int
) -> None:
    """Store an admin with this password and a broker's token with this text, where that was never done.

    Any number of replicas may do so at once: the admin's name and the token's id are unique, and stay taken, so what
    was removed, revoked or changed later is not undone by a restart. An empty text makes none.

    Raises:
        ValueError: the text of the token is none, or the password is too short or too long.
        AuthUnavailableError: the store is away; what was stored until then is whole, so it can be done again.
    """
    if why := refusal(admin_password) if admin_password else "":
        raise ValueError(f"the first admin's password cannot be taken: {why}")
    if admin_password and await store.identity(ADMIN) is None:
        hashed = await passwords.hash(admin_password)
        if await store.add(Identity(name=ADMIN, role="admin", password=hashed, created=now, changed=now)):
            _log.info("the first admin is made", name=ADMIN)
    if broker_token:
        token = stored(broker_token, BROKER, "broker", now=now)
        if await store.token(id_of(broker_token)) is None and await store.add_token(token):
            _log.info("the first broker's token is made", id=token.id)
