"""`daytrader workload job`, as a Job in a cluster runs it, against a real installation."""

import asyncio
import json
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import web
from click.testing import CliRunner

from daytrader.cli.workload_job import job
from tests.e2e.installation import Installation, running
from tests.workload.servers import Asked, ScriptedServer, response


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Everything in one process, with a clock that stands."""
    with running(tmp_path_factory.mktemp("job")) as installation:
        yield installation


def text_of(file: Path) -> str:
    """What stands in a file."""
    return file.read_text()


async def run(*arguments: str, summary: Path, stop_when: asyncio.Event | None = None) -> tuple[int, dict[str, object]]:
    """Run the job; return its exit status and its summary. Sends SIGTERM when `stop_when` is set."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "daytrader", "workload", "job", *arguments, "--summary", str(summary)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(120):
        if stop_when is not None:
            await stop_when.wait()
            process.send_signal(signal.SIGTERM)
        out, _ = await process.communicate()
    assert b"Traceback" not in out, out.decode()
    assert process.returncode is not None
    return process.returncode, json.loads(text_of(summary))


MADE = ("--users", "20", "--commands", "400", "--seed", "7")


async def test_a_made_workload_is_run_and_verified_also_a_second_time(
    installation: Installation, tmp_path: Path
) -> None:
    """The same users with the same commands are in the log already: the second verdict is about the second run."""
    for _ in range(2):
        status, told = await run("--url", installation.url, *MADE, summary=tmp_path / "summary")
        assert (status, told["ok"], told["verified"]) == (0, True, "yes"), told
        assert (told["commands"], told["failed"]) == (400, 0)
        assert told["message"] == "all 400 commands acknowledged; verified: nothing is wrong"
        assert isinstance(told["tps"], float)
        assert told["tps"] > 0


async def test_several_jobs_run_side_by_side(installation: Installation, tmp_path: Path) -> None:
    """Each has users of its own, and takes nothing of the other for a command that nobody sent."""
    found = await asyncio.gather(
        *(
            run(
                *("--url", installation.url, "--users", "10", "--commands", "300", "--seed", str(seed)),
                summary=tmp_path / f"summary-{seed}",
            )
            for seed in (101, 102)
        )
    )
    for status, told in found:
        assert (status, told["verified"]) == (0, "yes"), told


async def test_a_file_is_run_in_the_open_loop_for_a_while(installation: Installation, tmp_path: Path) -> None:
    """What is not sent when the time is over does not make it fail; without verification it says so."""
    file = tmp_path / "file"
    file.write_text("".join(f"[{n}] ADD,opener{n % 5},1.00\n" for n in range(1, 1001)))
    status, told = await run(
        *("--url", installation.url, "--file", str(file), "--rate", "100", "--duration", "1", "--no-verify"),
        summary=tmp_path / "summary",
    )
    assert (status, told["verified"]) == (0, "skipped"), told
    assert isinstance(told["accepted"], int)
    assert 50 <= told["accepted"] <= 150
    assert str(told["message"]).endswith("not verified: verification is switched off")


async def test_a_file_is_fetched(installation: Installation, tmp_path: Path) -> None:
    """From any URL that answers 200; else the message says what to do."""

    async def give(_: web.Request) -> web.Response:
        return web.Response(text="[1] ADD,fetched,5.00\n[2] DUMPLOG,./log\n")

    application = web.Application()
    application.router.add_get("/day.txt", give)
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        base = f"http://127.0.0.1:{runner.addresses[0][1]}"
        status, told = await run("--url", installation.url, "--from", f"{base}/day.txt", summary=tmp_path / "one")
        assert (status, told["commands"], told["verified"]) == (0, 2, "yes"), told
        status, told = await run("--url", installation.url, "--from", f"{base}/no", summary=tmp_path / "two")
        assert (status, told["ok"]) == (1, False)
        assert told["message"] == f"{base}/no answered 404: give a URL that answers 200 with a workload file"
    finally:
        await runner.cleanup()
    status, told = await run("--url", installation.url, "--from", f"{base}/day.txt", summary=tmp_path / "three")
    assert status == 1
    assert "network policies must let this pod reach it; or put the file into a ConfigMap" in str(told["message"])


async def test_a_job_that_is_stopped_leaves_what_it_knows(tmp_path: Path) -> None:
    """SIGTERM breaks the run off: the figures so far are left, and the verdict is that it failed."""
    stuck = asyncio.Event()

    async def script(asked: Asked) -> bytes:
        if asked.command == "DUMPLOG":
            return response(200, b"<log>\n</log>\n")
        if len(server.asked) > 20:
            stuck.set()
            await asyncio.get_running_loop().create_future()
        return response(200)

    server = ScriptedServer(script)
    async with server.running():
        status, told = await run("--url", server.url, *MADE, summary=tmp_path / "summary", stop_when=stuck)
    assert (status, told["ok"], told["verified"]) == (1, False, "no")
    assert isinstance(told["accepted"], int)
    assert told["accepted"] > 0
    assert str(told["message"]).startswith("stopped from outside; of 400 commands")


async def test_what_cannot_be_run_is_said_in_the_summary(tmp_path: Path) -> None:
    """Whoever reads no log sees it, too."""
    status, told = await run("--url", "nowhere", *MADE, "--no-verify", summary=tmp_path / "summary")
    assert (status, told["ok"], told["commands"]) == (1, False, 0)
    assert told["message"] == "'nowhere' is no URL of a web service: give one like http://127.0.0.1:8080"


@pytest.mark.parametrize(
    "arguments",
    [(), ("--users", "3"), ("--users", "3", "--commands", "9"), (*MADE, "--from", "http://x/y")],
)
def test_one_source_is_given(arguments: tuple[str, ...], tmp_path: Path) -> None:
    """Anything else is refused."""
    found = CliRunner().invoke(job, ["--url", "http://x", *arguments, "--summary", str(tmp_path / "summary")])
    assert found.exit_code == 2
    assert "give one of --file, --from, or --users with --commands and --seed" in found.output
