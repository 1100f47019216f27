"""The conformance cases and whole workload files, by every way to web."""

import asyncio
import json
import os
import sys
import time
from pathlib import Path
from typing import Final

from tests.cluster.case import case
from tests.cluster.helm import Values, merged
from tests.cluster.installation import Installation
from tests.cluster.reach import Client, Way, ways
from tests.cluster.shell import attempt, require
from tests.cluster.world import World
from tests.e2e.conformance import CASES, Case
from tests.e2e.workload_files import files

INTERVAL_MS: Final = 60_000
"""At which triggers are evaluated for the conformance cases, as the original did."""

_SLOW: Final = {"transaction": {"settings": {"DAYTRADER_TRIGGERS_INTERVAL_MS": str(INTERVAL_MS)}}}


@case("conformance", minutes=12)
def _(world: World) -> None:
    """All thirty-one conformance cases hold through the Ingress and through the Service."""
    installation = world.installation()
    slow_triggers(installation)
    for way in (found := ways(installation)):
        world.say(f"   {way.name}: {way.url}")
    conforms(world, found, token=installation.token("broker"))


@case("workload-files", minutes=15)
def _(world: World) -> None:
    """The workload files run through the Ingress and the Service without a server error, and the log verifies."""
    installation = world.installation()
    for way in ways(installation):
        run_files(world, way, token=installation.token("admin"))


def slow_triggers(installation: Installation, over: Values | None = None) -> None:
    """Have triggers evaluated at that interval, beside the values `over`; pods that end evaluate at the old one."""
    installation.upgrade(merged(over or {}, _SLOW))
    installation.wait_pods("transaction", 1)


def conforms(world: World, by: list[Way], authority: Path | None = None, *, token: str) -> None:
    """Run every conformance case by every way, all side by side, and record how many hold; `token` is a broker's."""
    began = time.monotonic()
    failures = asyncio.run(_conform(by, authority, token))
    for way in by:
        held = len(CASES) - sum(name == way.name for name, _ in failures)
        world.figure(f"cases that hold, {way.name}", f"{held} of {len(CASES)}")
    world.figure("took, s", time.monotonic() - began)
    told = "; ".join(f"{name}: {what}" for name, what in failures)
    require(not failures, f"{len(failures)} conformance cases failed: {told}")


async def _conform(by: list[Way], authority: Path | None, token: str) -> list[tuple[str, str]]:
    failures: list[tuple[str, str]] = []

    async def hold(way: Way, client: Client, each: Case) -> None:
        try:
            await each.run(client)
        except (AssertionError, OSError, TimeoutError, LookupError, ValueError) as error:
            failures.append((way.name, f"{each.number} ({each.title}): {error!r}"))

    async def hold_all(way: Way) -> None:
        async with Client(way, authority, token=token) as client:
            await asyncio.gather(*(hold(way, client, each) for each in CASES))

    async with Client(by[0], authority, token=token) as client:
        await _evaluation(client)
    await asyncio.gather(*(hold_all(way) for way in by))
    return sorted(failures)


async def _evaluation(client: Client) -> None:
    """Return right after an evaluation of triggers: no case may see one before it lets the interval pass."""
    user = f"interval{time.time_ns()}"
    for name, amount in (("ADD", "10.00"), ("SET_BUY_AMOUNT", "10.00"), ("SET_BUY_TRIGGER", "5.00")):
        status, body = await client.command(name, userid=user, stockSymbol="DOG", amount=amount)
        require(status == 200, f"{name} {amount}: {status} {body}")
    async with asyncio.timeout(INTERVAL_MS / 1000 + 30):
        while json.loads((await client.command("DISPLAY_SUMMARY", userid=user))[1])["triggers"]:  # noqa: ASYNC110  nobody tells us
            await asyncio.sleep(0.2)


def run_files(world: World, way: Way, authority: Path | None = None, *, token: str) -> None:
    """Replay every workload file by this way, and verify the log with what the client saw; `token` is an admin's.

    The installation has been traded with before; so the runs are jobs, which tell their own commands from the others.
    """
    out = world.out()
    trust = ("--ca", str(authority)) if authority else ()
    for path in files(out):
        summary = out / f"{way.name}-{path.stem}.json"
        status, said, error = attempt(
            *(sys.executable, "-m", "daytrader", "workload", "job", "--url", way.url, *trust),
            *("--file", path, "--summary", summary),
            seconds=420,
            env=_quiet(token),
        )
        require(status == 0, f"{path.name} by {way.name} ended with {status}: {(error or said)[-1500:]}")
        told = json.loads(summary.read_text())
        world.figure(f"{path.name} by {way.name}", f"{told['accepted']:,} accepted, {told['refused']:,} refused")
        require(told["failed"] == 0, f"{path.name} by {way.name}: {told['failed']} commands failed")
        require(told["verified"] == "yes", f"{path.name} by {way.name}: verified is {told['verified']}")
    world.figure(f"verify, {way.name}", "clean")


def _quiet(token: str) -> dict[str, str]:
    return {"COLUMNS": "160", "PYTHONPATH": os.pathsep.join(sys.path), "DAYTRADER_TOKEN": token}
