"""Where identities and tokens are kept: the same for all replicas, and over restarts."""

from typing import Final, Protocol

from daytrader.auth.identity import Identity
from daytrader.auth.token import Token

KEY_BYTES: Final = 32
"""Of the installation's key."""


class AuthUnavailableError(Exception):
    """The store did not do what it was asked, or nobody knows whether it did; the text says why."""


class AuthStore(Protocol):
    """Identities by name and tokens by id. All methods raise AuthUnavailableError.

    What was acknowledged is durable, and is seen by every later call of every replica.
    """

    async def open(self) -> None:
        """Prepare what is missing; several replicas may do so at the same time, and any number of times."""

    async def add(self, identity: Identity, *, again: bool = False) -> bool:
        """Store a new identity; return False, and change nothing, where its name is or was another's.

        With `again` it takes the place of one of that name that was removed, and returns False where there is none.
        """

    async def identity(self, name: str) -> Identity | None:
        """Return the identity of that name, a removed one too; None: there never was one."""

    async def identities(self) -> list[Identity]:
        """Return all identities, removed ones too, by name."""

    async def set_password(self, name: str, password: str, at: int) -> bool:
        """Set the password's hash, at `at` (ms since the epoch); return False where nobody has that name (any more)."""

    async def remove(self, name: str, at: int) -> bool:
        """Remove the identity, at `at` (ms since the epoch); return False where nobody has that name (any more)."""

    async def add_token(self, token: Token) -> bool:
        """Store a new token; return False, and change nothing, where its id is taken."""

    async def token(self, token_id: str) -> Token | None:
        """Return the token with that id, a revoked one too."""

    async def tokens(self, identity: str | None = None) -> list[Token]:
        """Return all tokens, or those of that identity, revoked and expired ones too, the oldest first; no sessions."""

    async def revoke(self, token_id: str, at: int) -> bool:
        """Revoke the token, at `at` (ms since the epoch); return False where there is none that is not revoked yet."""

    async def forget_sessions(self, before: int) -> int:
        """Delete the sessions that expired before that moment, ms since the epoch; return how many those were."""

    async def key(self) -> bytes:
        """Return the installation's 32 random bytes, which the first call of all makes."""

    async def close(self) -> None:
        """Let go of it; closing it twice is harmless."""
