"""Runs of workload files through the desk."""

import asyncio
from pathlib import Path

import pytest

from daytrader.auth.role import Caller
from daytrader.domain.command import Command
from daytrader.transaction.message import Reply, Request
from daytrader.web.api.desk import Desk
from daytrader.web.dispatch import NO_REPLICA, RequestIds
from daytrader.web.page.workloads.report import NAMED_FAILURES, Report
from daytrader.web.page.workloads.run import TRIES, WorkloadRun
from daytrader.workload.file import Workload
from tests.web.stand_in import Behind

BROKER = Caller("broker", "broker")


class Runner:
    """Runs texts, in front of whatever the test wants to be answered."""

    def __init__(self, behind: Behind, path: Path) -> None:
        self.behind = behind
        self.path = path
        self.dumped: list[Request] = []
        self.dump_answers = Reply(200)

    async def run(self, text: str, caller: Caller | None = BROKER, at_once: int = 128) -> Report:
        """Run a file and return its report."""
        self.path.write_text(text)
        report = Report("day.txt", "broker", 0)
        desk = Desk(self.behind, RequestIds(), partitions=16, clock=lambda: 1_234)
        with Workload.open(self.path) as workload:
            run = WorkloadRun(workload, report, desk, caller, self._dump, at_once=at_once, first_pause=0.0)
            await asyncio.wait_for(run.run(), 20)
        return report

    async def _dump(self, request: Request) -> Reply:
        self.dumped.append(request)
        return self.dump_answers

    def commands(self, user: str) -> list[str]:
        """Return the names of the commands of `user`, in the order in which they came."""
        return [one.name for one in self._all() if one.user == user]

    def _all(self) -> list[Command]:
        return [request.command for request in self.behind.requests if request.command is not None]


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    """A runner."""
    return Runner(Behind(), tmp_path / "day.txt")


def lines(*commands: str) -> str:
    """Return a file of these commands."""
    return "".join(f"[{number}] {command}\n" for number, command in enumerate(commands, 1))


async def test_each_users_commands_go_in_order_and_the_users_side_by_side(runner: Runner) -> None:
    """One command of a user at a time, however slow an answer is."""
    under_way: dict[str, int] = {}
    most = 0

    async def slowly(request: Request) -> None:
        nonlocal most
        user = request.command.user if request.command is not None else ""
        under_way[user] = under_way.get(user, 0) + 1
        assert under_way[user] == 1
        most = max(most, sum(under_way.values()))
        await asyncio.sleep(0.001)
        under_way[user] -= 1

    runner.behind.waits_for = slowly
    names = ("ADD,{},10.00", "QUOTE,{},ABC", "BUY,{},ABC,5.00", "COMMIT_BUY,{}")
    report = await runner.run(lines(*(name.format(f"user{n}") for name in names for n in range(20))))
    assert (report.answered, report.accepted) == (80, 80)
    assert all(runner.commands(f"user{n}") == ["ADD", "QUOTE", "BUY", "COMMIT_BUY"] for n in range(20))
    assert most > 10


async def test_no_more_than_so_many_commands_are_under_way(runner: Runner) -> None:
    """So other clients have their turn."""
    under_way = most = 0

    async def counted(_: Request) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.001)
        under_way -= 1

    runner.behind.waits_for = counted
    await runner.run(lines(*(f"ADD,user{n},10.00" for n in range(50))), at_once=7)
    assert most == 7


async def test_a_log_waits_for_everything_before_it(runner: Runner) -> None:
    """And everything after it for the log."""
    counts: list[int] = []
    runner.dump_answers = Reply(200)
    text = lines("ADD,a,1.00", "ADD,b,1.00", "DUMPLOG,a,out.xml", "ADD,a,1.00")

    async def noted(request: Request) -> None:
        counts.append(len(runner.dumped))
        await asyncio.sleep(0)

    runner.behind.waits_for = noted
    report = await runner.run(text)
    assert counts == [0, 0, 1]
    assert [one.command.name for one in runner.dumped if one.command is not None] == ["DUMPLOG"]
    assert report.counts["DUMPLOG"].accepted == 1


async def test_refusals_are_counted_by_their_text(runner: Runner) -> None:
    """A command with a fault is sent like any other."""

    def strictly(request: Request) -> Reply:
        wrong = request.command is not None and request.command.faults
        return Reply(400, b"Invalid amount") if wrong else Reply(200)

    runner.behind.answer = strictly
    report = await runner.run(lines("ADD,a,ten", "ADD,a,1.00", "ADD,a,"))
    assert (report.accepted, report.refused, report.failed) == (1, 2, 0)
    assert report.refusals == {"Invalid amount": 2}


async def test_what_its_caller_may_not_do_is_refused_and_the_run_goes_on(runner: Runner) -> None:
    """A broker does not get the log of everybody; nobody but a broker runs anything for others."""
    report = await runner.run(lines("ADD,a,1.00", "DUMPLOG,out.xml", "ADD,a,1.00"))
    assert report.refusals == {"This is not yours to see or to do": 1}
    assert report.accepted == 2
    assert runner.dumped == []
    report = await runner.run(lines("ADD,a,1.00", "ADD,me,1.00"), Caller("me", "trader"))
    assert (report.accepted, report.refused) == (1, 1)
    report = await runner.run(lines("DUMPLOG,out.xml"), None)
    assert report.accepted == 1


async def test_what_nobody_takes_is_sent_again_under_the_same_id(runner: Runner) -> None:
    """So that it takes effect once; in the end it counts as failed, and is named."""
    tries: dict[str, int] = {}

    def third_time(request: Request) -> Reply:
        tries[request.id] = tries.get(request.id, 0) + 1
        name = request.command.name if request.command is not None else ""
        return NO_REPLICA if name == "CANCEL_BUY" or tries[request.id] < 3 else Reply(200)

    runner.behind.answer = third_time
    report = await runner.run(lines("ADD,a,1.00", "CANCEL_BUY,a", "ADD,a,1.00"))
    assert (report.accepted, report.failed) == (2, 1)
    assert sorted(tries.values()) == [3, 3, TRIES]
    assert report.retried == 2 + 2 + TRIES - 1
    assert [(one.line, one.command) for one in report.failures] == [(2, "CANCEL_BUY")]


async def test_a_long_list_of_failures_is_counted_and_not_kept(runner: Runner) -> None:
    """Memory stays bounded, whatever happens."""
    report = Report("x", "y", 0)
    for line in range(100):
        report.count(line, "ADD", 503, "away")
    assert len(report.failures) == NAMED_FAILURES
    assert report.failed == 100


def test_a_report_tells_how_far_it_is(runner: Runner) -> None:
    """In per cent, in seconds and a second."""
    report = Report("x", "y", 1_000)
    assert (report.percent, report.seconds(1_000), report.a_second(1_000)) == (0, 0.0, 0.0)
    report.commands = 4
    report.count(1, "ADD", 200, "")
    assert (report.percent, report.a_second(3_000)) == (25, 0.5)
    report.end("done", 5_000)
    assert (report.goes_on, report.seconds(99_000)) == (False, 4.0)
