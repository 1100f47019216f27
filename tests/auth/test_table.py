"""Every command by everybody, in a whole installation: the status as in the table, nothing changed by a refusal."""

import asyncio
import sqlite3
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

import msgspec
import pytest
from lxml import etree

from daytrader.auth.identity import Identity
from daytrader.auth.sqlite import FILE, SqliteAuthStore
from daytrader.auth.token import Token, new_text, stored, stored_for
from daytrader.domain.command import COMMAND_NAMES
from tests.e2e.installation import running

DOG: Final = {"userid": "alice", "stockSymbol": "DOG"}
ALICE: Final = {"userid": "alice"}

Form = tuple[str, dict[str, str]]

FORMS: Final[dict[str, tuple[Form, list[Form]]]] = {
    "ADD": (("ADD", {**ALICE, "amount": "10.00"}), []),
    "QUOTE": (("QUOTE", DOG), []),
    "BUY": (("BUY", {**DOG, "amount": "10.00"}), []),
    "COMMIT_BUY": (("COMMIT_BUY", ALICE), [("BUY", {**DOG, "amount": "10.00"})]),
    "CANCEL_BUY": (("CANCEL_BUY", ALICE), [("BUY", {**DOG, "amount": "10.00"})]),
    "SELL": (("SELL", {**DOG, "amount": "10.00"}), []),
    "COMMIT_SELL": (("COMMIT_SELL", ALICE), [("SELL", {**DOG, "amount": "10.00"})]),
    "CANCEL_SELL": (("CANCEL_SELL", ALICE), [("SELL", {**DOG, "amount": "10.00"})]),
    "SET_BUY_AMOUNT": (("SET_BUY_AMOUNT", {**DOG, "amount": "10.00"}), []),
    "SET_BUY_TRIGGER": (
        ("SET_BUY_TRIGGER", {**DOG, "amount": "1.00"}),
        [("SET_BUY_AMOUNT", {**DOG, "amount": "10.00"})],
    ),
    "CANCEL_SET_BUY": (("CANCEL_SET_BUY", DOG), [("SET_BUY_AMOUNT", {**DOG, "amount": "10.00"})]),
    "SET_SELL_AMOUNT": (("SET_SELL_AMOUNT", {**DOG, "amount": "20.00"}), []),
    "SET_SELL_TRIGGER": (
        ("SET_SELL_TRIGGER", {**DOG, "amount": "9.00"}),
        [("SET_SELL_AMOUNT", {**DOG, "amount": "20.00"})],
    ),
    "CANCEL_SET_SELL": (("CANCEL_SET_SELL", DOG), [("SET_SELL_AMOUNT", {**DOG, "amount": "20.00"})]),
    "DUMPLOG of a user": (("DUMPLOG", {**ALICE, "filename": "x"}), []),
    "DUMPLOG": (("DUMPLOG", {"filename": "x"}), []),
    "DISPLAY_SUMMARY": (("DISPLAY_SUMMARY", ALICE), []),
}
"""Each command of alice, and what a broker has to send before, so that it is accepted."""

OF_ALICE: Final = {
    "nobody": 401,
    "alice": 200,
    "bob": 403,
    "a broker": 200,
    "an admin": 200,
    "an expired token": 401,
    "a revoked token": 401,
    "a removed identity": 401,
    "garbage": 401,
    "another scheme": 401,
}
OF_EVERYBODY: Final = {**OF_ALICE, "alice": 403, "a broker": 403}

TABLE: Final = [
    (what, who, status) for what in FORMS for who, status in (OF_EVERYBODY if what == "DUMPLOG" else OF_ALICE).items()
]


class Installation:
    """A running installation, what everybody shows, and what it keeps."""

    def __init__(self, url: str, directory: Path, shown: dict[str, str]) -> None:
        self._address = url.removeprefix("http://")
        self._journal = directory / "journal.db"
        self._shown = shown

    def send(self, who: str, form: Form) -> tuple[int, bytes]:
        """Send a command as `who`; return status and body."""
        name, fields = form
        headers = {"Authorization": self._shown[who]} if who in self._shown else {}
        connection = HTTPConnection(self._address, timeout=30)
        try:
            connection.request("POST", f"/command/{name}?{urlencode(fields)}", headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def journal(self) -> list[tuple[object, ...]]:
        """Return every entry of the journal."""
        connection = sqlite3.connect(self._journal)
        try:
            return connection.execute("SELECT * FROM entries").fetchall()
        finally:
            connection.close()

    def told(self) -> tuple[list[str], dict[str, object]]:
        """Return the log of all users without our own looks at it, and alice's account."""
        status, log = self.send("an admin", ("DUMPLOG", {"filename": "look"}))
        assert status == 200
        events = [
            etree.tostring(event).decode()
            for event in etree.fromstring(log)
            if event.findtext("command") not in {"DUMPLOG", "DISPLAY_SUMMARY"}
        ]
        status, body = self.send("an admin", ("DISPLAY_SUMMARY", ALICE))
        assert status == 200
        account = msgspec.json.decode(body, type=dict[str, object])
        account.pop("history")
        return events, account


async def _stored(path: Path) -> dict[str, str]:
    """Make identities and tokens of all kinds, and return the headers that show them."""
    store = SqliteAuthStore(path)
    await store.open()
    texts = {who: new_text() for who in OF_ALICE}
    people = {
        who: Identity(name=name, role="trader", password="", created=1, changed=1)
        for who, name in (("alice", "alice"), ("bob", "bob"), ("a removed identity", "carol"))
    }
    tokens: dict[str, Token] = {who: stored_for(one, texts[who], "laptop", now=2) for who, one in people.items()}
    tokens["a broker"] = stored(texts["a broker"], "load", "broker", now=2)
    tokens["an admin"] = stored(texts["an admin"], "ops", "admin", now=2)
    tokens["an expired token"] = stored(texts["an expired token"], "old", "admin", now=2, expires=3)
    tokens["a revoked token"] = stored(texts["a revoked token"], "lost", "admin", now=2)
    for one in people.values():
        await store.add(one)
    for token in tokens.values():
        await store.add_token(token)
    await store.remove("carol", 4)
    await store.revoke(tokens["a revoked token"].id, 4)
    await store.close()
    shown = {who: f"Bearer {texts[who]}" for who in tokens}
    return {**shown, "garbage": "Bearer \xff;-- {}", "another scheme": f"Basic {texts['an admin']}"}


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An embedded installation in which alice has money and shares."""
    directory = tmp_path_factory.mktemp("table")
    with running(directory, "--auth", "required") as started:
        embedded = directory / "data" / "embedded"
        found = Installation(started.url, embedded, asyncio.run(_stored(embedded / FILE)))
        for form in (
            ("ADD", {**ALICE, "amount": "100000.00"}),
            ("BUY", {**DOG, "amount": "50000.00"}),
            ("COMMIT_BUY", ALICE),
        ):
            assert found.send("a broker", form)[0] == 200
        yield found


def test_the_table_has_every_command() -> None:
    """DUMPLOG twice: of a user and of all."""
    assert {form[0] for form, _ in FORMS.values()} == set(COMMAND_NAMES)
    assert len(FORMS) == 17


@pytest.mark.xdist_group("table")
@pytest.mark.parametrize(("what", "who", "status"), TABLE)
def test_the_table(installation: Installation, what: str, who: str, status: int) -> None:
    """The status is the one in the table; a refused command leaves journal, log and account as they were."""
    form, before = FORMS[what]
    for each in before:
        assert installation.send("a broker", each)[0] == 200
    told = installation.told() if status != 200 else None
    journal = installation.journal()
    answered, body = installation.send(who, form)
    assert answered == status, body
    if told is not None:
        assert installation.journal() == journal
        assert installation.told() == told
