"""`daytrader bench`: measures the cluster mode on this machine."""

import os
import platform
import shutil
import tempfile
from pathlib import Path

import click
import msgspec
import psutil
import uvloop
from rich.console import Console

from daytrader.bench.load import LoadFailedError
from daytrader.bench.plan import Plan
from daytrader.bench.tables import Result, tables


@click.command()
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write all figures there.")
@click.option("--seconds", default=15.0, show_default=True, help="Length of each measurement.")
@click.option("--flat", is_flag=True, help="Measure the cost with 100,000 users and after 1,000,000 records, instead.")
@click.option("--batch", is_flag=True, help="Measure single requests and batches of the JSON API, instead.")
@click.option("--auth", is_flag=True, help="Measure what it costs that commands show a token, instead.")
@click.option("--streams", is_flag=True, help="Measure with nobody watching and with 1,000 accounts watched, instead.")
@click.option("--users", default=100_000, show_default=True, help="With --flat: how many users.")
def bench(
    json_path: Path | None, seconds: float, flat: bool, batch: bool, auth: bool, streams: bool, users: int
) -> None:
    """Measure the cluster mode: one web, one transaction, 3+3 mongods, Redis and the load generator on this machine.

    Throughput, latency, and CPU by process, with writes durable on a majority's disks; the same without batching, and
    with less durability; open loop at 25, 50, 75 and 90 % of the most. About 7 minutes. Figures of a shared machine are
    noisy: compare those of one run. Exit status 0 when every load ran without a failure.
    """
    if flat + batch + auth + streams > 1:
        raise click.UsageError("--flat, --batch, --auth and --streams are four benchmarks: give one of them")
    directory = Path(tempfile.mkdtemp(prefix="daytrader-bench-"))
    plan = Plan(directory, seconds, lambda text: click.echo(text, err=True))
    chosen = (
        plan.flat(users) if flat
        else plan.batch() if batch
        else plan.auth() if auth
        else plan.streams() if streams
        else plan.core()
    )  # fmt: skip
    try:
        uvloop.run(chosen)
    except LoadFailedError as error:
        raise click.ClickException(str(error)) from error
    finally:
        shutil.rmtree(directory, ignore_errors=True)
        result = Result(
            machine=_machine(),
            rows=plan.rows,
            opening_s=plan.opening_s,
            opening_records=plan.opening_records,
            dump=plan.dump,
            ways=plan.ways,
            comparisons=plan.comparisons,
        )
        if plan.rows or plan.ways:
            console = Console(width=max(120, Console().width))
            for table in tables(result):
                console.print(table)
        if json_path is not None:
            json_path.parent.mkdir(parents=True, exist_ok=True)
            json_path.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=2) + b"\n")
    if any(row.measured.failed for row in plan.rows):
        raise click.ClickException("commands failed: see the column `failed`")


def _machine() -> str:
    memory = psutil.virtual_memory().total / 2**30
    return f"{os.cpu_count()} cores, {memory:.0f} GiB, {platform.machine()}, Python {platform.python_version()}"
