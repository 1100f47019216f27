"""`daytrader up` as its user meets it: it stops with everything it started, and keeps what it was given."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from daytrader.local.control import ask
from tests.e2e.conftest import MODES
from tests.e2e.installation import Installation, running


@pytest.mark.xdist_group("embedded")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_up_stops_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    """Ctrl-C, a request to end, or a terminal that went away: exit status 0, and nothing is left running."""
    process = subprocess.Popen(
        [sys.executable, "-m", "daytrader", "up", "--port", "0", "--data", str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith("ready http://127.0.0.1:")
    process.send_signal(number)
    assert process.wait(30) == 0
    process.stdout.close()


@pytest.mark.xdist_group("cluster")
async def test_a_cluster_ends_with_every_process(tmp_path: Path) -> None:
    """After `daytrader up --cluster` was told to end, none of the processes that it started is left."""
    with running(tmp_path, "--cluster", "1"):
        standings = await ask(tmp_path / "data", do="standings")
        pids = [standing["pid"] for standing in standings.values()]
        assert len(pids) == 11
        assert all(psutil.pid_exists(pid) for pid in pids)
    assert not any(psutil.pid_exists(pid) for pid in pids)


@pytest.mark.xdist_group("embedded")
async def test_an_installation_keeps_its_accounts(tmp_path: Path) -> None:
    """Started again on the same directory, the balances are what they were."""
    with running(tmp_path) as first:
        assert (await first.command("ADD", userid="bob", amount="12.34"))[0] == 200
    with running(tmp_path) as second:
        status, body = await second.command("DISPLAY_SUMMARY", userid="bob")
    assert status == 200
    assert '"cents":1234' in body


@pytest.mark.xdist_group("cluster")
async def test_what_dies_is_started_again_and_said(cluster: Installation) -> None:
    """A service killed with kill -9 is back by itself, and the screen says what happened to it."""
    standings = await ask(cluster.directory / "data", do="standings")
    os.kill(standings["audit"]["pid"], signal.SIGKILL)
    async with asyncio.timeout(30):
        while "audit died with signal 9" not in (cluster.directory / "up.log").read_text():  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        status = 0
        while status != 200:
            status, _ = await cluster.command("DUMPLOG", filename="x")


@pytest.mark.xdist_group("cluster")
async def test_a_service_is_swapped_for_one_from_the_working_tree(cluster: Installation) -> None:
    """`daytrader swap` runs a service in the place of the installation's, and puts that one back at its end."""
    data = cluster.directory / "data"
    before = (await ask(data, do="standings"))["transaction-0"]["pid"]
    swap = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "daytrader", "swap", "transaction-0", "--data", str(data)),
        stderr=asyncio.subprocess.PIPE,
    )
    assert swap.stderr is not None
    async with asyncio.timeout(60):
        while b"runs here now" not in await swap.stderr.readline():
            pass
        assert (await ask(data, do="standings"))["transaction-0"]["state"] == "held"
        assert (await cluster.command("ADD", userid="swap", amount="1.00"))[0] == 200
        swap.terminate()
        await swap.stderr.read()
        assert await swap.wait() == 0
    after = (await ask(data, do="standings"))["transaction-0"]
    assert after["state"] == "running"
    assert after["pid"] != before


@pytest.mark.parametrize("installation", MODES, indirect=True)
async def test_status_names_every_part(installation: Installation) -> None:
    """`daytrader status` shows the services, the stores and the quote server."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "daytrader", "status", "--url", installation.url, "--json"),
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate()
    for part in (b"web", b"transaction", b"audit", b"quote server"):
        assert part in said
    if b"redis" in said:
        assert said.count(b" set member ") == 6
