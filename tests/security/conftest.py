"""A whole installation in required mode, with a caller of each kind, and what it has stored."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from daytrader.auth.sqlite import FILE
from daytrader.local.embedded import Embedded
from daytrader.local.first_credentials import FirstCredentials
from daytrader.local.mock_quotes import MockQuotes
from daytrader.local.ports import free_port
from daytrader.web.app import WebApp
from tests.security.asking import ask, request_of
from tests.security.callers import ALICE, BOB, Callers, Visiting, Who, callers_in
from tests.security.pages import Page
from tests.security.table import Row
from tests.web.client import Answer


class Kept:
    """A running embedded installation in required mode."""

    def __init__(self, port: int, directory: Path, callers: Callers, app: WebApp) -> None:
        self.port = port
        self._directory = directory
        self.tokens = callers.tokens
        self._sessions = callers.sessions
        self.csrf = callers.csrf
        self.app = app

    async def ask(self, row: Row, who: Who, *headers: str) -> Answer:
        """Ask for what `row` tells of, with the token of `who`."""
        shown = [f"Authorization: Bearer {self.tokens[who]}"] if who != "nobody" else []
        return await ask(self.port, request_of(row, *shown, *headers), ends=row.ends)

    async def visit(self, page: Page, who: Visiting, *headers: str, csrf: str = "") -> Answer:
        """Ask for `page` as a browser does that has the session of `who`; its form carries `csrf`."""
        shown = [f"Cookie: daytrader_session={self._sessions[who]}"] if who != "nobody" else []
        return await ask(self.port, page.request(csrf, *shown, *headers), ends=page.ends)

    async def accounts(self) -> list[bytes]:
        """Return what the accounts of Alice and Bob are; each look stands in the log."""
        rows = [Row("GET", f"/api/v1/accounts/{user}", {}, "") for user in (ALICE, BOB)]
        return [(await self.ask(row, "admin")).body for row in rows]

    def stored(self) -> dict[str, list[tuple[object, ...]]]:
        """Return all entries of the journal, out of which accounts and logs are made, all identities and all tokens."""
        found: dict[str, list[tuple[object, ...]]] = {}
        for file, tables in (("journal.db", ("entries",)), (FILE, ("identities", "tokens"))):
            with closing(sqlite3.connect(self._directory / file)) as connection:
                for table in tables:
                    found[table] = connection.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall()  # noqa: S608
        return found


@pytest.fixture
async def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Kept]:
    """A running installation; each quote is 5.00, and triggers are evaluated once an hour. Alice and Bob are rich."""
    port = free_port()
    settings = {"DAYTRADER_TRIGGERS_INTERVAL_MS": "3600000", **FirstCredentials.kept(tmp_path).settings}
    made: list[WebApp] = []

    class Noted(WebApp):
        def __init__(self, *parts: Any, **settings: Any) -> None:
            super().__init__(*parts, **settings)
            made.append(self)

    monkeypatch.setattr("daytrader.local.embedded.WebApp", Noted)
    embedded = Embedded(tmp_path, port, MockQuotes(), settings)
    await embedded.start()
    try:
        kept = Kept(port, tmp_path, await callers_in(tmp_path), made[0])
        for user in (ALICE, BOB):
            deposit = Row("POST", f"/command/ADD?userid={user}&amount=100000.00", {}, "")
            assert (await kept.ask(deposit, "broker")).status == 200
        yield kept
    finally:
        await embedded.stop()
