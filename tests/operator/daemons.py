"""Real mongods as members of a simulated Kubernetes: a process for each running pod, a directory for each volume."""

import random
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from daytrader.local.binaries import mongod
from daytrader.local.mongod import PARAMETERS, SMALL_LOG
from daytrader.local.ports import is_free
from daytrader.local.process import Process, Program
from daytrader.local.secret import write_private
from daytrader_operator.desired import Desired, desired
from daytrader_operator.passes import Passes
from tests.operator.simulation.cluster import NAME, Cluster, SimulatedPod
from tests.operator.simulation.mongods import Mongods

Tls = tuple[Path, Path]
"""The files of the certificate with its key, and of the authority."""


class Daemons:
    """Members `0`, `1`, … on consecutive ports of the loopback."""

    def __init__(self, directory: Path, tls: Tls | None = None) -> None:
        self._directory = directory
        self._tls = tls
        self._base = _free_block()
        self._running: dict[int, Process] = {}
        self.address = f"{'localhost' if tls else '127.0.0.1'}:{self._base}{{ordinal}}"

    def host(self, ordinal: int) -> str:
        """The `host:port` of a member."""
        return self.address.format(ordinal=ordinal)

    @property
    def running(self) -> set[int]:
        """Members whose process was started and not stopped."""
        return {*self._running}

    async def start(self, ordinal: int, key: str, replica_set: str | None = NAME) -> None:
        """Start a member on its directory, which is made where there is none; None: as a server of its own."""
        data = self._directory / f"{NAME}-{ordinal}"
        data.mkdir(exist_ok=True)
        keyfile = self._directory / f"{NAME}-{ordinal}.key"
        write_private(keyfile, key)
        port = int(self.host(ordinal).rpartition(":")[2])
        tls: tuple[str, ...] = ()
        if self._tls is not None:
            server, authority = map(str, self._tls)
            tls = (
                *("--tlsMode", "requireTLS", "--tlsCertificateKeyFile", server, "--tlsCAFile", authority),
                "--tlsAllowConnectionsWithoutCertificates",
            )
        argv = (
            *(str(mongod()), "--port", str(port), "--bind_ip", "localhost", "--nounixsocket"),
            *(("--replSet", replica_set) if replica_set else ()),
            *("--dbpath", str(data), "--keyFile", str(keyfile), "--wiredTigerCacheSizeGB", "0.25", "--oplogSize", "64"),
            *SMALL_LOG,
            *("--setParameter", "shutdownTimeoutMillisForSignaledShutdown=500", *tls),
            *(word for parameter in PARAMETERS for word in ("--setParameter", parameter)),
        )
        program = Program(name=f"{NAME}-{ordinal}", argv=argv, log=self._directory / f"{NAME}-{ordinal}.log", port=port)
        process = Process(program)
        await process.start()
        self._running[ordinal] = process

    async def stop(self, ordinal: int) -> None:
        """Let a member end in order."""
        await self._running.pop(ordinal).stop()

    async def wipe(self, ordinal: int) -> None:
        """Kill a member and delete its data."""
        await self._running.pop(ordinal).kill()
        shutil.rmtree(self._directory / f"{NAME}-{ordinal}")

    async def close(self) -> None:
        """Kill all that runs."""
        while self._running:
            await self._running.popitem()[1].kill()


@asynccontextmanager
async def daemons(directory: Path, tls: Tls | None = None) -> AsyncIterator[Daemons]:
    """Members that end with the test."""
    members = Daemons(directory, tls)
    try:
        yield members
    finally:
        await members.close()


class LiveCluster(Cluster):
    """The simulated Kubernetes, whose pods are real processes once `settle` was awaited."""

    def __init__(self, members: Daemons, body: dict[str, Any]) -> None:
        seeded = random.Random(1)
        super().__init__(seeded, Mongods(seeded), body)
        self._members = members
        self._wanted: dict[int, str] = {}

    def runs(self, ordinal: int, pod: SimulatedPod) -> None:
        """The pod's process is to run."""
        self._wanted.setdefault(ordinal, pod.key)

    def ended(self, ordinal: int) -> None:
        """The pod's process is to end."""
        self._wanted.pop(ordinal, None)

    async def settle(self) -> None:
        """Let pods come and go, and start and stop their processes."""
        self.tick()
        for ordinal in self._members.running - self._wanted.keys():
            await self._members.stop(ordinal)
        for ordinal, key in self._wanted.items():
            if ordinal not in self._members.running:
                await self._members.start(ordinal, key)

    async def lose(self, ordinal: int) -> None:
        """Delete a volume with its pod."""
        self.ended(ordinal)
        del self.pods[ordinal]
        await self._members.wipe(ordinal)


class LivePasses(Passes):
    """Passes that know the members by their ports."""

    def address_members(self, address: str) -> None:
        """Members are at `address` with their ordinal."""
        self._address = address

    def _desired(self, body: Mapping[str, Any]) -> Desired:
        return desired(body, "cluster.local", self._address)


def _free_block() -> int:
    """Four leading digits of ten free ports."""
    bases = random.SystemRandom().sample(range(2_000, 3_200), 200)
    return next(base for base in bases if all(is_free(base * 10 + ordinal) for ordinal in range(10)))
