"""`daytrader workload`: make workload files, and run them against a system."""

import asyncio
import signal
import sys
from pathlib import Path

import click
import uvloop
from rich.console import Console

from daytrader.bearer import Bearer
from daytrader.cli.bearer import bearer_options
from daytrader.cli.ca import ca_option
from daytrader.cli.workload_job import job
from daytrader.workload import maker, screen
from daytrader.workload.file import Workload
from daytrader.workload.options import Options
from daytrader.workload.process import ProcessError
from daytrader.workload.progress import Display, display
from daytrader.workload.report import Report, write_json
from daytrader.workload.run import run as run_workload
from daytrader.workload.runner import Snapshot

_FILE = click.Path(dir_okay=False, path_type=Path)
_READABLE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def workload() -> None:
    """Make workload files and run them against a system: the load generator."""


workload.add_command(job)


@workload.command()
@click.option("--users", default=100, show_default=True, type=click.IntRange(1), help="How many users.")
@click.option("--commands", default=100_000, show_default=True, type=click.IntRange(2), help="Lines of the file.")
@click.option("--seed", default=1, show_default=True, help="The same seed gives the same bytes.")
@click.option("-o", "--output", required=True, type=_FILE, help="The file to write; replaced where it exists.")
def make(users: int, commands: int, seed: int, output: Path) -> None:
    """Write a workload file of the real shape and mix.

    Users come in with an ADD and are then interleaved line by line; about a quarter of the commands is meant to be
    refused; the last line is a DUMPLOG.

    \b
    Examples:
      daytrader workload make --users 100 --commands 100000 -o 100-users.txt
      daytrader workload make --users 10000 --commands 1200000 --seed 7 -o large.txt
    """
    try:
        with display() as shown:
            maker.write(output, users, commands, seed, lambda done: shown.show(done, commands, f"making {output.name}"))
    except (OSError, ValueError) as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{output}: {commands:,} commands of {users:,} users")


@workload.command()
@click.argument("file", type=_READABLE)
@click.option("--url", required=True, help="Where the web service is, like http://127.0.0.1:8080.")
@click.option(
    "--rate",
    type=click.FloatRange(0, min_open=True),
    help="Open loop: send so many commands a second, and count latency from when each was due. "
    "Default: closed loop, each connection sends when it has its answer.",
)
@click.option("--dump", type=_FILE, help="Write the log (the answer to the last DUMPLOG) to this file.")
@click.option("--json", "json_file", type=_FILE, help="Write the report to this file, too.")
@click.option("--history", type=_FILE, help="Write times and outcome of each command to this file, as JSON Lines.")
@click.option("--connections", type=click.IntRange(1), help="Default: one for each user, at most 1,024.")
@click.option(
    "--processes", default=1, show_default=True, type=click.IntRange(1), help="Spread the users over so many processes."
)
@bearer_options
@ca_option
@click.option(
    "--retry/--no-retry",
    default=True,
    show_default=True,
    help="Send again what got no answer within 1 s (or 429, 503), with the same Idempotency-Key, for up to 30 s. "
    "--no-retry sends no keys.",
)
@click.option("--duration", type=click.FloatRange(0, min_open=True), help="Stop sending after so many seconds.")
@click.option(
    "--limit-time", type=click.FloatRange(0, min_open=True), help="Like --duration, but the run has failed then."
)
def run(
    file: Path,
    url: str,
    rate: float | None,
    dump: Path | None,
    json_file: Path | None,
    history: Path | None,
    connections: int | None,
    processes: int,
    bearer: Bearer,
    ca: Path | None,
    retry: bool,
    duration: float | None,
    limit_time: float | None,
) -> None:
    """Send the commands in FILE to a system and report how it did.

    A user's commands are sent in the order of the file, each after the answer to the one before; users run side by
    side. A DUMPLOG waits for all that stand before it and is run alone.

    Exit status: 0 when all was sent, every command was acknowledged (accepted or refused) and there was no server
    error; 130 after Ctrl-C; else 1. A log that the token may not read counts as refused, unless --dump asks for it.
    Malformed lines are reported, not sent, and do not count as a failure.

    \b
    Examples:
      daytrader workload run 100-users.txt --url http://127.0.0.1:8080 --dump log.xml
      daytrader workload run large.txt --url http://127.0.0.1:8080 --processes 2 --json report.json
      daytrader workload run large.txt --url http://127.0.0.1:8080 --rate 2000 --duration 60 --no-retry
    """
    options = Options(
        rate=rate,
        connections=connections,
        processes=processes,
        retry=retry,
        duration_s=duration,
        limit_s=limit_time,
        bearer=bearer,
        ca=ca,
        dump=dump,
        history=history,
    )
    try:
        report = _run(file, url, options)
        if json_file is not None:
            write_json(report, json_file)
    except KeyboardInterrupt:  # before anything was sent
        sys.exit(130)
    except (OSError, ValueError, ProcessError) as error:
        raise click.ClickException(str(error)) from None
    screen.show(report, Console())
    sys.exit(report.exit_status)


def _run(file: Path, url: str, options: Options) -> Report:
    size = file.stat().st_size
    with display() as shown, Workload.open(file, lambda read: shown.show(read, size, f"reading {file.name}")) as opened:
        return uvloop.run(_run_until_interrupted(opened, url, options, shown))


async def _run_until_interrupted(opened: Workload, url: str, options: Options, shown: Display) -> Report:
    interrupted = asyncio.Event()
    loop = asyncio.get_running_loop()

    def watch(snapshot: Snapshot) -> None:
        rate = snapshot.done / snapshot.seconds if snapshot.seconds > 1 else 0.0
        text = f"{snapshot.phase} {rate:,.0f}/s, {snapshot.refused:,} refused, {snapshot.failed:,} failed"
        shown.show(snapshot.done, snapshot.total, text)

    loop.add_signal_handler(signal.SIGINT, interrupted.set)
    loop.add_signal_handler(signal.SIGTERM, interrupted.set)
    return await run_workload(opened, url, options, watch=watch, interrupted=interrupted)
