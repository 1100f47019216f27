"""`daytrader watch`: an account as it changes, on the command line."""

import json
import shlex
import threading
import urllib.request
from collections.abc import Iterator

import pytest
from click.testing import CliRunner

from daytrader.cli.main import main
from daytrader.cli.watch import events
from tests.e2e.installation import Installation, running


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """A running embedded installation, in which a quote is 5.00."""
    with running(tmp_path_factory.mktemp("installation")) as one:
        yield one


def run(line: str, url: str) -> str:
    """Return what `daytrader` prints with what stands in `line`."""
    result = CliRunner(env={"DAYTRADER_URL": url}).invoke(main, shlex.split(line))
    assert result.exit_code == 0, result.output
    return result.output


def test_an_account_is_watched(installation: Installation) -> None:
    """First the account as it is; with --json as the event says it."""
    url = installation.url
    assert "does not exist yet" in run("watch bob --count 1", url)
    run("deposit 500.00 --user bob", url)
    assert "500.00" in run("watch bob --count 1", url)
    told = json.loads(run("watch bob --count 1 --json", url))
    assert told["account"]["cash_cents"] == 50_000


def test_what_happens_is_shown(installation: Installation) -> None:
    """Each command in a sentence, then the account."""
    url = installation.url
    run("deposit 100.00 --user joe", url)

    def deposit() -> None:
        document = json.dumps({"amount_cents": 4_200}).encode()
        asked = urllib.request.Request(  # noqa: S310  the loopback
            f"{url}/api/v1/accounts/joe/deposits", document, {"Content-Type": "application/json"}
        )
        urllib.request.urlopen(asked, timeout=30).close()  # noqa: S310

    later = threading.Timer(2, deposit)
    later.start()
    shown = run("watch joe --count 2", url)
    later.join()
    assert "ADD 42.00: accepted" in shown
    assert "142.00" in shown


def test_the_address_has_to_be_right() -> None:
    """Where nothing listens, that is said, and the status is 1."""
    result = CliRunner().invoke(main, ["watch", "bob", "--url", "http://127.0.0.1:9"])
    assert result.exit_code == 1
    assert "nothing answers at http://127.0.0.1:9" in result.output


def test_events_are_read_as_they_stand_in_a_stream() -> None:
    """Heartbeats carry an id and no data; data of many lines is one text."""
    stream = b"retry: 1000\n\nid: 1-2\nevent: update\ndata: a\ndata: b\n\n: still here\nid: 1-3\n\n"
    assert list(events(stream.splitlines(keepends=True))) == [("", ""), ("1-2", "a\nb"), ("1-3", "")]
