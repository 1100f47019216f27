"""Tokens: what a program or a browser shows, and what is stored of it, from which it cannot be made again."""

import hashlib
import hmac
import re
import secrets
from typing import Final

import msgspec

from daytrader.auth.identity import Identity
from daytrader.auth.role import Caller, Role

_parts: Final = re.compile(r"dt_([0-9a-f]{16})_[A-Za-z0-9_-]{43}", re.ASCII).fullmatch

LONGEST_NAME: Final = 64

SESSION_MS: Final = 12 * 3_600_000
"""How long somebody stays signed in."""


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """One token as it is stored."""

    id: str
    """Unique; stands in the token's text, and is no secret."""
    digest: bytes
    """SHA-256 of the text. That is enough: 256 bits that nobody chose cannot be guessed, however fast guessing is."""
    name: str
    """What it is for, in its maker's words; need not be unique."""
    role: Role | None
    """The role that it gives; None: that of its identity, as it is when the token is shown."""
    identity: str = ""
    """The identity that it acts as; empty: none, it is good by itself."""
    identity_created: int = 0
    """When that identity was created."""
    created: int
    """ms since the epoch."""
    expires: int = 0
    """ms since the epoch; 0: never."""
    revoked: int = 0
    """When it was revoked, ms since the epoch; 0: it was not."""
    session: bool = False
    """Whether it is a session, which a browser shows in a cookie: that is no bearer token, nor the other way round."""
    identity_changed: int = 0
    """Of a session: when the password with which it began was set. One that began with another is over."""


def new_text() -> str:
    """Return the text of a new token: `dt_`, its id, and 256 random bits."""
    return f"dt_{secrets.token_hex(8)}_{secrets.token_urlsafe(32)}"


def id_of(text: str) -> str:
    """Return the id in the text of a token; empty where it is none."""
    found = _parts(text)
    return found[1] if found else ""


def stored(text: str, name: str, role: Role, *, now: int, expires: int = 0) -> Token:
    """Return what is to be stored of the token `text` that is good by itself, made at `now`.

    Raises:
        ValueError: the text is none of a token, or the role is a trader's, who has to be somebody.
    """
    if role == "trader":
        raise ValueError("a trader's token acts as one identity: name that identity instead of the role")
    return Token(id=_id(text), digest=_digest(text), name=name, role=role, created=now, expires=expires)


def stored_for(identity: Identity, text: str, name: str, *, now: int, expires: int = 0) -> Token:
    """Return what is to be stored of the token `text` that acts as `identity`, made at `now`.

    Raises ValueError where the text is none of a token.
    """
    return Token(
        id=_id(text),
        digest=_digest(text),
        name=name,
        role=None,
        identity=identity.name,
        identity_created=identity.created,
        created=now,
        expires=expires,
    )


def session_for(identity: Identity, text: str, *, now: int) -> Token:
    """Return what is to be stored of the session `text` that begins at `now`, as `identity` was when it proved itself.

    Raises ValueError where the text is none of a token.
    """
    made = stored_for(identity, text, "session", now=now, expires=now + SESSION_MS)
    return msgspec.structs.replace(made, session=True, identity_changed=identity.changed)


def caller(token: Token, text: str, identity: Identity | None) -> Caller | None:
    """Return whom the text shows to be calling; None where `token`, which has its id, is not good for it.

    `identity` is the one that the token names, if there is such a one. Whether the token has expired is not looked at.
    """
    if token.revoked or not hmac.compare_digest(token.digest, _digest(text)):
        return None
    if token.role is not None:
        return Caller(token.name, token.role)
    if identity is None or identity.removed or identity.created != token.identity_created:
        return None
    if token.session and token.identity_changed != identity.changed:
        return None
    return Caller(identity.name, identity.role)


def _id(text: str) -> str:
    found = id_of(text)
    if not found:
        raise ValueError("this is no token: one is dt_, 16 hexadecimal digits, _ and 43 letters, digits, _ or -")
    return found


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
