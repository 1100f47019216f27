"""`daytrader verify`: whether anything was lost, doubled, or decided against the rules, by the log and the accounts."""

import asyncio
import sys
import time
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from daytrader.bearer import Bearer
from daytrader.cli.bearer import bearer_options
from daytrader.cli.ca import ca_option
from daytrader.workload.verify.acknowledged import HistoryError
from daytrader.workload.verify.asking import Asking, AskingError
from daytrader.workload.verify.balances import AccountsError
from daytrader.workload.verify.findings import Findings
from daytrader.workload.verify.verification import verify_log

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("log", type=_FILE)
@click.option("--url", help="Compare with the balances of the system that runs there.")
@ca_option
@bearer_options
@click.option("--accounts", type=_FILE, help='Compare with a file of JSON lines {"user": ..., "summary": {...}}.')
@click.option("--history", "histories", type=_FILE, multiple=True, help="What the load generator kept of its run(s).")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write the findings there.")
def verify(
    log: Path,
    url: str | None,
    ca: Path | None,
    accounts: Path | None,
    histories: tuple[Path, ...],
    json_file: Path | None,
    bearer: Bearer,
) -> None:
    """Check the LOG that DUMPLOG answered.

    Every command is decided again under the rules, with the quote and the time that the log tells, and must have come
    out as the log says; the balances that this leads to must be those of the accounts (--url or --accounts); and every
    command that was acknowledged to the load generator (--history) must stand in the log once, in order.

    Exit status 0 only when nothing is wrong.
    """
    console = Console()
    started = time.monotonic()
    try:
        findings = _check(console, log, url, ca, bearer, accounts, histories)
    except (OSError, HistoryError, AccountsError, AskingError) as error:
        raise click.ClickException(str(error)) from error
    if json_file is not None:
        json_file.write_bytes(findings.as_json())
    _show(console, findings, time.monotonic() - started)
    sys.exit(0 if findings.clean else 1)


def _check(
    console: Console,
    log: Path,
    url: str | None,
    ca: Path | None,
    bearer: Bearer,
    accounts: Path | None,
    histories: tuple[Path, ...],
) -> Findings:
    reading = Progress(
        TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn(), console=console
    )
    with reading:
        task = reading.add_task("replaying the log", total=sum(path.stat().st_size for path in (*histories, log)))
        replay, findings = verify_log(
            log, histories=histories, accounts=accounts, progress=lambda size: reading.advance(task, size)
        )
    if url is not None and findings.readable:
        with Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), console=console) as asking:
            total = sum(user.account is not None and user.sound for user in replay.users.values())
            task = asking.add_task("asking for balances", total=total)
            asyncio.run(Asking(url, replay, findings, ca, bearer).compare(lambda: asking.advance(task)))
    return findings


def _show(console: Console, findings: Findings, seconds: float) -> None:
    table = Table("checked", "how many")
    table.columns[1].justify = "right"
    for name, count in findings.checked.items():
        table.add_row(name, f"{count:,}")
    console.print(table)
    for remark in findings.remarks:
        console.print(Text(f"Note: {remark}."))
    if findings.clean:
        console.print(Text(f"Nothing is wrong ({seconds:.1f} s).", style="green"))
        return
    for violation in findings.named:
        console.print(Text(f"{violation.kind}: {violation.text}", style="red"))
    total = findings.violations.total()
    if total > len(findings.named):
        console.print(Text(f"... and {total - len(findings.named):,} more", style="red"))
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in findings.violations.items())
    console.print(Text(f"{total:,} violations ({kinds}) in {seconds:.1f} s.", style="bold red"))
