"""The trading commands against a running embedded installation, and against servers that answer as they should not."""

import asyncio
import json
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from lxml import etree

from daytrader.cli import client
from daytrader.cli.main import main
from tests.e2e.installation import Installation, running
from tests.workload.servers import Asked, Cut, ScriptedServer, response


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """A running embedded installation, in which a quote is 5.00."""
    with running(tmp_path_factory.mktemp("installation")) as one:
        yield one


def run(line: str, url: str, user: str = "bob") -> Result:
    """Run `daytrader` with what stands in `line`, for a user of the system at `url`."""
    return CliRunner(env={"DAYTRADER_URL": url, "DAYTRADER_USER": user}).invoke(main, shlex.split(line))


def said(line: str, url: str, user: str = "bob") -> str:
    """Return what a command prints that is accepted."""
    result = run(line, url, user)
    assert result.exit_code == 0, result.output
    return result.output.strip()


def refused(line: str, url: str, user: str = "bob") -> str:
    """Return what a command prints that is not accepted: a sentence, and the status 1."""
    result = run(line, url, user)
    assert result.exit_code == 1, result.output
    assert result.output.startswith("Error: ")
    return result.output.strip()[7:]


def test_a_trade(installation: Installation) -> None:
    """Deposit, quote, buy, commit, sell: each says in words what came of it, and the account shows it."""
    url = installation.url
    assert refused("account", url) == "User does not exist"
    assert said("deposit 500.00", url) == "500.00 deposited"
    assert said("quote DOG", url) == "5.00"
    assert (
        said("buy DOG 101.00", url)
        == "20 shares of DOG at 5.00, 100.00 in all: `daytrader commit-buy` within 60 s does it"
    )
    assert "20 DOG at 5.00, 100.00 in all" in said("account", url)
    assert said("commit-buy", url) == "bought"
    assert refused("cancel-buy", url) == "The specified stack is empty"
    assert said("sell DOG 25.00", url).startswith("5 shares of DOG at 5.00, 25.00 in all")
    assert said("commit-sell", url) == "sold"
    assert said("buy DOG 10.00", url)
    assert said("cancel-buy", url) == "cancelled"
    assert said("sell DOG 10.00", url)
    assert said("cancel-sell", url) == "cancelled"
    shown = said("account", url)
    assert "425.00" in shown
    assert "15 shares" in shown
    assert refused("buy DOG 1000.00", url) == "Insufficient funds"
    past = said("history", url)
    assert "CANCEL_SELL" in past
    assert "Insufficient funds" in past


def test_triggers(installation: Installation) -> None:
    """A trigger is made, armed, shown and removed, on either side."""
    url, user = installation.url, "amy"
    said("deposit 500.00", url, user)
    said("buy DOG 100.00", url, user)
    said("commit-buy", url, user)
    assert said("trigger buy amount CAT 50.00", url, user) == "amount of the buy trigger on CAT: 50.00"
    assert said("trigger buy price CAT 4.00", url, user) == "price of the buy trigger on CAT: 4.00"
    assert said("trigger sell amount DOG 60.00", url, user) == "amount of the sell trigger on DOG: 60.00"
    shown = said("account", url, user)
    assert "CAT for 50.00, at 4.00" in shown
    assert "DOG for 60.00, not armed" in shown
    assert said("trigger sell price DOG 6.00", url, user)
    assert said("trigger buy cancel CAT", url, user) == "cancelled"
    assert said("trigger sell cancel DOG", url, user) == "cancelled"
    assert refused("trigger buy price CAT 4.00", url, user) == (
        "Either the trigger doesn't exist or the specified price is too high"
    )


def test_json(installation: Installation) -> None:
    """With --json the API's own words are printed, a problem included, and the status still tells which it is."""
    url, user = installation.url, "joe"
    assert json.loads(said("deposit 5.00 --json --key mine", url, user)) == {"request_id": "k:mine"}
    assert said("deposit 5.00 --key mine", url, user) == "5.00 deposited"
    assert json.loads(said("account --json", url, user))["cash_cents"] == 500
    result = run("commit-buy --json", url, user)
    assert (result.exit_code, json.loads(result.output)["code"]) == (1, "nothing-pending")
    other = run("deposit 6.00 --json --key mine", url, user)
    assert (other.exit_code, json.loads(other.output)["code"]) == (1, "idempotency-key-reused")


def test_logs(installation: Installation, tmp_path: Path) -> None:
    """A user's log and everybody's, to standard output or into a file."""
    url = installation.url
    for user in ("ann", "eve"):
        said("deposit 5.00", url, user)
    own = etree.fromstring(run("log", url, "ann").stdout_bytes)
    assert {name.text for name in own.iterfind("userCommand/username")} == {"ann"}
    file = tmp_path / "log.xml"
    assert said(f"log --all -o {file}", url, "") == ""
    assert {"ann", "eve"} <= {name.text for name in etree.parse(file).getroot().iterfind("userCommand/username")}
    assert run("log", url, "").exit_code == 2
    assert refused("log", url, "nobody") == "User does not exist"


@pytest.mark.parametrize(
    ("line", "url", "status", "words"),
    [
        ("quote DOG", "http://127.0.0.1:1", 1, "nothing answers at http://127.0.0.1:1"),
        ("quote DOG", "nowhere", 2, "'nowhere' is no HTTP address"),
        ("deposit 5", "http://127.0.0.1:1", 2, "'5' is not dollars with two decimals, as in 5.00"),
        ("quote DOG --ca /dev/null", "https://127.0.0.1:1", 1, "/dev/null is no file of CA certificates"),
    ],
)
def test_what_cannot_be_is_one_sentence(line: str, url: str, status: int, words: str) -> None:
    """A wrong address, amount or CA is told in words."""
    result = run(line, url)
    assert result.exit_code == status
    assert words in result.output
    assert "Traceback" not in result.output


async def in_front_of(script: list[bytes], line: str) -> tuple[Result, list[Asked]]:
    """Return the outcome of a command at a server that answers these one after the other, and what it was asked."""
    answers = iter(script)

    async def answer(_: Asked) -> bytes | None:
        return next(answers) or None

    server = ScriptedServer(answer)
    async with server.running():
        result = await asyncio.to_thread(run, line, server.url)
    return result, server.asked


BUSY = response(503, b'{"type":"t","title":"t","status":503,"detail":"Outcome unknown","code":"outcome-unknown"}')
DONE = response(200, b'{"request_id":"k:1"}')


async def test_a_command_is_sent_again_under_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """A part that is down, and a connection that breaks, are tried again, as the same command."""
    monkeypatch.setattr(client, "AGAIN_EVERY", 0.0)
    result, asked = await in_front_of([BUSY, b"", DONE], "commit-buy")
    assert (result.exit_code, result.output) == (0, "bought\n")
    assert [one.method for one in asked] == ["POST"] * 3
    assert len({one.key for one in asked}) == 1


async def test_an_unknown_outcome_tells_how_to_find_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody knows is said, with the key under which the command can be given again."""
    monkeypatch.setattr(client, "LIMIT", -1.0)
    for last in (BUSY, b""):
        result, asked = await in_front_of([last], "commit-buy")
        assert result.exit_code == 1
        assert f"give the same command again with --key {asked[0].key}" in result.output


async def test_a_web_service_that_dies_on_the_way_leaves_the_outcome_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sent once and then refused is not the same as never sent: the key is told, lest a deposit be made twice."""
    monkeypatch.setattr(client, "AGAIN_EVERY", 0.4)
    monkeypatch.setattr(client, "LIMIT", 0.2)
    server = ScriptedServer(_no_answer)
    async with server.running():
        doing = asyncio.create_task(asyncio.to_thread(run, "deposit 5.00", server.url))
        while not server.asked:  # noqa: ASYNC110  the server tells nobody
            await asyncio.sleep(0.001)
    result = await doing
    assert result.exit_code == 1
    assert f"give the same command again with --key {server.asked[0].key}" in result.output


async def _no_answer(_: Asked) -> bytes | None:
    return None


@pytest.mark.parametrize("answer", [response(200, b"<html>"), response(200, b"{}"), response(502, b"Bad Gateway")])
async def test_another_server_is_found_out(answer: bytes) -> None:
    """What answers but is no trading system is told in a sentence."""
    result, _ = await in_front_of([answer], "quote DOG")
    assert result.exit_code == 1
    assert "answers" in result.output
    assert "Traceback" not in result.output


async def test_a_log_that_breaks_off_is_not_taken_for_one(tmp_path: Path) -> None:
    """A log without its end is an error."""
    cut = Cut(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n<log>\r\n")
    result, _ = await in_front_of([cut], f"log -o {tmp_path / 'log.xml'}")
    assert result.exit_code == 1
    assert "the log broke off, and is not whole" in result.output
