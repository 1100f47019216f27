"""Backups of a system that trades meanwhile, restored into empty installations that go on from there."""

import asyncio
import itertools
import json
import sys
from pathlib import Path

import pytest

from daytrader.backup.manifest import Manifest
from daytrader.backup.restore import restore
from daytrader.backup.take import Taking
from daytrader.settings import Settings
from daytrader.transaction import keeper
from daytrader.workload.maker import write
from tests.backup.conftest import NewInstallation, unseen
from tests.backup.installation import trading
from tests.program import daytrader

USERS = 60
COMMANDS = 6_000


def as_known_at(history: Path, moment: int, path: Path) -> Path:
    """Write the history as a client knew it at `moment`: whatever was answered later may have happened or not."""
    with history.open() as lines, path.open("w") as file:
        for line in lines:
            sent = json.loads(line)
            if sent["answered"] is None or sent["answered"] > moment:
                sent |= {"answered": None, "status": 0, "body": "no answer"}
            file.write(json.dumps(sent) + "\n")
    return path


async def backups_while_trading(settings: Settings, directory: Path, tmp_path: Path) -> list[tuple[Path, Manifest]]:
    """Run a workload, and take one backup after the other until it is over; history.jsonl tells what was answered."""
    write(tmp_path / "workload.txt", USERS, COMMANDS, seed=7)
    async with trading(settings) as system:
        workload = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "daytrader", "workload", "run", str(tmp_path / "workload.txt")),
            *("--url", system.url, "--history", str(tmp_path / "history.jsonl")),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        running = asyncio.create_task(workload.communicate())
        taken = [await Taking(settings, unseen).into(directory)]
        while not running.done():
            taken.append(await Taking(settings, unseen).into(directory))
        assert workload.returncode == 0, (await running)[0].decode()
    return taken


@pytest.fixture
def trims_all_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Turns the clock by which entries are old enough by an hour at each look, and looks every half second.

    That would open the fence to replicas that sleep; there is one, and it is awake.
    """
    hours = itertools.count()
    monkeypatch.setattr(keeper, "boot_seconds", lambda: next(hours) * 3_600.0)
    monkeypatch.setattr(keeper, "TRIM_EVERY", keeper.ROUND_EVERY)


@pytest.mark.timeout(400)
@pytest.mark.usefixtures("trims_all_the_time")
async def test_a_backup_of_a_trading_system_restores_to_a_whole_that_trades_on(
    settings: Settings, new_installation: NewInstallation, directory: Path, tmp_path: Path
) -> None:
    """Whatever was acknowledged before it began is there, once; log and balances agree; and commands go on."""
    taken = await backups_while_trading(settings, directory, tmp_path)
    heads = [sum(facts.head for facts in manifest.partitions) for _, manifest in taken]
    assert sorted(heads) == heads
    assert heads[-1] > heads[0]
    assert all(facts.mark for facts in taken[-1][1].partitions)
    for path, manifest in (taken[0], taken[len(taken) // 2], taken[-1]):
        empty = new_installation()
        await restore(path, empty, unseen)
        known = as_known_at(tmp_path / "history.jsonl", manifest.began, tmp_path / f"{path.name}.jsonl")
        async with trading(empty) as system:
            log = tmp_path / f"{path.name}.xml"
            log.write_text(await system.accepted("DUMPLOG", filename="log"))
            status, said = await daytrader("verify", str(log), "--url", system.url, "--history", str(known))
            assert status == 0, said
            await system.accepted("ADD", userid="afterwards", amount="1.00")
