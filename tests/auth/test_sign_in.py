"""Signing in."""

from typing import Literal

import pytest
from argon2 import PasswordHasher

from daytrader.auth.password import Passwords
from daytrader.auth.port import AuthStore
from daytrader.auth.sign_in import SignIn, SignInError, TooManyTriesError
from daytrader.auth.tries import Allowance, Tries
from tests.auth.conftest import Hand, identity

HOME = "192.0.2.1"


class Counting(PasswordHasher):
    """Argon2 that counts its work."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.count = 0

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002  the library's name
        """Verify, and count it."""
        self.count += 1
        return super().verify(hash, password)


@pytest.fixture
async def hasher(store: AuthStore) -> Counting:
    """Argon2 that counts; in the store are bob, carol who was removed, and dave who has no password."""
    hasher = Counting()
    for name in ("bob", "carol"):
        await store.add(identity(name, password=hasher.hash(f"{name}'s password")))
    await store.remove("carol", 5_000)
    await store.add(identity("dave"))
    return hasher


@pytest.fixture
def sign_in(store: AuthStore, hasher: Counting, clock: Hand) -> SignIn:
    """Three tries a name at once, six an address."""
    return SignIn(store, Passwords(hasher), Tries(clock, Allowance(3, 10_000), Allowance(6, 10_000)))


async def test_the_right_password(sign_in: SignIn) -> None:
    """It shows whose it is, however often."""
    for _ in range(10):
        assert (await sign_in.who("bob", "bob's password", HOME)).name == "bob"


@pytest.mark.parametrize("name", ["bob", "nobody", "carol", "dave", "", "no name!", "x" * 10_000])
@pytest.mark.parametrize("password", ["wrong", "", "bob's password" + "x" * 10_000, "carol's password"])
async def test_nobody_is_told_which_names_there_are(
    sign_in: SignIn, hasher: Counting, name: str, password: str
) -> None:
    """A wrong password, a name that there is not, was, cannot be, or has no password: the same text, the same work."""
    with pytest.raises(SignInError, match=r"^The name or the password is wrong$"):
        await sign_in.who(name, password, HOME)
    assert hasher.count == 1


@pytest.mark.parametrize("name", ["bob", "nobody"])
async def test_a_name_is_tried_so_often(sign_in: SignIn, hasher: Counting, clock: Hand, name: str) -> None:
    """Then nobody is asked for a while, not even with the right password; be there such a name or not."""
    for number in range(3):
        with pytest.raises(SignInError, match="is wrong"):
            await sign_in.who(name, "wrong", f"192.0.2.{number}")
    with pytest.raises(TooManyTriesError) as refused:
        await sign_in.who(name, "bob's password", "192.0.2.9")
    assert refused.value.wait_ms == 10_000
    assert hasher.count == 3
    clock.now += 10_000
    if name == "bob":
        assert (await sign_in.who(name, "bob's password", "192.0.2.9")).name == "bob"


async def test_an_address_tries_so_often(sign_in: SignIn) -> None:
    """Whichever names it tries, and others are not kept waiting by it."""
    for number in range(6):
        with pytest.raises(SignInError, match="is wrong"):
            await sign_in.who(f"user{number}", "wrong", HOME)
    with pytest.raises(TooManyTriesError):
        await sign_in.who("bob", "bob's password", HOME)
    assert (await sign_in.who("bob", "bob's password", "192.0.2.2")).name == "bob"
