"""One measured load against a running cluster."""

import asyncio
import json
import os
import sys
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from daytrader.bench.cpu import CpuMeter
from daytrader.local.cluster import Cluster
from daytrader.local.supervisor import Supervisor


class LoadFailedError(Exception):
    """The load generator reported a failure; its last words are in the message."""


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What one load showed."""

    name: str
    commands: int
    seconds: float
    commands_per_s: float
    p50_ms: float
    p90_ms: float
    p99_ms: float
    p999_ms: float
    failed: int
    cpu_ms_per_command: float
    """Over all processes together, the load generator's and all members' included."""
    cpu_ms_by_part: dict[str, float]
    """CPU ms a command (which is CPU seconds per 1,000 commands) by part."""
    records_per_append: float
    appends_per_s: float
    append_ms: float
    """Mean time of an append."""
    commands_per_batch: float
    """Commands in one request from web to transaction."""
    resident_mb: dict[str, float]
    rate: float | None = None


async def measure(
    name: str,
    cluster: Cluster,
    supervisor: Supervisor,
    file: Path,
    *,
    connections: int | None = None,
    duration: float | None = None,
    rate: float | None = None,
    processes: int = 1,
    token_file: Path | None = None,
) -> Measured:
    """Run `file` against the cluster and measure it.

    Raises LoadFailedError where a command failed without a reason that the load explains.
    """
    pids = {standing.name: standing.pid for standing in supervisor.standings() if standing.pid is not None}
    meter = CpuMeter(pids)
    before = await asyncio.to_thread(scrape, cluster)
    environment = {} if token_file is None else {"DAYTRADER_TOKEN_FILE": str(token_file)}
    options = {"--connections": connections, "--duration": duration, "--rate": rate, "--processes": processes}
    report = await _generate(cluster.url, file, options, environment)
    after = await asyncio.to_thread(scrape, cluster)
    cpu = {"load generator": float(report["cpu_s"]), **meter.seconds()}
    commands = int(report["accepted"]) + int(report["refused"])
    seconds = float(report["sending_s"])

    def grown(metric: str) -> float:
        return after.get(metric, 0.0) - before.get(metric, 0.0)

    appends = grown("daytrader_append_seconds_count")
    batches = grown("daytrader_web_batch_commands_count")
    latency = report["latency_ms"]
    return Measured(
        name=name,
        commands=commands,
        seconds=round(seconds, 2),
        commands_per_s=round(float(report["commands_per_s"]), 1),
        p50_ms=latency["p50"],
        p90_ms=latency["p90"],
        p99_ms=latency["p99"],
        p999_ms=latency["p999"],
        failed=int(report["failed"]),
        cpu_ms_per_command=round(1000 * sum(cpu.values()) / commands, 4),
        cpu_ms_by_part={part: round(1000 * seconds_ / commands, 4) for part, seconds_ in cpu.items()},
        records_per_append=round(grown("daytrader_batch_records_sum") / max(1.0, appends), 1),
        appends_per_s=round(appends / seconds, 1),
        append_ms=round(1000 * grown("daytrader_append_seconds_sum") / max(1.0, appends), 2),
        commands_per_batch=round(grown("daytrader_web_batch_commands_sum") / max(1.0, batches), 1),
        resident_mb=meter.resident_mb(),
        rate=rate,
    )


async def _generate(
    url: str, file: Path, options: Mapping[str, float | None], environment: Mapping[str, str]
) -> Mapping[str, Any]:
    report = file.with_suffix(".report.json")
    report.unlink(missing_ok=True)
    argv = [sys.executable, "-m", "daytrader", "workload", "run", str(file), "--url", url, "--no-retry"]
    argv += ["--json", str(report)]
    argv += [word for option, value in options.items() if value is not None for word in (option, str(value))]
    child = await asyncio.create_subprocess_exec(
        *argv, env={**os.environ, **environment}, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await child.communicate()
    if not report.exists():
        raise LoadFailedError(f"the load generator ended without a report: {said.decode()[-2000:]}")
    result: Mapping[str, Any] = json.loads(report.read_text())
    return result


def scrape(cluster: Cluster) -> dict[str, float]:
    """Return the sum over all services of every metric without labels."""
    total: dict[str, float] = {}
    for url in cluster.metrics_urls().values():
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310  our own services on the loopback
            for line in answer.read().decode().splitlines():
                name, _, value = line.rpartition(" ")
                if name and not name.startswith("#") and "{" not in name:
                    total[name] = total.get(name, 0.0) + float(value)
    return total
