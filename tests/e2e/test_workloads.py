"""Whole workload files over HTTP: no server error, a valid log that verifies, and the balances of a naive model."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import EMBEDDED, LONG_CLUSTER
from tests.e2e.installation import INTERVAL_MS, Installation
from tests.program import daytrader
from tests.reference.model import ReferenceModel, comparable


async def let_triggers_fire(installation: Installation) -> None:
    """Let an interval pass, and wait until a trigger that is armed for this has fired."""
    user = f"trigger{time.monotonic_ns()}"
    for name, amount in (("ADD", "10.00"), ("SET_BUY_AMOUNT", "10.00"), ("SET_BUY_TRIGGER", "5.00")):
        status, body = await installation.command(name, userid=user, stockSymbol="DOG", amount=amount)
        assert status == 200, body
    await installation.evaluate_triggers(user)


def modelled(path: Path) -> ReferenceModel:
    """Return the naive model after all lines of the file."""
    model = ReferenceModel(price=500)
    for line in path.read_text().splitlines():
        if line.strip():
            model.line(line)
    return model


@pytest.mark.timeout(600)
@pytest.mark.parametrize("installation", [EMBEDDED, LONG_CLUSTER], indirect=True)
async def test_workload_files(installation: Installation, workloads: list[Path], tmp_path: Path) -> None:
    """Every file runs without a server error, verifies, and leaves the balances of the model; so do fired triggers."""
    for path in workloads:
        model = modelled(path)
        log, history = tmp_path / f"{path.stem}.xml", tmp_path / f"{path.stem}.jsonl"
        report = tmp_path / f"{path.stem}.json"
        status, said = await daytrader("reset", "--yes", "--data", str(installation.directory / "data"))
        assert status == 0, said
        installation.clock.stop()  # so that no order expires and no trigger fires before we say so
        status, said = await daytrader(
            *("workload", "run", str(path), "--url", installation.url, "--dump", str(log)),
            *("--history", str(history), "--json", str(report)),
        )
        assert status == 0, said
        summaries = {user: await summary(installation, user) for user in model.users}
        assert json.loads(report.read_text())["server_errors"] == 0
        for user, shown in summaries.items():
            assert timeless(shown) == timeless(model.summary(user)), user

        model.now += INTERVAL_MS
        model.evaluate_triggers()
        await let_triggers_fire(installation)
        await asyncio.gather(*(fired(installation, user, model) for user in model.users))

        log = tmp_path / f"{path.stem}-after.xml"
        status, body = await installation.command("DUMPLOG", filename="after")
        assert status == 200
        log.write_text(body)
        status, said = await daytrader("verify", str(log), "--url", installation.url)
        assert status == 0, said


def timeless(shown: dict[str, Any]) -> dict[str, Any]:
    """Return a summary without the times of its orders and of its history."""
    pending = {key: [{**order, "time": 0} for order in shown[key]] for key in ("pending_buys", "pending_sells")}
    return comparable({**shown, **pending})


async def summary(installation: Installation, user: str) -> dict[str, Any]:
    """Return the user's DISPLAY_SUMMARY."""
    status, body = await installation.command("DISPLAY_SUMMARY", userid=user)
    assert status == 200, body
    shown: dict[str, Any] = json.loads(body)
    return shown


async def fired(installation: Installation, user: str, model: ReferenceModel) -> None:
    """Wait until the balances are those of the model after its triggers fired; looking makes the history grow."""
    wanted = timeless(model.summary(user))
    shown: dict[str, Any] = {}
    try:
        async with asyncio.timeout(20):
            while not shown or any(shown[key] != wanted[key] for key in wanted.keys() - {"history"}):
                shown = timeless(await summary(installation, user))
    except TimeoutError:
        assert shown == wanted, user
