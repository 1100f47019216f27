"""Whole installations with pages: the embedded mode, in this process, on a real port; a share costs 5.00."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from daytrader.auth.identity import Identity
from daytrader.auth.password import HASHER
from daytrader.auth.role import Role
from daytrader.auth.sqlite import FILE, SqliteAuthStore
from daytrader.local.embedded import Embedded
from daytrader.local.mock_quotes import MockQuotes
from daytrader.local.ports import free_port
from tests.web.page.trade.person import Person, person

PASSWORD = "correct horse"


async def _installation(directory: Path, mode: str) -> tuple[Embedded, int]:
    port = free_port()
    settings = {"DAYTRADER_TRIGGERS_INTERVAL_MS": "3600000", "DAYTRADER_AUTH_MODE": mode}
    embedded = Embedded(directory, port, MockQuotes(), settings)
    await embedded.start()
    return embedded, port


@pytest.fixture
async def anybody(tmp_path: Path) -> AsyncIterator[Person]:
    """Somebody in front of an installation in open mode."""
    embedded, port = await _installation(tmp_path, "open")
    async with person(port) as one:
        yield one
    await embedded.stop()


@pytest.fixture
async def people(tmp_path: Path) -> AsyncIterator[dict[str, Person]]:
    """Two traders, a broker and an admin, signed in where it is required, and a stranger."""
    embedded, port = await _installation(tmp_path, "required")
    roles: dict[str, Role] = {"alice": "trader", "bob": "trader", "broker": "broker", "boss": "admin"}
    store = SqliteAuthStore(tmp_path / FILE)
    await store.open()
    password = HASHER.hash(PASSWORD)
    for name, role in roles.items():
        await store.add(Identity(name=name, role=role, password=password, created=1, changed=1))
    await store.close()
    async with AsyncExitStack() as stack:
        found = {name: await stack.enter_async_context(person(port)) for name in (*roles, "stranger")}
        for name in roles:
            page = await found[name].open("/sign-in")
            page = await found[name].send(page, "/sign-in", name=name, password=PASSWORD)
            assert page.status == 200, page.source
        yield found
    await embedded.stop()
