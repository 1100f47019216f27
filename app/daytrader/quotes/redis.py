"""The quote cache that replicas share in Redis, and the lock by which only one of them asks for a quote."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar, cast

import msgspec
import structlog
from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.connection import SSLConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from daytrader.domain.quote import VALID_MS, Quote
from daytrader.quotes import metrics
from daytrader.quotes.port import Claim, Clock
from daytrader.quotes.time_limit import time_limit

CONNECTIONS: Final = 8
CLOCK_SKEW_MS: Final = 1_000
"""A quote that seems to come from further in the future was shared by a replica whose clock is wrong: no quote."""

# In both scripts `asked_at` is the third field of a msgpack array, as Quote is encoded. A value that does not
# read so is treated as absent.
_READ_ASKED_AT: Final = """
local shared = redis.call('GET', KEYS[1])
local asked_at = nil
if shared then
  local readable, quote = pcall(cmsgpack.unpack, shared)
  if readable and type(quote) == 'table' and type(quote[3]) == 'number' then asked_at = quote[3] end
end
"""
# ARGV: asked before or at this is too old, asked after this is from the future, token, lock's life in ms
_QUOTE_OR_LOCK: Final = (
    _READ_ASKED_AT
    + """
if asked_at and asked_at > tonumber(ARGV[1]) and asked_at <= tonumber(ARGV[2]) then return shared end
if redis.call('SET', KEYS[2], ARGV[3], 'NX', 'PX', ARGV[4]) then return 1 end
return 0
"""
)
# ARGV: asked_at, asked after this is from the future, token, remaining validity in ms, quote
_PUT_AND_UNLOCK: Final = (
    _READ_ASKED_AT
    + """
local newer = asked_at and asked_at > tonumber(ARGV[1]) and asked_at <= tonumber(ARGV[2])
if not newer then redis.call('SET', KEYS[1], ARGV[5], 'PX', ARGV[4]) end
if redis.call('GET', KEYS[2]) == ARGV[3] then redis.call('DEL', KEYS[2]) end
"""
)
_UNLOCK: Final = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end"

_T = TypeVar("_T")
_log = structlog.get_logger(__name__)
_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(Quote).decode


class _LeftAloneError(Exception):
    """Redis failed a moment ago, or fails now."""


class _TlsConnection(SSLConnection):
    """Reads its CA file each time it connects: the file may have been renewed."""

    async def connect(self) -> None:
        if not self.is_connected:
            self.ssl_context.context = None
        await super().connect()  # type: ignore[no-untyped-call]


class RedisQuoteCache:
    """Shares quotes through the Redis at `url`, and works on without it.

    `ca` is the CA file by which a server at rediss:// is verified; empty: the system's CAs.

    An operation that is not done in `time_limit_ms` has failed. After a failure Redis is left alone for `rest_ms`,
    so that not every quote pays the time limit; then a single operation finds out whether it is back. A replica
    that holds the right to ask for longer than `asking_ms` is believed dead.
    """

    def __init__(
        self,
        url: str,
        *,
        ca: str = "",
        clock: Clock,
        time_limit_ms: int = 100,
        rest_ms: int = 1_000,
        asking_ms: int = 5_000,
    ) -> None:
        self.error = ""
        self._clock = clock
        self._limit_s = time_limit_ms / 1000
        self._rest_s = rest_ms / 1000
        self._asking_ms = asking_ms
        self._left_alone_until = 0.0
        # Few, so that a thousand quotes needed at once wait here and not inside the time limit.
        self._operations = asyncio.Semaphore(CONNECTIONS)
        # No socket_timeout: its wait_for swallows, on Python 3.11, a cancellation that comes as a write ends, and
        # with it our time limit. No retries: whoever fails goes to the quote server.
        tls = {"ssl_ca_certs": ca or None} if url.startswith("rediss://") else {}
        pool = ConnectionPool.from_url(
            url, socket_timeout=None, retry=Retry(NoBackoff(), 0), max_connections=CONNECTIONS, protocol=2, **tls
        )
        if tls:
            pool.connection_class = _TlsConnection
        self._redis = Redis.from_pool(pool)
        self._quote_or_lock = self._redis.register_script(_QUOTE_OR_LOCK)
        self._put_and_unlock = self._redis.register_script(_PUT_AND_UNLOCK)
        self._unlock = self._redis.register_script(_UNLOCK)
        metrics.CACHE_UP.set(1)

    @property
    def available(self) -> bool:
        """Whether Redis answered when last used."""
        return not self.error

    async def quote_or_claim(self, symbol: str) -> Quote | Claim:
        """The shared quote of `symbol` if it is valid, else the right to ask; waits while another replica has it."""
        claim = Claim(symbol, secrets.token_hex(8))
        give_up_at = asyncio.get_running_loop().time() + self._asking_ms / 1000
        pause_s = 0.002
        while True:
            try:
                shared = await self._use(lambda: self._try(claim))
            except _LeftAloneError:
                # With the same token: what failed may have locked the symbol all the same.
                return claim
            if shared is not None:
                return shared
            if asyncio.get_running_loop().time() >= give_up_at:
                return claim
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, 0.05)

    async def put(self, quote: Quote, claim: Claim | None) -> None:
        """Share `quote` for as long as it is valid, unless a newer one is there, and give `claim` back."""
        now = self._clock()
        if not quote.valid(now):
            if claim is not None:
                await self.release(claim)
            return
        keys = _keys(quote.symbol)
        life = min(VALID_MS - (now - quote.asked_at), VALID_MS)
        token = claim.token if claim else ""
        arguments: list[str | int | bytes] = [quote.asked_at, now + CLOCK_SKEW_MS, token, life, _encode(quote)]
        await self._attempt(lambda: self._put_and_unlock(keys, arguments))

    async def release(self, claim: Claim) -> None:
        """Give `claim` back without a quote."""
        lock = _keys(claim.symbol)[1:]
        await self._attempt(lambda: self._unlock(lock, [claim.token]))

    async def check(self) -> None:
        """Find out whether Redis answers, unless it is being left alone."""
        await self._attempt(self._ping)

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    async def _try(self, claim: Claim) -> Quote | Claim | None:
        """The quote, or the claim where it was granted, or None while another replica asks."""
        now = self._clock()
        arguments: list[str | int] = [now - VALID_MS, now + CLOCK_SKEW_MS, claim.token, self._asking_ms]
        found = cast("bytes | int", await self._quote_or_lock(_keys(claim.symbol), arguments))
        if isinstance(found, int):
            return claim if found else None
        try:
            quote = _decode(found)
        except msgspec.MsgspecError:
            quote = None
        if quote is None or quote.symbol != claim.symbol or quote.price <= 0:
            _log.warning("shared_quote_unreadable", symbol=claim.symbol, value=found[:200])
            return claim
        return quote

    async def _ping(self) -> None:
        await self._redis.ping()

    async def _attempt(self, operation: Callable[[], Awaitable[object]]) -> None:
        try:
            await self._use(operation)
        except _LeftAloneError:
            return

    async def _use(self, operation: Callable[[], Awaitable[_T]]) -> _T:
        """Run one operation within the time limit, unless Redis is being left alone."""
        async with self._operations:
            loop = asyncio.get_running_loop()
            if loop.time() < self._left_alone_until:
                raise _LeftAloneError
            try:
                if self.error:
                    # This one finds out whether it is back; whoever comes meanwhile still stays away.
                    self._left_alone_until = loop.time() + self._rest_s
                async with time_limit(self._limit_s):
                    result = await operation()
            except (RedisError, OSError, RuntimeError) as error:  # RuntimeError: a transport closed under a write
                self._failed(error)
                raise _LeftAloneError from error
            self._worked()
            return result

    def _worked(self) -> None:
        if not self.error:
            return
        self.error = ""
        self._left_alone_until = 0.0
        metrics.CACHE_UP.set(1)
        _log.info("quote_cache_back")

    def _failed(self, error: Exception) -> None:
        why = f"no answer within {self._limit_s} s" if isinstance(error, TimeoutError) else str(error)
        if not self.error:
            _log.warning("quote_cache_down", error=why)
        self.error = f"Redis: {why}; every replica asks the quote server for itself"
        self._left_alone_until = asyncio.get_running_loop().time() + self._rest_s
        metrics.CACHE_UP.set(0)
        metrics.CACHE_FAILURES.inc()


def _keys(symbol: str) -> list[str]:
    """Where the quote of `symbol` is, and the lock of the one that asks for it."""
    return [f"quote:{symbol}", f"quote:{symbol}:asking"]
