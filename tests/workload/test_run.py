"""Whole runs, against real HTTP servers."""

import asyncio
from collections import Counter, defaultdict
from pathlib import Path

import msgspec
import pytest

from daytrader.bearer import Bearer
from daytrader.workload import maker, worker
from daytrader.workload.file import Workload
from daytrader.workload.history import Sent
from daytrader.workload.options import Options
from daytrader.workload.run import run
from daytrader.workload.runner import Snapshot, UnreachableError
from tests.reference.model import ReferenceModel
from tests.workload.runs import QUICK, each, run_file, workload_of
from tests.workload.servers import EMPTY, Asked, Cut, MarketServer, ScriptedServer, always_empty, response


def files_in(path: Path) -> list[str]:
    """The names of the files in a directory."""
    return sorted(file.name for file in path.iterdir())


def history_of(file: Path) -> list[Sent]:
    """The records of a history."""
    return [msgspec.json.decode(line, type=Sent) for line in file.read_bytes().splitlines()]


def expected(file: Path) -> Counter[int]:
    """The statuses that the rules give for a file."""
    model = ReferenceModel()
    lines = [line for line in file.read_text().splitlines() if "DUMPLOG" not in line]
    return Counter(model.line(line)[0] for line in lines)


@pytest.mark.parametrize("processes", [1, 3])
@pytest.mark.parametrize("rate", [None, 2_000.0])
async def test_a_system_gets_all_commands_in_each_users_order(
    tmp_path: Path, processes: int, rate: float | None
) -> None:
    """Closed or open loop, in one process or several: outcomes are what the rules give."""
    file = tmp_path / "day.txt"
    maker.write(file, 12, 1_200, seed=3)
    async with MarketServer().running() as server:
        report = await run_file(file, server.url, Options(processes=processes, rate=rate, retry=False))
    assert (report.ended, report.exit_status, report.processes) == ("complete", 0, processes)
    statuses = expected(file)
    assert (report.accepted, report.refused, report.failed) == (statuses[200] + 1, statuses[400], 0)
    assert (report.users, report.connections, report.commands, report.not_sent) == (12, 12, 1_200, 0)
    assert sum(report.refusals.values()) == report.refused
    assert sum(count.accepted for count in report.by_command.values()) == report.accepted
    assert report.latency_ms.max >= report.latency_ms.p50 > 0
    assert server.dumped_at == [1_199]
    got, wanted = defaultdict(list), defaultdict(list)
    for name, fields in server.asked:
        got[fields["userid"]].append((name, *fields.values()))
    for line in file.read_text().splitlines()[:-1]:
        name, *arguments = line.split(" ")[1].split(",")
        wanted[arguments[0]].append((name, *arguments))
    assert got == wanted


@pytest.mark.parametrize("processes", [1, 2])
async def test_a_dumplog_waits_for_all_before_it_and_is_alone(tmp_path: Path, processes: int) -> None:
    """Nothing is under way when a DUMPLOG comes, and nothing comes until it is answered; over all processes."""
    under_way: set[str] = set()
    seen: list[tuple[int, int]] = []
    count = 0

    async def script(asked: Asked) -> bytes:
        nonlocal count
        if asked.command == "DUMPLOG":
            seen.append((count, len(under_way)))
            before = count
            await asyncio.sleep(0.05)  # a chance for whoever does not wait
            assert count == before
            return EMPTY
        count += 1
        under_way.add(asked.parameters["userid"])
        await asyncio.sleep(0)
        under_way.discard(asked.parameters["userid"])
        return EMPTY

    adds = [f"ADD,u{number},1.00" for number in range(8)]
    commits = [f"COMMIT_BUY,u{number}" for number in range(4)]
    file = workload_of(tmp_path, *adds, "DUMPLOG,u1,./one", *commits, "DUMPLOG,./two", "DUMPLOG,./three", *adds)
    async with ScriptedServer(script).running() as server:
        report = await run_file(file, server.url, msgspec.structs.replace(QUICK, processes=processes))
    assert report.exit_status == 0
    assert seen == [(8, 0), (12, 0), (12, 0)]
    assert [dump.line for dump in report.dumps] == [9, 14, 15]
    assert count == 20
    assert "userid" not in server.asked[-9].parameters


async def test_fewer_connections_than_users_keep_the_order_of_the_file(tmp_path: Path) -> None:
    """One connection sends everything in file order."""
    commands = [f"ADD,u{number % 5},{number}.00" for number in range(50)]
    async with ScriptedServer(always_empty).running() as server:
        options = msgspec.structs.replace(QUICK, connections=1)
        report = await run_file(workload_of(tmp_path, *commands), server.url, options)
    assert report.connections == 1
    assert [asked.parameters["amount"] for asked in server.asked] == [f"{number}.00" for number in range(50)]
    assert {asked.connection for asked in server.asked} == {1}  # the first only looked whether somebody is there


async def test_the_last_dumplog_goes_into_a_file(tmp_path: Path) -> None:
    """The body is streamed into the file, whole; earlier DUMPLOGs are read and dropped."""
    file = workload_of(tmp_path, "ADD,u,1.00", "DUMPLOG,u,./one", "COMMIT_BUY,u", "DUMPLOG,./two")
    async with MarketServer().running() as server:
        report = await run_file(file, server.url, Options(dump=tmp_path / "log.xml"))
    log = (tmp_path / "log.xml").read_bytes()
    assert log.startswith(b"<log><!-- 2 -->\n")
    assert log.count(b"<event/>") == 10_000
    assert log.endswith(b"</log>\n")
    assert [(dump.status, dump.bytes) for dump in report.dumps] == [(200, len(log))] * 2
    assert [dump.file for dump in report.dumps] == [None, str(tmp_path / "log.xml")]
    assert report.by_command["DUMPLOG"].accepted == 2
    assert files_in(tmp_path) == ["log.xml", "workload.txt"]


async def test_a_dumplog_is_added_where_a_dump_is_wanted(tmp_path: Path) -> None:
    """A file without a DUMPLOG at its end gets one when there is a file for it, and none when there is not."""
    file = workload_of(tmp_path, "DUMPLOG,./one", "ADD,u,1.00")
    async with MarketServer().running() as server:
        assert len((await run_file(file, server.url)).dumps) == 1
        report = await run_file(file, server.url, Options(dump=tmp_path / "log.xml"))
    assert [dump.line for dump in report.dumps] == [1, 3]
    assert (tmp_path / "log.xml").exists()


@pytest.mark.parametrize("retry", [True, False])
async def test_a_dump_is_whole_or_not_there(tmp_path: Path, retry: bool) -> None:
    """A body that ends early is no log: with retries it is asked for again, without them the file does not appear."""
    answers = iter(
        [Cut(response(200, b"<log></log>")[:-3]), response(503, b"", "Retry-After: 0"), response(200, b"<log/>")]
    )

    async def script(_: Asked) -> bytes:
        return next(answers)

    file = workload_of(tmp_path, "DUMPLOG,./log")
    async with ScriptedServer(script).running() as server:
        report = await run_file(file, server.url, Options(dump=tmp_path / "log.xml", retry=retry))
    if retry:
        assert (report.exit_status, report.retried, report.resent) == (0, 1, 2)
        assert (tmp_path / "log.xml").read_bytes() == b"<log/>"
        assert len({asked.key for asked in server.asked}) == 1
    else:
        assert (report.exit_status, report.failures) == (1, {"the connection was closed": 1})
        assert files_in(tmp_path) == ["workload.txt"]


async def test_the_token_is_sent_with_every_request(tmp_path: Path) -> None:
    """Commands and DUMPLOGs carry it."""
    async with ScriptedServer(always_empty).running() as server:
        await run_file(
            workload_of(tmp_path, "ADD,u,1.00", "DUMPLOG,./log"), server.url, Options(bearer=Bearer("secret"))
        )
    assert [asked.headers["authorization"] for asked in server.asked] == ["Bearer secret"] * 2


_read = asyncio.Event()


class _Watched(Bearer, frozen=True):
    """Tells when its file was read."""

    def token(self) -> str:
        """Read the file."""
        _read.set()
        return Bearer.token(self)


async def test_a_token_is_exchanged_during_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands show what the file holds by then, and a file that is just being written leaves the old one in use."""
    monkeypatch.setattr(worker, "LOOK_EVERY", 0.0)
    file = tmp_path / "token"
    file.write_text("old\n")
    contents = {3: "", 6: "new\n"}

    async def script(_: Asked) -> bytes:
        text = contents.get(len(server.asked))
        if text is not None:
            file.write_text(text)
            _read.clear()
            await asyncio.wait_for(_read.wait(), 10)
        return EMPTY

    lines = ["ADD,u,1.00"] * 10
    async with ScriptedServer(script).running() as server:
        options = Options(bearer=_Watched(file=file), answer_within_s=10)
        report = await run_file(workload_of(tmp_path, *lines), server.url, options)
    assert report.exit_status == 0
    assert [asked.headers["authorization"] for asked in server.asked] == ["Bearer old"] * 6 + ["Bearer new"] * 4


@pytest.mark.parametrize("wanted", [False, True])
async def test_a_log_that_the_token_may_not_read(tmp_path: Path, wanted: bool) -> None:
    """It is a refusal like another, unless somebody wants the log in a file: then the run has failed."""

    async def script(asked: Asked) -> bytes:
        return response(403, b"not yours") if asked.command == "DUMPLOG" else EMPTY

    dump = tmp_path / "log.xml" if wanted else None
    async with ScriptedServer(script).running() as server:
        report = await run_file(
            workload_of(tmp_path, "ADD,u,1.00", "DUMPLOG,./log"), server.url, Options(dump=dump, bearer=Bearer("x"))
        )
    assert (report.exit_status, report.refused, report.failed) == ((1, 0, 1) if wanted else (0, 1, 0))
    assert [dumped.status for dumped in report.dumps] == [403]
    assert not (tmp_path / "log.xml").exists()


@pytest.mark.parametrize("processes", [1, 2])
async def test_the_history_has_every_command(tmp_path: Path, processes: int) -> None:
    """Each command stands in it with id, times, status and (refusals, quotes) text, an old file is replaced."""
    answers = each(None, EMPTY)

    async def script(asked: Asked) -> bytes | None:
        match asked.command:
            case "QUOTE":
                return response(200, b"5.00")
            case "BUY":
                return response(400, b"Insufficient funds")
            case "SELL":
                return response(500, b"oops")
            case "COMMIT_BUY":
                return next(answers)
            case _:
                return response(200, b"not kept")

    file = workload_of(
        tmp_path, "ADD,u,1.00", "QUOTE,v,S", "BUY,u,S,9.00", "SELL,v,S,9.00", "COMMIT_BUY,u", "DUMPLOG,./log"
    )
    history = tmp_path / "history"
    history.write_text("old\n")
    async with ScriptedServer(script).running() as server:
        options = msgspec.structs.replace(QUICK, history=history, processes=processes)
        await run_file(file, server.url, options)
    records = sorted(history_of(history), key=lambda record: record.line)
    assert [(record.user, record.line, record.command, record.args) for record in records] == [
        ("u", 1, "ADD", ["u", "1.00"]),
        ("v", 2, "QUOTE", ["v", "S"]),
        ("u", 3, "BUY", ["u", "S", "9.00"]),
        ("v", 4, "SELL", ["v", "S", "9.00"]),
        ("u", 5, "COMMIT_BUY", ["u"]),
        (None, 6, "DUMPLOG", ["./log"]),
    ]
    assert [(record.status, record.body) for record in records] == [
        (200, None), (200, "5.00"), (400, "Insufficient funds"), (500, "oops"), (200, None), (200, None),
    ]  # fmt: skip
    assert [len(record.sent) for record in records] == [1, 1, 1, 1, 2, 1]
    assert {record.id for record in records} == {asked.key for asked in server.asked}
    for record in records:
        assert record.answered is not None
        assert 1.6e12 < record.sent[0] <= record.answered


async def test_duration_ends_the_sending_as_planned(tmp_path: Path) -> None:
    """After the time asked for nothing more is sent, what is under way is waited for, the dump is taken, status 0."""
    file = workload_of(tmp_path, *["ADD,u,1.00"] * 20_000, "DUMPLOG,./log")
    options = Options(duration_s=0.2, dump=tmp_path / "log.xml")
    async with ScriptedServer(always_empty).running() as server, asyncio.timeout(20):
        report = await run_file(file, server.url, options)
    assert (report.ended, report.exit_status) == ("duration", 0)
    assert 0 < report.accepted < 20_001
    assert report.accepted + report.not_sent == 20_001
    assert len(report.dumps) == 1
    assert report.sending_s == pytest.approx(0.2, abs=0.15)


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize("why", ["limit", "silence", "interrupted"])
async def test_a_run_is_broken_off(tmp_path: Path, why: str, processes: int) -> None:
    """By the time limit, by silence or by the user: what is under way has no known outcome, and the report tells it."""
    interrupted = asyncio.Event()

    async def script(asked: Asked) -> bytes:
        if asked.command == "COMMIT_BUY":
            if why == "interrupted":
                interrupted.set()
            await asyncio.get_running_loop().create_future()
        return EMPTY

    users = [f"u{number}" for number in range(4)]
    commands = [
        f"{command},{user}{amount}" for command, amount in (("ADD", ",1.00"), ("COMMIT_BUY", "")) for user in users
    ]
    file = workload_of(tmp_path, *commands, *(f"ADD,{user},1.00" for user in users), "DUMPLOG,./log")
    options = Options(
        retry=False,
        processes=processes,
        history=tmp_path / "history",
        limit_s=0.5 if why == "limit" else None,
        silence_limit_s=0.5 if why == "silence" else 120.0,
    )
    async with ScriptedServer(script).running() as server, asyncio.timeout(30):
        with Workload.open(file) as workload:
            report = await run(workload, server.url, options, interrupted=interrupted)
    assert (report.ended, report.exit_status) == (why, 130 if why == "interrupted" else 1)
    assert (report.accepted, report.unanswered, report.not_sent) == (4, 4, 5)
    records = history_of(tmp_path / "history")
    assert Counter((record.status, record.answered is None) for record in records) == {(200, False): 4, (0, True): 4}


async def test_nobody_there_is_said_before_anything_is_counted(tmp_path: Path) -> None:
    """A URL at which nothing listens is an error that names it, after the time in which commands are tried."""
    async with ScriptedServer(always_empty).running() as server:
        url = server.url
    file = workload_of(tmp_path, "ADD,u,1.00")
    for options in (Options(retry=False), Options(give_up_after_s=0.1)):
        with pytest.raises(UnreachableError, match=f"nothing answers at {url.removeprefix('http://')}"):
            await run_file(file, url, options)


async def test_progress_is_told(tmp_path: Path) -> None:
    """Whoever watches hears phases and counts that grow to the end."""
    snapshots: list[Snapshot] = []
    file = workload_of(tmp_path, *["ADD,u,1.00"] * 500)

    async def script(_: Asked) -> bytes:
        await asyncio.sleep(0.001)
        return EMPTY

    async with ScriptedServer(script).running() as server:
        with Workload.open(file) as workload:
            await run(workload, server.url, QUICK, watch=snapshots.append)
    assert snapshots[0].phase == "connecting"
    assert snapshots[-1].phase == "sending"
    assert snapshots[0].done <= snapshots[-1].done <= snapshots[-1].total == 500
    assert snapshots[-1].done > 0


async def test_an_empty_file_is_an_empty_run(tmp_path: Path) -> None:
    """Nothing to send is no failure."""
    (tmp_path / "empty").write_text("")
    async with ScriptedServer(always_empty).running() as server:
        report = await run_file(tmp_path / "empty", server.url)
    assert (report.exit_status, report.accepted, report.commands) == (0, 0, 0)


@pytest.mark.parametrize("wrong", [{"rate": 0.0}, {"connections": 0}, {"processes": -1}])
async def test_numbers_that_cannot_be_are_refused(tmp_path: Path, wrong: dict[str, int]) -> None:
    """Rates and counts have to be more than 0."""
    with pytest.raises(ValueError, match="must be more than 0"):
        await run_file(workload_of(tmp_path, "ADD,u,1.00"), "http://127.0.0.1:1", Options(**wrong))  # type: ignore[arg-type]


@pytest.mark.parametrize("processes", [1, 2])
async def test_a_history_that_cannot_be_written_ends_the_run(tmp_path: Path, processes: int) -> None:
    """A full disk is an error of the run, not something that only a log tells."""
    (tmp_path / "history").symlink_to("/dev/full")
    file = workload_of(tmp_path, *["ADD,u,1.00"] * 5_000, *["ADD,v,1.00"] * 5_000)
    options = Options(history=tmp_path / "history", processes=processes)
    async with ScriptedServer(always_empty).running() as server, asyncio.timeout(30):
        with pytest.raises(Exception, match="history file"):
            await run_file(file, server.url, options)
