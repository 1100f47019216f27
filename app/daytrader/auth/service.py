"""Identities and tokens as a web replica uses them where `auth_mode` is "required"."""

import asyncio
from pathlib import Path
from typing import Final

import structlog

from daytrader.auth.entrance import Entrance
from daytrader.auth.first import make_first
from daytrader.auth.guard import Guard
from daytrader.auth.password import Passwords
from daytrader.auth.port import AuthStore, AuthUnavailableError
from daytrader.clock import Clock
from daytrader.internal import Tokens
from daytrader.settings import Settings

AGAIN_EVERY: Final = 1.0
"""Seconds between two tries to open a store that is away."""

FORGET_EVERY: Final = 3_600.0
"""Seconds between two deletions of the sessions that have expired."""

_log = structlog.get_logger(__name__)


class AuthService:
    """The store, opened by `run`, and the guard in front of everything that needs a token."""

    def __init__(self, settings: Settings, store: AuthStore, clock: Clock, internal: Tokens | None = None) -> None:
        """`internal` is the credential of the installation's own services.

        Raises OSError where a file that the settings name cannot be read.
        """
        self._admin_password = _read(settings.auth_admin_password_file)
        self._broker_token = _read(settings.auth_broker_token_file)
        self._admin_token = _read(settings.auth_admin_token_file)
        self._store = store
        self._clock = clock
        self._passwords = Passwords()
        self.guard = Guard(store, clock, internal)
        self.entrance = Entrance(store, self._passwords, self.guard, clock)
        self._forgetting: asyncio.Task[None] | None = None
        self.key = b""
        """Signs the cookies; empty until the store was opened."""

    async def run(self) -> None:
        """Open the store, as soon as it can be had, and make the first admin and tokens; returns then.

        Until then tokens are looked up in vain: requests are answered 503. Raises ValueError where the file of a
        first token holds none.
        """
        while True:
            try:
                await self._store.open()
                await make_first(
                    self._store,
                    self._passwords,
                    admin_password=self._admin_password,
                    broker_token=self._broker_token,
                    admin_token=self._admin_token,
                    now=self._clock(),
                )
                self.key = await self._store.key()
                self._forgetting = asyncio.create_task(self._forget(), name="sessions")
                return
            except AuthUnavailableError as error:
                _log.warning("identities and tokens cannot be had yet", error=str(error))
            await asyncio.sleep(AGAIN_EVERY)

    def waits_for(self) -> str:
        """Return what keeps tokens and sessions from being looked up, in words; empty once the store was opened."""
        return "" if self.key else "identities and tokens cannot be had yet"

    async def _forget(self) -> None:
        """Delete what has expired, now and then."""
        while True:
            try:
                await self._store.forget_sessions(self._clock())
            except AuthUnavailableError as error:
                _log.warning("expired sessions cannot be deleted yet", error=str(error))
            await asyncio.sleep(FORGET_EVERY)

    async def close(self) -> None:
        """Let go of the store."""
        if self._forgetting is not None:
            self._forgetting.cancel()
            await asyncio.gather(self._forgetting, return_exceptions=True)
        await self.guard.close()
        self._passwords.close()
        await self._store.close()


def _read(file: str) -> str:
    return Path(file).read_text(encoding="utf-8").strip() if file else ""
