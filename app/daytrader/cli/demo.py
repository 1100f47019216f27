"""`daytrader demo`: the main job in one command: the system up, a workload replayed, the report and the log."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import click

PROGRAM = (sys.executable, "-m", "daytrader")


@click.command()
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--cluster", type=click.IntRange(1, 8), metavar="N", help="As for `daytrader up`; else embedded.")
@click.option(
    "--users", default=100, show_default=True, help="Users of the workload that is made where no FILE is given."
)
@click.option("--commands", default=20_000, show_default=True, help="Of the same.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("out"), show_default=True)
def demo(file: Path | None, cluster: int | None, users: int, commands: int, out: Path) -> None:
    """Bring the whole system up, replay a workload FILE against it over HTTP, and check what it did.

    Leaves in OUT: report.json (commands by outcome, TPS, percentiles), log.xml (the full log), verify.json. The
    installation is a new one, and is gone afterwards.
    """
    out.mkdir(parents=True, exist_ok=True)
    if file is None:
        file = out / "workload.txt"
        _run("workload", "make", "--users", str(users), "--commands", str(commands), "--seed", "1", "-o", str(file))
    mode = ["--cluster", str(cluster)] if cluster else []
    with subprocess.Popen(
        [*PROGRAM, "up", *mode, "--port", "0", "--new", "--data", str(out / "data")], stdout=subprocess.PIPE, text=True
    ) as system:
        try:
            url = _ready(system)
            click.echo(f"the system is up at {url}", err=True)
            log = out / "log.xml"
            _run(
                *("workload", "run", str(file), "--url", url, "--dump", str(log)),
                *("--json", str(out / "report.json"), "--history", str(out / "history.jsonl")),
            )
            _run("status", "--url", url)
            _run(
                *("verify", str(log), "--url", url, "--history", str(out / "history.jsonl")),
                *("--json", str(out / "verify.json")),
            )
        finally:
            system.terminate()
    click.echo(f"report: {out}/report.json   log: {out}/log.xml", err=True)


def _ready(system: subprocess.Popen[str]) -> str:
    if system.stdout is not None:
        for line in system.stdout:
            if line.startswith("ready "):
                return line.split()[1]
    raise click.ClickException("the system did not come up; the reason stands above")


def _run(*arguments: str) -> None:
    command: Sequence[str] = (*PROGRAM, *arguments)
    click.echo(f"\n$ daytrader {' '.join(arguments)}", err=True)
    if subprocess.run(command, check=False).returncode:
        raise click.ClickException(f"`daytrader {arguments[0]}` failed; the reason stands above")
