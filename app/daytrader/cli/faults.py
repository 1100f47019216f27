"""`daytrader faults`: kill and freeze every process of a cluster during a run, and print what it cost."""

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Final

import click
import msgspec
import uvloop
from rich.console import Console
from rich.table import Table

from daytrader.bench.faults import Fault, FaultRow, Faults
from daytrader.local.cluster import Cluster, ClusterOptions
from daytrader.local.installation import ClusterInstallation
from daytrader.local.ports import free_port
from daytrader.workload.maker import write

LONGEST_GAP_S: Final = 15.0
"""Service is back in less than this."""


@click.command()
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write the table there as JSON, too.")
@click.option("--only", metavar="TEXT", help="Only the cases whose process has TEXT in its name, as in `primary`.")
@click.option("--fault", type=click.Choice(["kill", "freeze", "both"]), default="both", show_default=True)
@click.option("--rate", default=200.0, show_default=True, help="Commands a second.")
@click.option("--replicas", default=2, show_default=True, help="Web and transaction replicas.")
def faults(json_path: Path | None, only: str | None, fault: str, rate: float, replicas: int) -> None:
    """Start a cluster, and strike each of its processes once during a run: kill -9, and 30 s of SIGSTOP.

    Every case starts empty, and ends with `daytrader verify` over the log, the accounts and the client's own history.
    Exit status 0 only when no acknowledged command was lost or doubled, none failed, and service was back in 15 s.
    About 20 minutes.
    """
    directory = Path(tempfile.mkdtemp(prefix="daytrader-faults-"))
    try:
        rows = uvloop.run(_run(directory, only, fault, rate, replicas))
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    Console(width=max(100, Console().width)).print(_table(rows))
    for row in rows:
        if row.says:
            click.echo(f"\n{row.fault} {row.process}: {row.says}")
    if json_path is not None:
        json_path.parent.mkdir(parents=True, exist_ok=True)
        json_path.write_bytes(msgspec.json.format(msgspec.json.encode(rows), indent=2) + b"\n")
    sys.exit(0 if rows and all(_good(row) for row in rows) else 1)


def _good(row: FaultRow) -> bool:
    return row.verified and not row.failed and row.longest_gap_s < LONGEST_GAP_S


async def _run(directory: Path, only: str | None, fault: str, rate: float, replicas: int) -> list[FaultRow]:
    file = directory / "workload.txt"
    write(file, users=100, commands=round(rate * 60), seed=1)
    cluster = Cluster(directory, ClusterOptions(replicas=replicas, port=free_port()))
    kinds: tuple[Fault, ...] = ("kill", "freeze") if fault == "both" else (fault,)  # type: ignore[assignment]
    rows = []
    async with ClusterInstallation(cluster, _say) as installation:
        cases = Faults(cluster, installation, directory, rate, _say)
        targets = [what for what in await cases.targets() if only is None or only in what]
        for kind in kinds:
            for what in targets:
                rows.append(await cases.strike(what, kind, file))
                _say(f"  {rows[-1]}")
    return rows


def _table(rows: list[FaultRow]) -> Table:
    table = Table("process", "fault", "commands", "failed", "sent again", "longest gap", "lost or doubled")
    for row in rows:
        table.add_row(
            row.process,
            "kill -9" if row.fault == "kill" else "SIGSTOP 30 s",
            f"{row.commands:,}",
            str(row.failed),
            str(row.sent_again),
            f"{row.longest_gap_s:.2f} s",
            "none" if row.verified else "[red bold]see below[/]",
        )
    return table


def _say(text: str) -> None:
    click.echo(text, err=True)
