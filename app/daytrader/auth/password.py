"""Passwords: hashed by argon2 in threads of their own, so that whoever signs in holds up nobody who trades."""

import asyncio
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

T = TypeVar("T")

SHORTEST: Final = 8
LONGEST: Final = 256
"""Characters of a password."""

HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
"""19 MiB and about 20 ms of one CPU for a hash: what OWASP asks for at least, because a web replica is a small pod."""

AT_ONCE: Final = 2
"""Hashes computed side by side."""

WAITING: Final = 30
"""Further ones that may wait for their turn."""


class BusyError(Exception):
    """So many passwords are being looked at that this one has to come again in a second."""


def refusal(password: str) -> str:
    """Return why `password` cannot be somebody's new one, in words; empty where it can."""
    if len(password) < SHORTEST:
        return f"a password has at least {SHORTEST} characters"
    if len(password) > LONGEST:
        return f"a password has at most {LONGEST} characters"
    return ""


class Passwords:
    """Makes and verifies hashes, a bounded number at a time. Both methods raise BusyError."""

    def __init__(self, hasher: PasswordHasher = HASHER, *, at_once: int = AT_ONCE, waiting: int = WAITING) -> None:
        """Takes as long as one hash."""
        self._hasher = hasher
        self._nobody = hasher.hash(secrets.token_urlsafe())
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="password")
        self._most = at_once + waiting
        self._under_way = 0

    async def hash(self, password: str) -> str:
        """Return the hash to store of a new password."""
        return await self._in_thread(password, self._hasher.hash)

    async def matches(self, stored: str, password: str) -> bool:
        """Return whether `stored` is a hash of `password`; an empty one is of none, which takes the same time."""

        def verify(given: bytes) -> bool:
            try:
                return self._hasher.verify(stored or self._nobody, given)
            except VerifyMismatchError:
                return False

        return await self._in_thread(password, verify) and bool(stored)

    async def _in_thread(self, password: str, work: Callable[[bytes], T]) -> T:
        if self._under_way >= self._most:
            raise BusyError(f"{self._most} passwords are being looked at")
        given = password.encode("utf-8", "surrogatepass")
        working = asyncio.get_running_loop().run_in_executor(self._threads, work, given)
        self._under_way += 1
        working.add_done_callback(self._done)
        return await asyncio.shield(working)  # who asked may go away; the thread is at work until it is done

    def _done(self, _: object) -> None:
        self._under_way -= 1

    def close(self) -> None:
        """End the threads when what is under way is done."""
        self._threads.shutdown(wait=False)
