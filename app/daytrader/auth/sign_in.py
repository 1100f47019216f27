"""Signing in with a name and a password, without telling anybody which names there are."""

from typing import Final

from daytrader.auth.identity import Identity, is_name
from daytrader.auth.password import LONGEST, Passwords
from daytrader.auth.port import AuthStore
from daytrader.auth.tries import Tries

WRONG: Final = "The name or the password is wrong"


class SignInError(Exception):
    """Nobody is signed in; the text says why, and is the same for a name that there is and one that there is not."""


class TooManyTriesError(SignInError):
    """There were too many tries for the name or from the address: come again in `wait_ms`."""

    def __init__(self, wait_ms: int) -> None:
        super().__init__("Too many tries: wait before the next one")
        self.wait_ms = wait_ms


class SignIn:
    """Looks whether a password is somebody's."""

    def __init__(self, store: AuthStore, passwords: Passwords, tries: Tries) -> None:
        self._store = store
        self._passwords = passwords
        self._tries = tries

    async def who(self, name: str, password: str, address: str) -> Identity:
        """Return the identity `name` whose password this is; `address` is that of the client who says so.

        A name that nobody has, or that cannot be one, costs the same try, the same work and the same time.

        Raises:
            SignInError: the name or the password is wrong.
            TooManyTriesError: neither was looked at.
            BusyError: too many are signing in; the try counts.
            AuthUnavailableError: the store is away; the try counts.
        """
        key = name if is_name(name) else ""
        if wait := self._tries.take(key, address):
            raise TooManyTriesError(wait)
        identity = await self._store.identity(key)
        usable = identity is not None and not identity.removed
        known = identity.password if identity is not None and usable else ""
        # The end of a text that is too long is not looked at, and it is not anybody's: passwords are not that long.
        if not await self._passwords.matches(known, password[: LONGEST + 1]) or identity is None:
            raise SignInError(WRONG)
        self._tries.give_back(key, address)
        return identity
