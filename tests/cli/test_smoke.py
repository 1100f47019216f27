"""`daytrader smoke` against a whole installation, and against systems that do not trade as they should."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from daytrader.cli.smoke import smoke
from daytrader.workload import smoke as trading
from daytrader.workload.smoke import Smoke, SmokeError
from tests.e2e.installation import running
from tests.workload.servers import EMPTY, Asked, Script, ScriptedServer, response

SUMMARY = (
    b'{"cents":500000,"investments":[{"stock":"DOG","amount":1000}],"triggers":[],"reserved_cents":0,'
    b'"pending_buys":[],"pending_sells":[]}'
)


def answering(log: bytes = b"<log></log>", summary: bytes = SUMMARY, **others: bytes) -> Script:
    """A system that accepts everything, shows `summary` and dumps `log`; `others` are answers by command."""

    async def script(asked: Asked) -> bytes:
        answers = {"DISPLAY_SUMMARY": response(200, summary), "DUMPLOG": response(200, log), **others}
        return answers.get(asked.command, EMPTY)

    return script


async def complaint(script: Script) -> str:
    """What a trade with a system that answers so is ended with."""
    async with ScriptedServer(script).running() as server:
        with pytest.raises(SmokeError) as raised:
            await Smoke(server.url, None, lambda _: None).run()
    return str(raised.value)


def test_a_trade_with_a_whole_system(tmp_path: Path) -> None:
    """Every step is said with its time, the log leads to the balance that was shown, and the status is 0."""
    with running(tmp_path) as installation:
        done = CliRunner().invoke(smoke, ["--url", installation.url])
    assert done.exit_code == 0, done.output
    steps = [line.partition(":")[0] for line in done.output.splitlines()]
    assert steps[:-1] == ["ADD", "QUOTE", "BUY", "COMMIT_BUY", "DISPLAY_SUMMARY", "DUMPLOG"]
    assert "the balance follows from it" in done.output


async def test_a_refusal_is_told_with_its_text() -> None:
    """A command that is answered 400 is not sent again."""
    says = await complaint(answering(BUY=response(400, b"Insufficient funds")))
    assert says.startswith("BUY at http://127.0.0.1:")
    assert says.endswith("was answered 400: Insufficient funds")


async def test_a_busy_system_is_asked_again_with_the_same_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is answered 503 is sent again, as the same command."""
    monkeypatch.setattr(trading, "AGAIN_EVERY", 0.0)
    ready = answering()

    async def script(asked: Asked) -> bytes | None:
        return response(503, b"not yet") if len(server.asked) < 3 else await ready(asked)

    server = ScriptedServer(script)
    async with server.running():
        with pytest.raises(SmokeError, match="the log tells of"):
            await Smoke(server.url, None, lambda _: None).run()
    assert [asked.command for asked in server.asked[:4]] == ["ADD", "ADD", "ADD", "QUOTE"]
    assert len({asked.key for asked in server.asked}) == 6


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (answering(summary=b"{}"), "the summary is none"),
        (answering(summary=SUMMARY.replace(b'{"stock":"DOG","amount":1000}', b"")), "no share of DOG"),
        (answering(log=b"<log><userCommand/></log>"), "the log is wrong"),
        (answering(log=b"<log>"), "the log is wrong"),
        (answering(log=b"<log></log>"), "the log tells of []; what was accepted is ['ADD', 'QUOTE', 'BUY'"),
    ],
)
async def test_what_is_wrong_is_said(script: Script, words: str) -> None:
    """A summary without the shares, a log that is not valid, or one that does not tell of the commands."""
    assert words in await complaint(script)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--url", "nowhere"], "'nowhere' is no URL of a web service"),
        (["--url", "http://127.0.0.1:1", "--ca", "/dev/null"], "/dev/null is no file of CA certificates"),
    ],
)
def test_what_cannot_be_is_one_sentence(options: list[str], words: str) -> None:
    """A wrong URL or CA file ends with one sentence and the status 1."""
    done = CliRunner().invoke(smoke, options)
    assert done.exit_code == 1
    assert words in done.output
    assert "Traceback" not in done.output
