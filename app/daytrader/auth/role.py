"""The three roles, and the one rule of what each may: no I/O, no clock."""

from typing import Final, Literal

import msgspec

from daytrader.domain.command import Command

Role = Literal["trader", "broker", "admin"]
"""Each may what the one before it may, and more: a trader trades and looks as the user of its own name alone, a broker
as any user, an admin also reads the whole log, sees how the installation is, and keeps identities and tokens."""

Whose = Literal["own", "another's", "everybody's"]

MAY: Final[dict[Role, frozenset[Whose]]] = {
    "trader": frozenset({"own"}),
    "broker": frozenset({"own", "another's"}),
    "admin": frozenset({"own", "another's", "everybody's"}),
}
"""Whose accounts and log each role may act on and read."""


class Caller(msgspec.Struct, frozen=True):
    """Who sends a request, as far as that is proved."""

    name: str
    """The identity's name, which for a trader is the userid; of a token that is no identity's, the token's name."""
    role: Role


def may(caller: Caller, command: Command) -> bool:
    """Return whether `caller` may have `command` decided, whatever comes of it."""
    return may_as(caller, command.user, everybody=command.name == "DUMPLOG" and not command.user)


def may_as(caller: Caller, user: str, *, everybody: bool = False) -> bool:
    """Return whether `caller` may trade and look as `user`, or (with `everybody`) see what all users did.

    A user that is none (its name failed the check, so that `user` is empty) is another than the caller.
    """
    whose: Whose = "everybody's" if everybody else "own" if user == caller.name else "another's"
    return whose in MAY[caller.role]
