"""Verifying a run in a log that tells of more than the run: earlier ones, and other clients."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from aiohttp import web

from daytrader.workload.verify import before as module
from daytrader.workload.verify.asking import AskingError
from daytrader.workload.verify.before import LogTooLargeError, numbers_before
from daytrader.workload.verify.findings import Findings
from daytrader.workload.verify.numbers import NumberSet
from daytrader.workload.verify.replay import Replay
from daytrader.workload.verify.verification import verify_log
from tests.workload.made_log import log_lines, write_records
from tests.workload.tampering import found
from tests.workload.test_verify_acknowledged import Client, client


def held(made: Client) -> NumberSet:
    """The numbers that the log of the desk holds now."""
    numbers = NumberSet()
    for line in log_lines(made.desk.records):
        for number in re.findall("<transactionNum>([0-9]+)<", line):
            numbers.add(int(number))
    return numbers


def verify(made: Client, numbers: NumberSet, tmp_path: Path) -> tuple[Replay, Findings]:
    """Verify the log with what the client kept since `numbers` was taken."""
    path = tmp_path / "history.jsonl"
    path.write_bytes(b"".join(msgspec.json.encode(sent) + b"\n" for sent in made.history))
    return verify_log(write_records(tmp_path / "log.xml", made.desk), histories=[path], before=numbers)


def second_run() -> tuple[Client, NumberSet]:
    """A client whose users have traded before, and who has just begun a new history."""
    made = client()
    numbers = held(made)
    made.history.clear()
    return made, numbers


def test_an_earlier_run_of_the_same_users_is_no_violation(tmp_path: Path) -> None:
    """Only what came after the numbers is matched with the history; the rules are checked for all of it."""
    made, numbers = second_run()
    made.run("ADD,anna,5.00", "BUY,anna,A,10.00", "COMMIT_BUY,anna", "ADD,!!,1.00")
    replay, findings = verify(made, numbers, tmp_path)
    assert findings.named == []
    assert findings.checked["commands of the history found in the log"] == 4
    assert {"anna", "bert"} <= replay.users.keys()


@pytest.mark.parametrize(("line", "name"), [("ADD,anna,100.00", "ADD"), ("COMMIT_BUY,anna", "COMMIT_BUY")])
def test_a_command_that_is_lost_is_found_although_an_earlier_run_had_the_same(
    tmp_path: Path, line: str, name: str
) -> None:
    """The earlier run's command does not stand in for the lost one."""
    made, numbers = second_run()
    made.keep(line, 200, None)
    found(verify(made, numbers, tmp_path)[1], "history", name, "acknowledged, but is not in the log")


def test_a_command_that_took_effect_twice_is_found(tmp_path: Path) -> None:
    """It is one of this run's users, and nobody sent it a second time."""
    made, numbers = second_run()
    made.run("ADD,anna,5.00")
    made.decide("ADD,anna,5.00")
    found(verify(made, numbers, tmp_path)[1], "history", "ADD of anna")


def test_other_clients_may_trade_meanwhile(tmp_path: Path) -> None:
    """Their commands are checked under the rules; their balances, which go on changing, are not compared."""
    made, numbers = second_run()
    made.run("ADD,anna,5.00")
    for line in ("ADD,carl,7.00", "ADD,??,1.00", "DUMPLOG,./theirs"):
        made.decide(line)
    replay, findings = verify(made, numbers, tmp_path)
    assert findings.named == []
    assert "carl" not in replay.users
    assert findings.checked["commands of others or of before"] > 3


class Served:
    """Answers DUMPLOG with scripted bodies, in chunks of a few bytes."""

    def __init__(self, *bodies: str, status: int = 200) -> None:
        self._bodies = list(bodies)
        self._status = status
        self.asked = 0

    async def _dump(self, request: web.Request) -> web.StreamResponse:
        self.asked += 1
        body = self._bodies.pop(0) if len(self._bodies) > 1 else self._bodies[0]
        answer = web.StreamResponse(status=self._status)
        await answer.prepare(request)
        for start in range(0, len(body), 7):
            await answer.write(body[start : start + 7].encode())
        await answer.write_eof()
        return answer

    @asynccontextmanager
    async def up(self) -> AsyncIterator[str]:
        """Serve on a free port; give the URL."""
        application = web.Application()
        application.router.add_post("/command/DUMPLOG", self._dump)
        runner = web.AppRunner(application)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PAUSE", 0.0)


def log(*numbers: int) -> str:
    """A log with these numbers."""
    events = "".join(f"<userCommand><transactionNum>{number}</transactionNum></userCommand>\n" for number in numbers)
    return f"<?xml version='1.0'?>\n<log>\n{events}</log>\n"


async def test_every_number_of_the_log_is_read_however_it_comes() -> None:
    """Numbers that are cut by the borders of chunks are read whole."""
    numbers = [*range(16, 400, 5), 123_456_789]
    async with Served(log(*numbers)).up() as url:
        held_now = await numbers_before(url)
    assert all(number in held_now for number in numbers)
    assert not any(number in held_now for number in (1, 2, 17, 123_456, 123_456_788))


async def test_an_empty_log_holds_nothing() -> None:
    """A new installation has a log without events."""
    async with Served(log()).up() as url:
        assert 1 not in await numbers_before(url)


async def test_a_log_that_breaks_off_is_asked_for_again() -> None:
    """Half a log would take half of an earlier run for this one."""
    served = Served(log(*range(50))[:-20], log(16, 17))
    async with served.up() as url:
        assert 17 in await numbers_before(url)
    assert served.asked == 2


async def test_a_log_that_is_too_large_is_not_read_to_its_end() -> None:
    """Whoever asked leaves the verification out."""
    async with Served(log(*range(500))).up() as url:
        with pytest.raises(LogTooLargeError, match="the log has more than 0 MiB already"):
            await numbers_before(url, most=1000)


async def test_a_system_that_answers_no_dump_is_named_with_what_it_says() -> None:
    """After ten tries."""
    served = Served("no log today", status=503)
    async with served.up() as url:
        with pytest.raises(AskingError, match="DUMPLOG: answered 503 no log today"):
            await numbers_before(url)
    assert served.asked == 10
