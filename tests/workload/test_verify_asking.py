"""`verify --url`: comparing with the balances of a system that runs."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from daytrader.audit.events import CLOSING, OPENING
from daytrader.workload.verify.asking import Asking, AskingError
from daytrader.workload.verify.findings import Findings
from daytrader.workload.verify.verification import verify_log
from tests.domain.desk import Desk
from tests.workload.made_log import log_lines, write_records
from tests.workload.tampering import found, traded


class Served:
    """A desk behind HTTP: it answers DISPLAY_SUMMARY and the DUMPLOG of one user, and logs both."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.asked: list[str] = []
        self.busy = 0
        """So many questions are answered 503 first."""
        self.answer: web.Response | None = None
        """What is answered instead of the truth."""
        self.before: Callable[[], None] = lambda: None
        """Happens before each answer."""

    async def serve(self, request: web.Request) -> web.Response:
        """Answer a command."""
        name, user = request.match_info["name"], request.query["userid"]
        self.asked.append(f"{name} {user}")
        if self.busy:
            self.busy -= 1
            return web.Response(status=503, text="Too much at once")
        self.before()
        if self.answer is not None:
            return self.answer
        status, body = self.desk.run("DUMPLOG" if name == "DUMPLOG" else "DISPLAY_SUMMARY", user, filename="f")
        if name == "DUMPLOG" and status == 200:
            lines = [line for line in log_lines(self.desk.records) if f"<username>{user}<" in line]
            body = OPENING + "\n".join(lines) + CLOSING
        return web.Response(status=status, text=body)

    @asynccontextmanager
    async def up(self) -> AsyncIterator[str]:
        """Serve on a free port; give the URL."""
        application = web.Application()
        application.router.add_get("/command/{name}", self.serve)
        runner = web.AppRunner(application)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()


async def compared(tmp_path: Path, served: Served, log: Desk | None = None) -> Findings:
    """Verify the log of `log` (the served desk as it is now, where none is given); compare it with what is served."""
    replay, findings = verify_log(write_records(tmp_path / "log.xml", log or served.desk))
    assert findings.clean
    async with served.up() as url:
        told: list[None] = []
        await Asking(url, replay, findings).compare(lambda: told.append(None))
        assert len(told) == sum(user.account is not None for user in replay.users.values())
    return findings


async def test_equal_balances_pass(tmp_path: Path) -> None:
    """Every user is asked for once, and no log is asked for."""
    served = Served(traded())
    findings = await compared(tmp_path, served)
    assert findings.clean, findings.named
    assert findings.checked["balances compared"] == 3
    assert sorted(served.asked) == ["DISPLAY_SUMMARY anna", "DISPLAY_SUMMARY bert", "DISPLAY_SUMMARY cleo"]


async def test_a_trigger_that_fired_since_is_no_difference(tmp_path: Path) -> None:
    """Where a balance differs, the user's log of now is replayed up to the question, and explains it."""
    desk = Desk()
    for user in ("anna", "bert"):
        desk.play("ADD 100.00; SET_BUY_AMOUNT A 20.01; SET_BUY_TRIGGER A 5.00", user)
    served = Served(desk)
    served.before = desk.evaluate_triggers
    findings = await compared(tmp_path, served)
    assert findings.clean, findings.named
    assert findings.checked["users looked at again"] == 2
    assert findings.checked["balances compared"] == 2


async def test_what_the_systems_own_log_does_not_explain_is_found(tmp_path: Path) -> None:
    """A balance that no record leads to is a violation."""
    served = Served(traded())

    def enrich() -> None:
        account = served.desk.accounts["anna"]
        served.desk.accounts["anna"] = type(account)(account.cents + 1, account.holdings)
        served.before = lambda: None

    served.before = enrich
    findings = await compared(tmp_path, served)
    found(findings, "balance", "anna has cash")


async def test_a_log_that_is_not_the_systems_is_found(tmp_path: Path) -> None:
    """The system's log of the user must lead over the account that the verified log ends with."""
    desk, other = Desk(), Desk()
    other.play("ADD 100.00; ADD 5.00; QUOTE A")
    desk.play("ADD 100.00; ADD 6.00; QUOTE A")
    findings = await compared(tmp_path, Served(desk), log=other)
    found(findings, "balance", "leads elsewhere")


async def test_a_busy_system_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """503 and 429 are no answer: the question is put again a little later."""
    monkeypatch.setattr("daytrader.workload.verify.asking._PAUSE", 0.0)
    served = Served(traded())
    served.busy = 5
    assert (await compared(tmp_path, served)).clean


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (web.Response(status=500, text="oh"), "DISPLAY_SUMMARY of u: answered 500 oh"),
        (web.Response(status=400, text="User does not exist"), "DISPLAY_SUMMARY of u: answered 400 User does not"),
        (web.Response(text="{}"), "the summary of u is none"),
        (web.Response(text="<html>"), "the summary of u is none"),
    ],
    ids=["500", "400", "other JSON", "HTML"],
)
async def test_a_system_that_does_not_answer_as_it_should_is_an_error(
    tmp_path: Path, answer: web.Response, words: str
) -> None:
    """Another answer than a summary ends the comparison with what was answered."""
    desk = Desk()
    desk.play("ADD 1.00")
    served = Served(desk)
    served.answer = answer
    with pytest.raises(AskingError, match=words):
        await compared(tmp_path, served)


async def test_nobody_at_the_address_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After several tries the address is named."""
    monkeypatch.setattr("daytrader.workload.verify.asking._PAUSE", 0.0)
    replay, findings = verify_log(write_records(tmp_path / "log.xml", traded()))
    async with Served(Desk()).up() as url:
        pass
    with pytest.raises(AskingError, match=url):
        await Asking(url, replay, findings).compare(lambda: None)
