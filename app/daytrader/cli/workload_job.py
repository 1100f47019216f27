"""`daytrader workload job`: a whole workload in one program, as it runs as a Job in a cluster."""

import sys
import tempfile
from pathlib import Path

import click

from daytrader.bearer import Bearer
from daytrader.cli.bearer import bearer_options
from daytrader.cli.ca import ca_option
from daytrader.workload.job import Address, Job, Made, NoFileError
from daytrader.workload.options import Options
from daytrader.workload.process import ProcessError
from daytrader.workload.progress import display
from daytrader.workload.summary import Summary, write

_SECONDS = click.FloatRange(0, min_open=True)


@click.command()
@click.option("--url", required=True, help="Where the web service is, like http://127.0.0.1:8080.")
@ca_option
@bearer_options
@click.option("--file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="The workload file.")
@click.option("--from", "address", metavar="URL", help="Fetch the workload file from there.")
@click.option("--users", type=click.IntRange(1), help="Make the workload file: how many users.")
@click.option("--commands", type=click.IntRange(2), help="Lines of the file that is made.")
@click.option("--seed", type=int, help="The same seed makes the same users and commands.")
@click.option("--rate", type=_SECONDS, help="Open loop: so many commands a second. Default: closed loop.")
@click.option("--connections", type=click.IntRange(1), help="Default: one for each user, at most 1,024.")
@click.option("--processes", default=1, show_default=True, type=click.IntRange(1), help="Spread the users over these.")
@click.option("--duration", type=_SECONDS, help="Stop sending after so many seconds.")
@click.option("--limit-time", type=_SECONDS, help="Like --duration, but the run has failed then.")
@click.option("--verify/--no-verify", default=True, show_default=True, help="Read the log, and check what it tells.")
@click.option("--summary", required=True, type=click.Path(dir_okay=False, path_type=Path), help="Write it there.")
def job(
    url: str,
    ca: Path | None,
    file: Path | None,
    address: str | None,
    users: int | None,
    commands: int | None,
    seed: int | None,
    rate: float | None,
    connections: int | None,
    processes: int,
    duration: float | None,
    limit_time: float | None,
    verify: bool,
    summary: Path,
    bearer: Bearer,
) -> None:
    """Get a workload file, send it to a system, and verify what the system's log tells of it.

    Others may trade meanwhile as other users, and the log may hold earlier runs: only the commands of this run are
    matched with what was acknowledged to it; all others are checked under the rules, and their balances compared.

    Ends with a small JSON object in the file --summary. Exit status 0: every command was acknowledged, and nothing is
    wrong. A log that cannot be read makes it fail; one that is too long already for being read twice is skipped. Where
    tokens are required, only an admin may read the log: give an admin's token, or --no-verify and a broker's.
    """
    options = Options(
        rate=rate,
        connections=connections,
        processes=processes,
        bearer=bearer,
        ca=ca,
        duration_s=duration,
        limit_s=limit_time,
    )
    source = _source(file, address, users, commands, seed)
    with tempfile.TemporaryDirectory(prefix="daytrader-job-") as directory, display() as shown:
        try:
            found = Job(
                source=source,
                url=url,
                options=options,
                directory=Path(directory),
                verify=verify,
                keep=lambda so_far: write(so_far, summary),
                show=shown.show,
            ).run()
        except (NoFileError, OSError, ValueError, ProcessError) as error:
            found = Summary(ok=False, message=str(error))
    write(found, summary)
    click.echo(found.message, err=not found.ok)
    sys.exit(0 if found.ok else 1)


def _source(
    file: Path | None, address: str | None, users: int | None, commands: int | None, seed: int | None
) -> Path | Address | Made:
    made = Made(users, commands, seed) if users and commands and seed is not None else None
    given = [source for source in (file, Address(address) if address else None, made) if source is not None]
    if len(given) != 1:
        raise click.UsageError("give one of --file, --from, or --users with --commands and --seed")
    return given[0]
