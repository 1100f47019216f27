"""`daytrader workload` as a person or a script runs it."""

import asyncio
import json
import signal
import sys
from pathlib import Path

import pytest

from tests.workload.servers import EMPTY, Asked, MarketServer, ScriptedServer, always_empty, response


async def daytrader(
    *arguments: str, stop_when: asyncio.Event | None = None, by: signal.Signals = signal.SIGINT
) -> tuple[int, str, str]:
    """Run `daytrader workload ...` and return exit status, standard output and standard error.

    Sends a signal (SIGINT is what Ctrl-C sends) when `stop_when` is set.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "daytrader", "workload", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        try:
            if stop_when is not None:
                await stop_when.wait()
                process.send_signal(by)
            out, err = await process.communicate()
        except BaseException:
            process.kill()
            await process.wait()
            raise
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


def text_of(file: str) -> str:
    """What stands in a file."""
    return Path(file).read_text()


async def test_make_and_run(tmp_path: Path) -> None:
    """A made file runs against a system; report, log and history are written, and the status is 0."""
    file, report, log, history = (str(tmp_path / name) for name in ("day.txt", "report.json", "log.xml", "history"))
    status, out, err = await daytrader("make", "--users", "10", "--commands", "500", "--seed", "2", "-o", file)
    assert (status, out, err) == (0, f"{file}: 500 commands of 10 users\n", "")
    async with MarketServer().running() as server:
        status, out, err = await daytrader(
            *("run", file, "--url", server.url, "--dump", log, "--json", report, "--history", history)
        )
    assert (status, err) == (0, "")
    assert "Every command that was sent is acknowledged." in " ".join(out.split())
    told = json.loads(text_of(report))
    assert (told["exit_status"], told["commands"], told["failed"], told["not_sent"]) == (0, 500, 0, 0)
    assert text_of(log).endswith("</log>\n")
    assert len(text_of(history).splitlines()) == 500


async def test_broken_lines_are_named_and_the_rest_runs(tmp_path: Path) -> None:
    """Malformed lines stand in the report with file and line; they do not make the run fail."""
    file = tmp_path / "day.txt"
    file.write_text("[1] ADD,u,1.00\n[2] STEAL,u\nnonsense\n[4] COMMIT_BUY,u\n")
    async with ScriptedServer(always_empty).running() as server:
        status, out, _ = await daytrader("run", str(file), "--url", server.url)
    assert status == 0
    assert "Malformed lines, not sent: 2." in out
    flat = "".join(out.split())
    assert "day.txt:2:thereisnocommandSTEAL" in flat
    assert "day.txt:3:notoftheshape" in flat
    assert [asked.command for asked in server.asked] == ["ADD", "COMMIT_BUY"]


async def test_a_server_error_fails_the_run(tmp_path: Path) -> None:
    """One 500 makes the exit status 1, with the command's line on the screen."""
    file = tmp_path / "day.txt"
    file.write_text("[1] ADD,u,1.00\n")

    async def script(_: Asked) -> bytes:
        return response(500, b"oops")

    async with ScriptedServer(script).running() as server:
        status, out, _ = await daytrader("run", str(file), "--url", server.url)
    assert status == 1
    assert "day.txt:1:ADD:answered500oops" in "".join(out.split())  # a long path is wrapped anywhere


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_with_the_report_so_far(tmp_path: Path, by: signal.Signals) -> None:
    """A run that Ctrl-C or a pod's end interrupts reports what was done, with several processes, and has status 130."""
    file, report = tmp_path / "day.txt", tmp_path / "report.json"
    file.write_text("".join(f"[{number}] ADD,u{number % 2},1.00\n" for number in range(1, 101)))
    stuck = asyncio.Event()

    async def script(_: Asked) -> bytes:
        if len(server.asked) > 10:
            stuck.set()
            await asyncio.get_running_loop().create_future()
        return EMPTY

    server = ScriptedServer(script)
    async with server.running():
        status, out, err = await daytrader(
            *("run", str(file), "--url", server.url, "--processes", "2", "--json", str(report)), stop_when=stuck, by=by
        )
    assert (status, err) == (130, "")
    assert "Interrupted; this is what was done." in " ".join(out.split())
    told = json.loads(report.read_text())
    assert (told["ended"], told["accepted"], told["unanswered"], told["not_sent"]) == ("interrupted", 10, 2, 88)


async def test_what_cannot_be_is_one_sentence(tmp_path: Path) -> None:
    """A wrong URL, a system that is not there and an impossible file are said in words, with the status 1."""
    file = tmp_path / "day.txt"
    file.write_text("[1] ADD,u,1.00\n")
    async with ScriptedServer(always_empty).running() as server:
        gone = server.url
    for arguments, words in (
        (("run", str(file), "--url", "nowhere"), "'nowhere' is no URL of a web service"),
        (("run", str(file), "--url", gone, "--no-retry"), "is the system up there?"),
        (("make", "--users", "10", "--commands", "5", "-o", str(file)), "10 users need 11 commands at least"),
        (("make", "-o", str(tmp_path / "no" / "file")), "No such file or directory"),
    ):
        status, _, err = await daytrader(*arguments)
        assert (status, err.count("\n")) == (1, 1)
        assert words in err


async def test_progress_is_plain_where_there_is_no_terminal(tmp_path: Path) -> None:
    """Standard error has no control characters; a run of less than ten seconds says nothing there."""
    file = tmp_path / "day.txt"
    file.write_text("[1] ADD,u,1.00\n")
    async with ScriptedServer(always_empty).running() as server:
        _, _, err = await daytrader("run", str(file), "--url", server.url)
    assert err == ""
