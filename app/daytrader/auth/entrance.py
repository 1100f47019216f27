"""The entrance for people: signing up, in and out, and new passwords. Whoever comes in gets a session."""

from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from daytrader.auth.guard import Guard
from daytrader.auth.identity import NAME_WANTED, Identity, is_name
from daytrader.auth.password import Passwords, refusal
from daytrader.auth.port import AuthStore
from daytrader.auth.role import Role
from daytrader.auth.sign_in import SignIn, TooManyTriesError
from daytrader.auth.token import id_of, new_text, session_for
from daytrader.auth.tries import Allowance, Tries
from daytrader.clock import Clock

NEW_NAMES: Final = Allowance(30, 20_000)
"""Sign-ups from an address."""

SESSIONS: Final = Allowance(50, 30_000)
"""Sessions of a name: each is kept in the store for hours, so nobody can have any number of them."""

_ANY: Final = Allowance(1_000_000, 1)

TAKEN: Final = "That name is taken: choose another one"


class NotTakenError(Exception):
    """A name or a password cannot be had; the text says why."""


class Entrance:
    """Makes and ends sessions. All methods raise AuthUnavailableError."""

    def __init__(self, store: AuthStore, passwords: Passwords, guard: Guard, clock: Clock) -> None:
        """`guard` tells later whose a session is."""
        self.guard = guard
        self.store = store
        self.clock = clock
        self._passwords = passwords
        self._sign_in = SignIn(store, passwords, Tries(clock))
        self._sign_ups = Tries(clock, _ANY, NEW_NAMES)
        self._sessions = Tries(clock, SESSIONS, _ANY)

    async def sign_in(self, name: str, password: str, address: str) -> str:
        """Return the text of a new session of `name`; `address` is the client's.

        Raises:
            SignInError: the name or the password is wrong, or there were too many tries.
            BusyError: too many are signing in.
        """
        return await self._session(await self._sign_in.who(name, password, address))

    async def sign_up(
        self, name: str, password: str, address: str, has_account: Callable[[str], Awaitable[bool]]
    ) -> str:
        """Make a trader named `name`, and return the text of a new session.

        `has_account` tells whether somebody has traded under a userid: whoever that was, it was not whoever signs up.
        What it raises goes through, and nobody is made.

        Raises:
            NotTakenError: the name is or was somebody's, or cannot be one; the password is too short or too long.
            TooManyTriesError: too many signed up from that address.
            BusyError: too many are signing in.
        """
        if not is_name(name):
            raise NotTakenError(f"A name has {NAME_WANTED}")
        if why := refusal(password):
            raise NotTakenError(_sentence(why))
        if wait := self._sign_ups.take(name, address):
            raise TooManyTriesError(wait)
        if await self.store.identity(name) is not None:
            raise NotTakenError(TAKEN)
        hashed, now = await self._passwords.hash(password), self.clock()
        if await has_account(name):
            raise NotTakenError(TAKEN)
        identity = Identity(name=name, role="trader", password=hashed, created=now, changed=now)
        if not await self.store.add(identity):
            raise NotTakenError(TAKEN)
        return await self._session(identity)

    async def change_password(self, name: str, old: str, new: str, address: str) -> str:
        """Give `name` the password `new`, which ends all its sessions, and return the text of a new one.

        Raises:
            NotTakenError: the new password is too short or too long.
            SignInError: the old one is wrong, or there were too many tries.
            BusyError: too many are signing in.
        """
        if why := refusal(new):
            raise NotTakenError(_sentence(why))
        identity = await self._sign_in.who(name, old, address)
        at = await self.set_password(identity, new)
        return await self._session(msgspec.structs.replace(identity, changed=at))

    async def add(self, name: str, role: Role, password: str, *, again: bool = False) -> None:
        """Make an identity, as an admin does it; `again` brings a removed one back, without its old tokens.

        Raises:
            NotTakenError: the name is or was somebody's, or cannot be one; the password is too short or too long.
            BusyError: too many are signing in.
        """
        if not is_name(name):
            raise NotTakenError(f"A name has {NAME_WANTED}")
        if why := refusal(password):
            raise NotTakenError(_sentence(why))
        hashed, now = await self._passwords.hash(password), self.clock()
        identity = Identity(name=name, role=role, password=hashed, created=now, changed=now)
        if not await self.store.add(identity, again=again):
            raise NotTakenError(f"Nobody was removed who was named {name}" if again else f"{name} is there, or was")
        self.guard.forget(name)

    async def set_password(self, identity: Identity, password: str) -> int:
        """Give `identity` a new password, which ends its sessions; return when that was, ms since the epoch.

        Raises:
            NotTakenError: the password is too short or too long, or the identity was removed meanwhile.
            BusyError: too many are signing in.
        """
        if why := refusal(password):
            raise NotTakenError(_sentence(why))
        hashed = await self._passwords.hash(password)
        at = max(self.clock(), identity.changed + 1)  # a session knows the password that it began with by that moment
        if not await self.store.set_password(identity.name, hashed, at):
            raise NotTakenError(f"Nobody is named {identity.name} any more")
        self.guard.forget(identity.name)
        return at

    async def remove(self, name: str) -> None:
        """Remove an identity: its sessions and tokens are over."""
        await self.store.remove(name, self.clock())
        self.guard.forget(name)

    async def sign_out(self, name: str, session: str) -> None:
        """End that session of `name`."""
        await self.store.revoke(id_of(session), self.clock())
        self.guard.forget(name)

    async def _session(self, identity: Identity) -> str:
        if wait := self._sessions.take(identity.name, ""):
            raise TooManyTriesError(wait)
        text = new_text()
        await self.store.add_token(session_for(identity, text, now=self.clock()))
        return text


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
