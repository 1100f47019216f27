"""Who sends a request, by its bearer token: looked up in the store, and remembered for a few seconds."""

import asyncio
import math
import time
from collections.abc import Callable
from hashlib import sha256
from typing import Final

import msgspec
import structlog
from starlette.types import Scope

from daytrader.auth.port import AuthStore, AuthUnavailableError
from daytrader.auth.role import Caller
from daytrader.auth.token import Token, caller, id_of
from daytrader.clock import Clock
from daytrader.internal import Tokens

RENEW_AFTER: Final = 2.0
"""Seconds after which a token in use is looked up again, while requests go on with what is remembered."""

GOOD_FOR: Final = 5.0
"""Seconds after which requests wait for that. So a revocation takes effect within 5 s, and mostly within 2 s."""

PATIENCE: Final = 0.5
"""How long they wait where the store is slow to answer or away: an election is no reason to stop those who trade."""

AT_MOST_FOR: Final = 60.0
"""Seconds for which what is remembered is good where the store cannot be asked at all. Nobody can revoke meanwhile."""

MOST_REMEMBERED: Final = 4_096
"""Tokens; the one looked up longest ago is forgotten first."""

LOOK_UPS_AT_ONCE: Final = 64
"""Look-ups of unknown tokens. Further ones wait for their turn, so that random tokens cannot crowd out the journal."""

MOST_LOOK_UPS: Final = 4_096
"""Under way and waiting; above that 429. It is so many because a new replica knows nobody of those who trade."""


class Denied(msgspec.Struct, frozen=True):
    """An answer to somebody who may not have what was asked for."""

    status: int
    text: str
    challenge: str = ""
    """What the header WWW-Authenticate says, where there is one."""


NO_TOKEN: Final = Denied(401, "A bearer token is needed: Authorization: Bearer TOKEN", 'Bearer realm="daytrader"')
BAD_TOKEN: Final = Denied(
    401,
    "The bearer token is not good: it is unknown, expired or revoked",
    'Bearer realm="daytrader", error="invalid_token"',
)
NOT_YOURS: Final = Denied(
    403, "This is not yours to see or to do", 'Bearer realm="daytrader", error="insufficient_scope"'
)
BUSY: Final = Denied(429, "Too many tokens are being looked up")
AWAY: Final = Denied(503, "Tokens cannot be looked up")

_log = structlog.get_logger(__name__)


class Guard:
    """Tells who is calling. What it remembers is this process's own, under hashes of what was shown."""

    def __init__(
        self,
        store: AuthStore,
        clock: Clock,
        internal: Tokens | None = None,
        *,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        """`clock` tells when tokens expire, `seconds` how old is what is remembered.

        `internal` is the credential of the installation's own services.
        """
        self._store = store
        self._clock = clock
        self._internal = internal
        self._seconds = seconds
        self._known: dict[bytes, _Known] = {}
        self._looking: dict[bytes, asyncio.Task[bool]] = {}
        self._turns = asyncio.Semaphore(LOOK_UPS_AT_ONCE)

    async def caller(self, authorization: bytes) -> Caller | Denied:
        """Return who shows this Authorization header (empty: none), or what to answer instead."""
        scheme, _, token = authorization.partition(b" ")
        if scheme.lower() != b"bearer":
            return NO_TOKEN
        return await self._good(token.strip(), session=False)

    async def session(self, text: bytes) -> Caller | Denied:
        """Return whose session the text (of a cookie) is, or what to answer instead."""
        return await self._good(text, session=True)

    def forget(self, name: str) -> None:
        """Ask the store again about everything that acts as `name`: this replica has ended some of it."""
        for key in [key for key, known in self._known.items() if known.caller.name == name]:
            del self._known[key]

    async def _good(self, token: bytes, *, session: bool) -> Caller | Denied:
        key = sha256(token).digest()
        known = self._known.get(key)
        if known is None or self._seconds() - known.read_at >= RENEW_AFTER:
            found = await self._renewed(key, token.decode("latin-1"), known)
            if isinstance(found, Denied):
                return found
            known = found
        if (known.expires and self._clock() >= known.expires) or known.session is not session:
            return BAD_TOKEN
        return known.caller

    async def admin(self, authorization: bytes) -> Caller | Denied:
        """Return the admin, or service of the installation, that shows this header, or what to answer instead."""
        if self._internal is not None and self._internal.accept(authorization):
            return _INSTALLATION
        found = await self.caller(authorization)
        return found if isinstance(found, Denied) or found.role == "admin" else NOT_YOURS

    async def close(self) -> None:
        """End the look-ups under way."""
        looking = list(self._looking.values())
        for one in looking:
            one.cancel()
        await asyncio.gather(*looking, return_exceptions=True)

    async def _renewed(self, key: bytes, text: str, known: "_Known | None") -> "_Known | Denied":
        """Look the token up. Wait for the outcome only where what is remembered is too old."""
        if not id_of(text):
            return BAD_TOKEN
        look = self._looking.get(key)
        if look is None:
            if known is None and len(self._looking) >= MOST_LOOK_UPS:
                return BUSY
            looking = self._in_turn(key, text) if known is None else self._look_up(key, text)
            look = self._looking[key] = asyncio.create_task(looking, name="token look-up")
            look.add_done_callback(lambda _: self._looking.pop(key, None))
        age = 0.0 if known is None else self._seconds() - known.read_at
        if known is not None and age < GOOD_FOR:
            return known
        if known is None or self._seconds() - known.in_vain_at >= RENEW_AFTER:
            await asyncio.wait({look}, timeout=None if known is None else PATIENCE)
            if look.done() and look.result():
                return self._known.get(key, BAD_TOKEN)
            if known is not None:
                known.in_vain_at = self._seconds()
        return AWAY if known is None or age >= AT_MOST_FOR else known

    async def _in_turn(self, key: bytes, text: str) -> bool:
        async with self._turns:
            return await self._look_up(key, text)

    async def _look_up(self, key: bytes, text: str) -> bool:
        """Remember or forget the token as the store says; return False where it says nothing."""
        began = self._seconds()
        try:
            token = await self._store.token(id_of(text))
            identity = await self._store.identity(token.identity) if token is not None and token.identity else None
        except AuthUnavailableError as error:
            _log.warning("a token cannot be looked up", error=str(error))
            return False
        who = None if token is None else caller(token, text, identity)
        self._known.pop(key, None)
        if token is not None and who is not None:
            self._known[key] = _Known(who, token, began)
            if len(self._known) > MOST_REMEMBERED:
                del self._known[next(iter(self._known))]
        return True


class _Known:
    """A token that was good at `read_at`; `in_vain_at` is when somebody last waited for the store in vain."""

    __slots__ = ("caller", "expires", "in_vain_at", "read_at", "session")

    def __init__(self, who: Caller, token: Token, read_at: float) -> None:
        self.caller = who
        self.expires = token.expires
        self.session = token.session
        self.read_at = read_at
        self.in_vain_at = -math.inf


_INSTALLATION: Final = Caller("installation", "admin")


def authorization_of(scope: Scope) -> bytes:
    """Return the value of a request's Authorization header; empty: it has none."""
    for name, value in scope["headers"]:
        if name == b"authorization":
            return bytes(value)
    return b""
