"""What is measured: configurations of the cluster, and the loads that each of them gets."""

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from statistics import mean, median
from typing import Final

import msgspec

from daytrader.bench.batch import MeasuredWay, measure_batch
from daytrader.bench.dump import MeasuredDump, measure_dump
from daytrader.bench.load import LoadFailedError, Measured, measure, scrape
from daytrader.bench.streams import measure_streams
from daytrader.local.cluster import Cluster, ClusterOptions
from daytrader.local.first_credentials import FirstCredentials
from daytrader.local.ports import free_port
from daytrader.local.supervisor import Supervisor
from daytrader.settings import Settings
from daytrader.transaction.partitions import OPEN_EVERY
from daytrader.workload.maker import write

WARM_UP: Final = 3.0
"""Seconds of load before anything is measured."""

ROUNDS: Final = 3
"""How often two configurations take turns, so that what else the machine does falls on both."""

SHORT_TURNS: Final = 16
"""The same where both are up all the time, and differ by less than the machine does from one 10 s to the next."""

SHORT_S: Final = 3.0
"""Seconds that such a turn takes at the most."""

OPEN_LOOP: Final = (0.25, 0.5, 0.75, 0.9)
"""Rates of the open loop, as parts of what the closed loop did."""

_SETTINGS: Final = Settings()
"""The defaults, which the measured cluster runs with."""


class Row(msgspec.Struct, frozen=True):
    """A measurement and the configuration it was made with."""

    configuration: str
    measured: Measured


class Comparison(msgspec.Struct, frozen=True):
    """Two configurations that took turns."""

    what: str
    ratios: Sequence[float]
    """One of each round."""

    @property
    def ratio(self) -> float:
        """The median."""
        return median(self.ratios)


class Plan:
    """Runs the benchmark in a directory of its own; `say` hears what is going on."""

    def __init__(self, directory: Path, seconds: float, say: Callable[[str], None]) -> None:
        self._directory = directory
        self._seconds = seconds
        self._say = say
        self._files: dict[int, Path] = {}
        self.rows: list[Row] = []
        self.comparisons: list[Comparison] = []
        self.opening_s: float | None = None
        """From killing the transaction replica until it was back and all its partitions were open."""
        self.opening_records: float | None = None
        """How many records it had to replay."""
        self.dump: MeasuredDump | None = None
        self.ways: list[MeasuredWay] = []
        """Ways of giving commands, side by side."""

    def _file(self, users: int) -> Path:
        if users not in self._files:
            path = self._directory / f"{users}-users.txt"
            self._say(f"making a workload of {users:,} users")
            write(path, users=users, commands=max(400_000, 10 * users), seed=users)
            self._files[users] = path
        return self._files[users]

    @asynccontextmanager
    async def _cluster(
        self, name: str, settings: Mapping[str, str], members: int = 3
    ) -> AsyncIterator[tuple[Cluster, Supervisor]]:
        directory = self._directory / name.replace(" ", "-")
        shutil.rmtree(directory, ignore_errors=True)
        options = ClusterOptions(members=members, port=free_port(), settings=settings)
        cluster = Cluster(directory, options)
        async with Supervisor(self._say) as supervisor:
            await cluster.start(supervisor, self._say)
            yield cluster, supervisor
        shutil.rmtree(directory, ignore_errors=True)

    async def _measure(
        self, configuration: str, cluster: Cluster, supervisor: Supervisor, users: int, **how: object
    ) -> Measured:
        rate = how.get("rate")
        name = f"{users:,} users" + (f", open loop at {rate:,.0f}/s" if isinstance(rate, float) else "")
        self._say(f"{configuration}: {name}")
        measured = await measure(
            name,
            cluster,
            supervisor,
            self._file(users),
            **{"duration": self._seconds, **how},  # type: ignore[arg-type]
        )
        self.rows.append(Row(configuration, measured))
        return measured

    async def _warm_up(self, cluster: Cluster, supervisor: Supervisor, users: int) -> None:
        await measure("warm-up", cluster, supervisor, self._file(users), duration=WARM_UP)

    async def core(self) -> None:
        """Durability by majority with batching, in closed and open loop; with and without batching; less durable."""
        async with self._cluster("majority", {}) as (cluster, supervisor):
            await self._warm_up(cluster, supervisor, 100)
            most = await self._measure("majority", cluster, supervisor, 100)
            await self._measure("majority", cluster, supervisor, 1_000)
            for part in OPEN_LOOP:
                rate = round(part * most.commands_per_s, 1)
                await self._measure("majority", cluster, supervisor, 100, rate=rate)
        await self._in_turns()
        for name, settings in (
            ("one member", {"DAYTRADER_JOURNAL_DURABILITY": "one"}),
            ("memory", {"DAYTRADER_JOURNAL_DURABILITY": "memory"}),
        ):
            await self._fresh(name, settings, [100])

    async def _in_turns(self) -> None:
        """With and without batching."""
        users = (100, 1_000)
        turns: list[tuple[list[Measured], list[Measured]]] = []
        for _ in range(ROUNDS):
            batching = await self._fresh("majority", {}, users)
            without = await self._fresh("majority, no batching", {"DAYTRADER_JOURNAL_BATCHING": "false"}, users)
            turns.append((batching, without))
        for number, many in enumerate(users):
            pairs = [(batching[number], without[number]) for batching, without in turns]
            self._compare(
                f"{many:,} users: commands/s with batching, to those without",
                [batching.commands_per_s / without.commands_per_s for batching, without in pairs],
            )
            self._compare(
                f"{many:,} users: CPU-ms a command without batching, to those with",
                [without.cpu_ms_per_command / batching.cpu_ms_per_command for batching, without in pairs],
            )

    async def _fresh(self, configuration: str, settings: Mapping[str, str], users: Sequence[int]) -> list[Measured]:
        """Measure a cluster of its own with so many users, one after the other."""
        async with self._cluster(configuration, settings) as (cluster, supervisor):
            await self._warm_up(cluster, supervisor, 100)
            return [await self._measure(configuration, cluster, supervisor, many) for many in users]

    def _compare(self, what: str, ratios: Sequence[float]) -> None:
        self.comparisons.append(Comparison(what, [round(ratio, 3) for ratio in ratios]))

    async def batch(self) -> None:
        """The JSON API: single requests and batches, taking turns."""
        async with self._cluster("batch", {}) as (cluster, supervisor):
            pids = {standing.name: standing.pid for standing in supervisor.standings() if standing.pid is not None}
            self._say("single requests and batches of the JSON API, taking turns")
            self.ways = await measure_batch(cluster.url, pids, self._seconds)

    async def auth(self) -> None:
        """What it costs that every command shows a token: clusters in the modes open and required, taking turns."""
        credentials = FirstCredentials.kept(self._directory)
        modes = {"open": {"DAYTRADER_AUTH_MODE": "open"}, "required": dict(credentials.settings)}
        tokens = {"open": None, "required": credentials.broker_token}
        async with AsyncExitStack() as stack:
            clusters = {
                mode: await stack.enter_async_context(self._cluster(mode, settings)) for mode, settings in modes.items()
            }
            done: dict[str, list[Measured]] = {mode: [] for mode in modes}
            for mode, cluster in clusters.items():
                await measure("warm-up", *cluster, self._file(100), duration=WARM_UP, token_file=tokens[mode])
            short = min(self._seconds, SHORT_S)
            for number in range(SHORT_TURNS):
                for mode, cluster in list(clusters.items())[:: -1 if number % 2 else 1]:
                    name = f"tokens: {mode}"
                    token = tokens[mode]
                    done[mode].append(await self._measure(name, *cluster, 100, token_file=token, duration=short))
        pairs = list(zip(done["open"], done["required"], strict=True))
        self._compare(
            "commands/s where tokens are required, to those where they are not",
            [required.commands_per_s / without.commands_per_s for without, required in pairs],
        )
        self._compare(
            "CPU-ms a command where tokens are required, to those where they are not",
            [required.cpu_ms_per_command / without.cpu_ms_per_command for without, required in pairs],
        )
        self._compare(
            "CPU of web to that of transaction, where tokens are required, to the same where they are not",
            [_web_to_transaction(required) / _web_to_transaction(without) for without, required in pairs],
        )

    async def streams(self) -> None:
        """Commands with nobody watching and with 1,000 accounts watched, taking turns."""
        async with self._cluster("streams", {}) as (cluster, supervisor):
            pids = {standing.name: standing.pid for standing in supervisor.standings() if standing.pid is not None}
            self._say("commands with nobody watching, and with 1,000 accounts watched, taking turns")
            measured = await measure_streams(cluster.url, pids, self._seconds)
        self.ways = measured.ways
        self._compare("commands/s with 1,000 accounts watched, to those with none before and after", measured.ratios)
        self._compare("updates told, to commands", measured.updates)

    async def flat(self, users: int = 100_000) -> None:
        """The cost with many users and a long journal, beside that of a cluster with few and a short one.

        All with 256 connections. Then how long opening takes, and dumping the whole log.
        """
        async with self._cluster("long", {}) as (cluster, supervisor):
            async with self._cluster("short", {}) as short:
                rate = await self._beside(cluster, supervisor, short, users)
            await self._lengthen_tail(cluster, supervisor, users, rate)
            await self._reopen(cluster, supervisor)
            self._say("dumping the whole log")
            (audit,) = (one.pid for one in supervisor.standings() if one.name == "audit")
            if audit is not None:
                self.dump = await measure_dump(cluster.url, audit)

    async def _beside(
        self, cluster: Cluster, supervisor: Supervisor, short: tuple[Cluster, Supervisor], users: int
    ) -> float:
        """Measure the two in turns, while both are up; returns how many commands/s the growing journal took.

        What a turn leaves to be done in the background falls into the other's next; so each begins with a load that
        is not measured, and leaves its own rest instead.
        """

        async def few(configuration: str, cluster: Cluster, supervisor: Supervisor) -> float:
            await self._warm_up(cluster, supervisor, 100)
            return (await self._measure(configuration, cluster, supervisor, 100, connections=256)).cpu_ms_per_command

        around = [await few("short journal", *short)]
        many = await self._measure("growing journal", cluster, supervisor, users, connections=256, duration=None)
        around.append(await few("short journal", *short))
        self._compare(
            f"CPU-ms a command of {users:,} users, to those of 100 before and after",
            [many.cpu_ms_per_command / mean(around)],
        )
        ratios: list[float] = []
        for _ in range(ROUNDS):
            long = await few("after 1,000,000 records", cluster, supervisor)
            around.append(await few("short journal", *short))
            ratios.append(long / mean(around[-2:]))
        self._compare("CPU-ms a command after 1,000,000 records, to those of a short journal before and after", ratios)
        return many.commands_per_s

    async def _lengthen_tail(self, cluster: Cluster, supervisor: Supervisor, users: int, rate: float) -> None:
        """Load at about so many commands/s until as many records are left after the checkpoints as usually are.

        A replica that stops stores everything, and that many users spread evenly over the partitions. When each has
        grown by `checkpoint_records`, they are at all stages of their way to the next checkpoint.
        """
        await self._strike(cluster, supervisor, signal.SIGTERM)
        records = _SETTINGS.partitions * _SETTINGS.checkpoint_records
        seconds = records / rate
        self._say(f"loading for {seconds:.0f} s: about {records:,} records, so that many are left after checkpoints")
        await measure("tail", cluster, supervisor, self._file(users), connections=256, duration=seconds)
        await asyncio.sleep(2 * OPEN_EVERY)  # the gauge is set that often
        self.opening_records = (await asyncio.to_thread(scrape, cluster))["daytrader_records_after_checkpoint"]

    async def _reopen(self, cluster: Cluster, supervisor: Supervisor) -> None:
        self.opening_s = await self._strike(cluster, supervisor, signal.SIGKILL)

    async def _strike(self, cluster: Cluster, supervisor: Supervisor, number: signal.Signals) -> float:
        """Send a signal to the transaction replica; returns the seconds until it was ready again."""
        (name,) = cluster.transactions
        pid = next(one.pid for one in supervisor.standings() if one.name == name)
        if pid is None:
            raise LoadFailedError(f"{name} does not run")
        os.kill(pid, number)
        started = asyncio.get_running_loop().time()
        while await cluster.is_ready(name):  # noqa: ASYNC110  another process gives us no event
            await asyncio.sleep(0.01)
        while not await cluster.is_ready(name):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        seconds = round(asyncio.get_running_loop().time() - started, 2)
        self._say(f"{name} was ready again, all partitions open, {seconds} s after {number.name}")
        return seconds


def _web_to_transaction(measured: Measured) -> float:
    """Return how many times what the transaction service costs web does: the machine's moods fall on both."""
    return measured.cpu_ms_by_part["web"] / measured.cpu_ms_by_part["transaction"]
