"""Faults on purpose: each process of a cluster is killed, then frozen, during a run; nothing acknowledged is lost."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal

import msgspec
from pymongo import AsyncMongoClient

from daytrader.local.cluster import Cluster
from daytrader.local.installation import ClusterInstallation
from daytrader.local.members import member_states

Fault = Literal["kill", "freeze"]

BEFORE: Final = 4.0
"""Seconds of undisturbed load."""

FROZEN: Final = 30.0
"""Seconds for which a frozen process gets no turn."""

AFTER: Final = 18.0
"""Seconds of load after a kill, or after a frozen process was let go: longer than coming back may take."""


class FaultRow(msgspec.Struct, frozen=True, kw_only=True):
    """What one fault did."""

    process: str
    fault: Fault
    commands: int
    failed: int
    """Not acknowledged within 30 s."""
    sent_again: int
    longest_gap_s: float
    """Longest time without an acknowledgement."""
    verified: bool
    """`daytrader verify --history` found nothing lost and nothing doubled."""
    says: str
    """What verify says where it found something."""


class Faults:
    """Runs the cases one after the other, each on an emptied installation; `say` hears what is going on."""

    def __init__(
        self,
        cluster: Cluster,
        installation: ClusterInstallation,
        directory: Path,
        rate: float,
        say: Callable[[str], None],
    ) -> None:
        self._cluster = cluster
        self._installation = installation
        self._directory = directory
        self._rate = rate
        self._say = say

    async def targets(self) -> dict[str, str]:
        """Return what is struck: what it is -> the name of its process."""
        data = await self._members(self._cluster.data_uri, "data")
        audit = await self._members(self._cluster.audit_uri, "audit")
        return {
            "web": self._cluster.webs[0],
            "transaction": self._cluster.transactions[0],
            "audit": "audit",
            "quote server": "quotes",
            "redis": "redis",
            **data,
            **audit,
        }

    async def _members(self, uri: str, name: str) -> dict[str, str]:
        ports = json.loads((self._directory / f"{name}-set" / "ports.json").read_text())
        processes = {f"127.0.0.1:{port}": process for process, port in ports.items()}
        client: AsyncMongoClient[dict[str, object]] = AsyncMongoClient(uri)
        try:
            states = await member_states(client)
        finally:
            await client.close()
        members = sorted(states, key=lambda state: state.state != "PRIMARY")
        roles = ("primary", *(f"secondary {number}" for number in range(1, len(members))))
        return {f"{name} set {role}": processes[member.address] for role, member in zip(roles, members, strict=True)}

    async def strike(self, what: str, fault: Fault, file: Path) -> FaultRow:
        """Run `file` at the rate, strike, and tell what came of it."""
        await self._installation.control({"do": "reset"})
        name = (await self.targets())[what]
        seconds = BEFORE + AFTER + (FROZEN if fault == "freeze" else 0.0)
        history, log, report = (self._directory / f"fault.{end}" for end in ("jsonl", "xml", "json"))
        for path in (history, log, report):
            path.unlink(missing_ok=True)
        load = await _daytrader(
            *("workload", "run", str(file), "--url", self._cluster.url, "--rate", str(self._rate)),
            *("--duration", str(seconds), "--history", str(history), "--dump", str(log), "--json", str(report)),
        )
        await asyncio.sleep(BEFORE)
        standing = (await self._installation.control({"do": "standings"}))[name]
        self._say(f"{fault} {name} (process {standing['pid']})")
        if fault == "kill":
            os.kill(standing["pid"], signal.SIGKILL)
        else:
            os.kill(standing["pid"], signal.SIGSTOP)
            await asyncio.sleep(FROZEN)
            os.kill(standing["pid"], signal.SIGCONT)
        said, _ = await load.communicate()
        if not report.exists():
            raise RuntimeError(f"the load generator ended without a report: {said.decode()[-2000:]}")
        result = json.loads(report.read_text())
        verify = await _daytrader("verify", str(log), "--url", self._cluster.url, "--history", str(history))
        found, _ = await verify.communicate()
        return FaultRow(
            process=what,
            fault=fault,
            commands=result["accepted"] + result["refused"],
            failed=result["failed"] + result["unanswered"],
            sent_again=result["retried"],
            longest_gap_s=round(result["longest_gap_ms"] / 1000, 2),
            verified=verify.returncode == 0,
            says="" if verify.returncode == 0 else found.decode()[-1500:],
        )


async def _daytrader(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "daytrader", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
