"""Passwords: what may be one, and how they are hashed and verified."""

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Literal

import pytest
from argon2 import PasswordHasher

from daytrader.auth.password import HASHER, BusyError, Passwords, refusal


class Held(PasswordHasher):
    """Argon2 whose work begins when the test lets it, and which knows how much of it went on side by side."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.let = threading.Event()
        self.let.set()
        self.began = threading.Semaphore(0)
        self.at_work: set[int] = set()
        self.hashed: list[str] = []

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002  the library's name
        """Verify, when the test lets it."""
        self.hashed.append(hash if isinstance(hash, str) else hash.decode())
        self.at_work.add(threading.get_ident())
        self.began.release()
        self.let.wait(10)
        return super().verify(hash, password)


@pytest.fixture
async def passwords() -> AsyncIterator[Passwords]:
    """Passwords as the services hash them."""
    made = Passwords()
    yield made
    made.close()


@pytest.fixture
def hasher() -> Held:
    """Argon2, held by the test."""
    return Held()


async def test_a_hash_verifies_its_password_alone(passwords: Passwords) -> None:
    """Another password, and none, do not match; the same one hashed again gives another hash."""
    stored = await passwords.hash("correct horse")
    assert stored.startswith("$argon2id$")
    assert await passwords.matches(stored, "correct horse")
    for other in ("Correct horse", "correct horse ", ""):
        assert not await passwords.matches(stored, other)
    assert await passwords.hash("correct horse") != stored


async def test_any_text_can_be_tried(passwords: Passwords) -> None:
    """Text that no UTF-8 can carry is a password like another."""
    stored = await passwords.hash("\ud800 and more")
    assert await passwords.matches(stored, "\ud800 and more")
    assert not await passwords.matches(stored, "? and more")


async def test_nobodys_password_takes_the_same_work(hasher: Held) -> None:
    """Without a stored hash one of the same parameters is verified, and the answer is no."""
    passwords = Passwords(hasher)
    assert not await passwords.matches("", "a password")
    own = await passwords.hash("a password")
    assert await passwords.matches(own, "a password")
    passwords.close()
    nobodys, ours = hasher.hashed
    assert nobodys.rsplit("$", 2)[0] == ours.rsplit("$", 2)[0]
    assert not hasher.check_needs_rehash(nobodys)


async def test_only_so_many_are_looked_at(hasher: Held) -> None:
    """Two side by side, two wait, the fifth is told to come again; and then there is room again."""
    passwords = Passwords(hasher, at_once=2, waiting=2)
    hasher.let.clear()
    trying = [asyncio.create_task(passwords.matches("", "x")) for _ in range(4)]
    await asyncio.to_thread(hasher.began.acquire)
    await asyncio.to_thread(hasher.began.acquire)
    with pytest.raises(BusyError):
        await passwords.matches("", "x")
    assert len(hasher.hashed) == 2
    hasher.let.set()
    assert await asyncio.gather(*trying) == [False] * 4
    assert len(hasher.at_work) == 2
    assert not await passwords.matches("", "x")
    passwords.close()


async def test_who_goes_away_makes_no_room(hasher: Held) -> None:
    """A thread that is still at work counts, although nobody waits for it any more."""
    passwords = Passwords(hasher, at_once=1, waiting=0)
    hasher.let.clear()
    trying = asyncio.create_task(passwords.matches("", "x"))
    await asyncio.to_thread(hasher.began.acquire)
    trying.cancel()
    await asyncio.wait([trying])
    with pytest.raises(BusyError):
        await passwords.matches("", "x")
    hasher.let.set()
    passwords.close()


async def test_the_loop_runs_on_meanwhile(hasher: Held) -> None:
    """Hashing is done in another thread than everything else."""
    passwords = Passwords(hasher)
    await passwords.matches("", "x")
    assert threading.get_ident() not in hasher.at_work
    passwords.close()


def test_the_cost_of_a_hash() -> None:
    """Argon2id with at least 19 MiB and two passes, and no more than a small pod can bear twice."""
    assert (HASHER.memory_cost, HASHER.time_cost, HASHER.type.name) == (19_456, 2, "ID")


@pytest.mark.parametrize(("password", "says"), [("a" * 7, "at least 8"), ("a" * 257, "at most 256"), ("a" * 8, "")])
def test_what_may_be_a_password(password: str, says: str) -> None:
    """Neither a short one nor one that only costs time."""
    assert says in refusal(password)
    assert bool(says) == bool(refusal(password))
