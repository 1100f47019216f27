"""Identities: people (and programs that sign in as people do), each under a name that is a userid at once."""

import re
from typing import Final

import msgspec

from daytrader.auth.role import Role

_is_name: Final = re.compile(r"[A-Za-z0-9]{1,64}", re.ASCII).fullmatch

NAME_WANTED: Final = "1 to 64 letters and digits, as a userid"


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """One identity as it is stored."""

    name: str
    """Unique for ever, and the userid that a trader trades as."""
    role: Role
    password: str
    """Argon2's hash with its salt and parameters; empty: nobody can sign in, only tokens are good."""
    created: int
    """ms since the epoch. Tokens and sessions belong to the identity that was created then: one that was removed and
    came back has none of those it had."""
    changed: int
    """When the password was last set, ms since the epoch: what was begun with an older one is over."""
    removed: int = 0
    """When it was removed, ms since the epoch; 0: it was not. Its name stays taken, because the account under it stays:
    whoever got the name would get the account."""


def is_name(text: str) -> bool:
    """Return whether `text` can name an identity: `NAME_WANTED`."""
    return _is_name(text) is not None
