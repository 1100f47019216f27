"""Pages of one and of two web replicas over one store, in required and in open mode."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from ipaddress import ip_network

import pytest
from argon2 import PasswordHasher

from daytrader.auth.entrance import Entrance
from daytrader.auth.guard import Guard
from daytrader.auth.identity import Identity
from daytrader.auth.password import Passwords
from daytrader.auth.port import AuthStore
from daytrader.auth.role import Role
from daytrader.auth.sqlite import SqliteAuthStore
from daytrader.domain import refusal
from daytrader.transaction.message import Reply, Request
from daytrader.web.page.proxies import Proxies
from daytrader.web.page.visitor import Visitors
from tests.auth.conftest import Hand
from tests.web.page.browser import PASSWORD, Browser
from tests.web.replica import HttpServer
from tests.web.stand_in import Behind

HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)

PROXIES = [ip_network("127.0.0.0/8")]
"""The tests themselves may be a proxy."""


@pytest.fixture
def clock() -> Hand:
    """A clock that the test turns."""
    return Hand()


@pytest.fixture
def behind() -> Behind:
    """Decides commands: there is an account of nobody but oldie."""
    made = Behind()

    def answer(request: Request) -> Reply:
        known = request.command is not None and request.command.user == "oldie"
        return Reply(200, b"{}") if known else Reply(400, refusal.NO_USER.encode())

    made.answer = answer
    return made


class Replica:
    """One web replica, by what tests look at."""

    def __init__(self, port: int, guard: Guard, store: AuthStore) -> None:
        self.port = port
        self.guard = guard
        self.store = store

    def browser(self, cookies: dict[str, str] | None = None) -> Browser:
        """Return a browser that looks at it."""
        return Browser(self.port, cookies)


@asynccontextmanager
async def replica(store: AuthStore, behind: Behind, clock: Hand, *, secure: bool = False) -> AsyncIterator[Replica]:
    """Serve pages in required mode over `store`."""
    key, guard, passwords = await store.key(), Guard(store, clock), Passwords(HASHER)
    visitors = Visitors(lambda: key, guard, Proxies(PROXIES, secure=secure))
    entrance = Entrance(store, passwords, guard, clock)
    async with AsyncExitStack() as stack:
        stack.callback(passwords.close)
        stack.push_async_callback(guard.close)
        server = await stack.enter_async_context(HttpServer(behind.app(guard, visitors=visitors, entrance=entrance)))
        yield Replica(server.port, guard, store)


@pytest.fixture
async def pages(store: SqliteAuthStore, behind: Behind, clock: Hand) -> AsyncIterator[Replica]:
    """A replica in required mode."""
    async with replica(store, behind, clock) as made:
        yield made


@pytest.fixture
def browser(pages: Replica) -> Browser:
    """A browser that nobody has signed in with."""
    return pages.browser()


@pytest.fixture
async def open_port(behind: Behind) -> AsyncIterator[int]:
    """The port of a replica in open mode."""
    async with HttpServer(behind.app(visitors=Visitors(lambda: b"k" * 32))) as server:
        yield server.port


async def add(store: AuthStore, name: str, role: Role = "trader", password: str = PASSWORD) -> Identity:
    """Add an identity with a password."""
    made = Identity(name=name, role=role, password=HASHER.hash(password), created=1_000, changed=1_000)
    assert await store.add(made)
    return made
