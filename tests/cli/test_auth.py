"""`daytrader identity` and `daytrader token`, against the stores of both modes."""

import asyncio
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from daytrader.auth.mongodb import MongoAuthStore
from daytrader.auth.password import Passwords
from daytrader.auth.port import AuthStore
from daytrader.auth.role import Caller
from daytrader.auth.sqlite import FILE, SqliteAuthStore
from daytrader.auth.token import caller, id_of
from daytrader.cli.main import main
from tests.journal.stores import own_database


class Installation:
    """An installation to which commands are given, and its store."""

    def __init__(self, options: list[str], store: AuthStore) -> None:
        self._options = options
        self.store = store

    def do(self, *arguments: str, says: str | None = None) -> Result:
        """Run a command; `says` is its standard input."""
        return CliRunner().invoke(main, [*arguments, *self._options], input=says)


@pytest.fixture(params=["sqlite", "mongodb"])
def installation(request: pytest.FixtureRequest, tmp_path: Path) -> Installation:
    """An installation of either mode."""
    if request.param == "sqlite":
        (tmp_path / "embedded").mkdir()
        return Installation(["--data", str(tmp_path)], SqliteAuthStore(tmp_path / "embedded" / FILE))
    uri = own_database(request.getfixturevalue("mongo_set"))
    return Installation(["--data-uri", uri], MongoAuthStore(uri))


def test_an_identity_from_its_beginning_to_its_end(installation: Installation) -> None:
    """It is added with a password, which is changed; it is removed; its name stays taken until it is brought back."""
    add = ("identity", "add", "bob", "--password-file", "-")
    assert installation.do(*add, says="the first one\n").output == "bob is a trader\n"
    again = installation.do(*add, says="the first one\n")
    assert (again.exit_code, "bob is there already, or was" in again.output) == (1, True)
    assert installation.do("identity", "passwd", "bob", says="the second\nthe second\n").exit_code == 0

    async def matches(password: str) -> bool:
        bob = await installation.store.identity("bob")
        assert bob is not None
        passwords = Passwords()
        try:
            return await passwords.matches(bob.password, password)
        finally:
            passwords.close()
            await installation.store.close()

    assert asyncio.run(matches("the second"))
    listed = installation.do("identity", "list").output
    assert "bob" in listed
    assert "trader" in listed
    assert installation.do("identity", "remove", "bob").output == "bob is removed\n"
    for late in (("remove", "bob"), ("passwd", "bob", "--password-file", "-")):
        done = installation.do("identity", *late, says="the third one\n")
        assert (done.exit_code, "nobody is named bob" in done.output) == (1, True)
    assert installation.do(*add, says="the first one\n").exit_code == 1
    back = installation.do("identity", "add", "bob", "--role", "admin", "--no-password", "--again")
    assert back.output == "bob is an admin\n"


def test_a_token_from_its_beginning_to_its_end(installation: Installation, tmp_path: Path) -> None:
    """Its text is written for its owner alone, or shown once; it is listed, and revoked by its id."""
    file = tmp_path / "token"
    made = installation.do("token", "create", "load", "--role", "broker", "-o", str(file))
    assert made.exit_code == 0, made.output
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    text = file.read_text().strip()
    assert text not in made.output

    async def shows(text: str) -> Caller | None:
        stored = await installation.store.token(id_of(text))
        assert stored is not None
        identity = await installation.store.identity(stored.identity)
        await installation.store.close()
        return caller(stored, text, identity)

    assert asyncio.run(shows(text)) == Caller("load", "broker")
    listed = installation.do("token", "list").output
    assert id_of(text) in listed
    assert text not in listed
    assert installation.do("token", "revoke", id_of(text)).exit_code == 0
    assert installation.do("token", "revoke", id_of(text)).exit_code == 1
    assert "revoked" in installation.do("token", "list").output


def test_a_token_of_an_identity(installation: Installation) -> None:
    """It is made for somebody who is there, and not for others."""
    create = ("token", "create", "laptop", "--identity", "bob", "--forever")
    nobody = installation.do(*create)
    assert (nobody.exit_code, "nobody is named bob" in nobody.output) == (1, True)
    installation.do("identity", "add", "bob", "--no-password")
    made = installation.do(*create)
    assert made.exit_code == 0
    assert id_of(made.stdout.strip())
    assert "until it is revoked" in made.stderr
    assert "identity bob" in installation.do("token", "list").output
    installation.do("identity", "remove", "bob")
    assert installation.do(*create).exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("identity", "add", "no name!"), "1 to 64 letters and digits"),
        (("identity", "add", "bob", "--password-file", "-"), "at least 8 characters"),
        (("token", "create", "x"), "give either --role or --identity"),
        (("token", "create", "x", "--role", "broker", "--identity", "bob"), "give either --role or --identity"),
        (("token", "create", "x", "--role", "trader"), "'trader' is not one of"),
        (("token", "create", "x" * 65, "--role", "broker"), "1 to 64 printable characters"),
    ],
)
def test_what_cannot_be_made(tmp_path: Path, arguments: tuple[str, ...], says: str) -> None:
    """It is said, and nothing is stored."""
    (tmp_path / "embedded").mkdir()
    done = CliRunner().invoke(main, [*arguments, "--data", str(tmp_path)], input="short\n")
    assert done.exit_code != 0
    assert says in " ".join(done.output.split())
    assert not (tmp_path / "embedded" / FILE).exists()


def test_an_installation_that_there_is_not(tmp_path: Path) -> None:
    """A misspelt directory makes no store that nobody reads."""
    done = CliRunner().invoke(main, ["token", "list", "--data", str(tmp_path / "nowhere")])
    assert (done.exit_code, "there is no embedded installation in" in done.output) == (1, True)
    assert not (tmp_path / "nowhere").exists()
